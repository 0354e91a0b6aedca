"""Stand-ins for generated outputs and for finished reviews, made by the database: no model and no person is asked.

Every generation has the same history of the same length and OUTPUTS outputs that no rule rejected, each with a judge's
labels; its texts say nothing. What matters here is how many rows there are, how long they are, and in which order.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import connection
from psycopg.types.json import Jsonb

from judge.models import Campaign, CampaignUnit, Rater, Rubric
from recommend.models import Generation, LanguageModel, Shopper

OUTPUTS = 4
LABELS = {"willingness": "Spontaneity", "reasonableness": "Strong"}
REASON = "Stand-in for a reason: bought in nine of twelve months, most often at the end of a week, and lately more."
LINES = [
    (
        f"{months} months ago (purchased)",
        [["charcoal", 3], ["sausages", 5], ["buns", 4], ["soft drinks", 12], ["ice", 2]],
    )
    for months in range(12, 0, -1)
]
HISTORY: dict[str, Any] = {
    "lines": [
        {"text": f"{when} | " + ", ".join(f"{name} ×{n}" for name, n in items), "contexts": when, "items": items}
        for when, items in LINES
    ],
    "n_events": 312,
    "n_kept_events": 312,
    "n_dropped_events": 0,
    "dropped_before": None,
    "tokens": 420,
    "max_tokens": 448,
}

GENERATIONS = """
WITH shoppers AS (
    SELECT array_agg(id) AS ids FROM recommend_shopper
), runs AS (
    INSERT INTO recommend_pipelinerun (id, created_at, shopper_id, idempotency_key, state, step, reference_at, beta,
        n_items, history, error, priority, sent_at, finished_at)
    SELECT uuidv7(), now() - (%(n)s - number) * interval '1 second', ids[1 + number %% cardinality(ids)], '', 'done',
        'explanations', now(), 0.5, 6, %(history)s, '', 0, now(), now()
    FROM shoppers, generate_series(1, %(n)s) number
    RETURNING id, created_at, shopper_id
), generations AS (
    INSERT INTO recommend_generation (id, created_at, run_id, shopper_id, stage, position, model_id, prompt_version,
        prompt_sha256, input, input_sha256, state, raw_text, error, prompt_tokens, completion_tokens, latency_s,
        finished_at)
    SELECT uuidv7(), created_at, id, shopper_id, 'interests', 0, %(model)s, %(name)s, repeat('0', 64), %(input)s,
        repeat('0', 64), 'done', '', '', 420, 200, 1.0, now()
    FROM runs
    RETURNING id
), outputs AS (
    INSERT INTO recommend_output (id, created_at, generation_id, kind, position, text, reason, stage, evidence,
        rejected_by, rejected_because)
    SELECT uuidv7(), now(), generations.id, 'interest', position, 'stand-in interest ' || position, %(reason)s,
        'long-term', '[3, 7]', '', ''
    FROM generations, generate_series(0, %(outputs)s - 1) position
    RETURNING id
)
INSERT INTO judge_assessment (id, created_at, rater_id, output_id, rubric_id, revision, labels, passed, rationale,
    probabilities, seconds, blind, raw_text, error)
SELECT uuidv7(), now(), %(judge)s, id, %(rubric)s, 1, %(labels)s, true, %(reason)s, '{}', 0, true, '', '' FROM outputs
"""

REVIEWS = """
WITH units AS (
    SELECT id, generation_id, created_at FROM judge_campaignunit WHERE campaign_id = %(campaign)s
    ORDER BY created_at OFFSET %(first)s LIMIT %(n)s
), assignments AS (
    INSERT INTO judge_assignment (id, created_at, unit_id, annotator_id, state, lease_until, draft, draft_version,
        skip_reason, flag, seconds, submitted_at)
    SELECT uuidv7(), created_at, id, %(annotator)s, 'submitted', now(), '{}', 0, '', '', 40, now() FROM units
    RETURNING id, unit_id
), assessments AS (
    INSERT INTO judge_assessment (id, created_at, rater_id, output_id, rubric_id, assignment_id, revision, labels,
        passed, rationale, probabilities, seconds, blind, raw_text, error)
    SELECT uuidv7(), now(), %(rater)s, output.id, %(rubric)s, assignments.id, 1, %(labels)s, true, '', '{}', 10, true,
        '', ''
    FROM assignments JOIN units ON units.id = assignments.unit_id
    JOIN recommend_output output ON output.generation_id = units.generation_id
), counted AS (
    UPDATE judge_campaignunit unit SET n_taken = n_taken + 1, n_submitted = n_submitted + 1 FROM assignments
    WHERE unit.id = assignments.unit_id
    RETURNING unit.campaign_id
)
INSERT INTO judge_tally (id, created_at, campaign_id, annotator_id, n_submitted)
SELECT uuidv7(), now(), campaign_id, %(annotator)s, count(*) FROM counted GROUP BY campaign_id
"""


def generations(name: str, n: int, model: LanguageModel, judge: Rater, rubric: Rubric) -> None:
    """Store `n` finished generations under a name of their own, the last one made now, one each second before."""
    if not Shopper.objects.exists():
        Shopper.objects.bulk_create(Shopper(external_id=f"stand-in {number}") for number in range(800))
    values = {"name": name, "n": n, "model": model.pk, "judge": judge.pk, "rubric": rubric.pk, "outputs": OUTPUTS}
    shown = {"attributes": {}, "history": [line["text"] for line in HISTORY["lines"]], "reference": "2026-01-01"}
    values |= {"input": Jsonb(shown)}
    run(GENERATIONS, values | {"history": Jsonb(HISTORY), "reason": REASON, "labels": Jsonb(LABELS)})


def campaign(name: str, generations: str, rubric: Rubric, overlap: int, members: Sequence[User] = ()) -> Campaign:
    """A campaign that has drawn all generations of a name, oldest first."""
    made = Campaign.objects.create(name=name, stage="interests", rubric=rubric, overlap=overlap)
    made.members.set(members)
    found = Generation.objects.filter(prompt_version=generations).order_by("created_at").values_list("pk", flat=True)
    units = [CampaignUnit(campaign=made, generation_id=one, inclusion_probability=1) for one in found]
    CampaignUnit.objects.bulk_create(units, batch_size=2_000)
    return made


def reviews(campaign: Campaign, people: Sequence[User], n: int) -> None:
    """Have the oldest `n` units reviewed, each by two people, who share a block of units that lie side by side."""
    pairs = [people[first : first + 2] for first in range(0, len(people), 2)]
    for number, pair in enumerate(pairs):
        for person in pair:
            rater, _ = Rater.objects.get_or_create(user=person)
            values = {"campaign": campaign.pk, "annotator": person.pk, "rater": rater.pk, "rubric": campaign.rubric_id}
            block = {"first": number * (n // len(pairs)), "n": n // len(pairs)}
            run(REVIEWS, values | block | {"labels": Jsonb(LABELS)})


def run(statement: str, values: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        plain = {name: str(value) if isinstance(value, UUID) else value for name, value in values.items()}
        cursor.execute(statement, plain)
