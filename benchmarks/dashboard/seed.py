"""Stand-ins for what a million assessments are about, made by the database: no model and no person is asked.

Generations of OUTPUTS interests each, spread evenly over WEEKS weeks and over the shoppers; a judge passes four fifths
of them with a probability of its own, and people pass what it passes nine times of ten, and a third of the rest. Texts
say nothing: what matters here is how many rows there are, how long they are, and how they lie.
"""

from typing import Any
from uuid import UUID

from django.db import connection

OUTPUTS, WEEKS = 4, 12
REASON = "Stand-in for a reason: bought in nine of twelve months, most often at the end of a week, and lately more."

SHOPPERS = """
INSERT INTO recommend_shopper (id, created_at, external_id, attributes, n_behaviors)
SELECT uuidv7(), now(), 'stand-in ' || number, '{}', 0 FROM generate_series(1, %(shoppers)s) number
"""

JUDGED = """
WITH shoppers AS (
    SELECT array_agg(id) AS ids FROM recommend_shopper
), runs AS (
    INSERT INTO recommend_pipelinerun (id, created_at, shopper_id, idempotency_key, state, step, reference_at, beta,
        n_items, history, error, priority, sent_at, finished_at)
    SELECT uuidv7(), now() - number * interval '1 week' * %(weeks)s / %(n)s, ids[1 + number %% cardinality(ids)], '',
        'done', 'explanations', now(), 0.5, 6, '{}', '', 0, now(), now()
    FROM shoppers, generate_series(0, %(n)s - 1) number
    RETURNING id, created_at, shopper_id
), generations AS (
    INSERT INTO recommend_generation (id, created_at, run_id, shopper_id, stage, position, model_id, prompt_version,
        prompt_sha256, input, input_sha256, state, raw_text, error, prompt_tokens, completion_tokens, latency_s,
        finished_at)
    SELECT uuidv7(), created_at, id, shopper_id, 'interests', 0,
        (%(models)s::uuid[])[1 + floor(random() * cardinality(%(models)s::uuid[]))::int],
        (1 + floor(random() * 2)::int)::text, repeat('0', 64), '{"history": []}', repeat('0', 64), 'done', '', '', 420,
        200, 1.0, created_at
    FROM runs
    RETURNING id, created_at
), outputs AS (
    INSERT INTO recommend_output (id, created_at, generation_id, kind, position, text, reason, stage, evidence,
        rejected_by, rejected_because)
    SELECT uuidv7(), generations.created_at, generations.id, 'interest', position, 'stand-in interest ' || position,
        %(reason)s, 'long-term', '[3, 7]', '', ''
    FROM generations, generate_series(0, %(outputs)s - 1) position
    RETURNING id, created_at
), judged AS MATERIALIZED (
    SELECT id, created_at, random() < 0.8 AS passes, 0.55 + 0.44 * random() AS sure FROM outputs
)
INSERT INTO judge_assessment (id, created_at, rater_id, output_id, rubric_id, revision, labels, passed, rationale,
    probabilities, seconds, blind, raw_text, error)
SELECT uuidv7(), created_at, %(judge)s, id, %(rubric)s, 1,
    jsonb_build_object('willingness', CASE WHEN passes THEN 'Spontaneity' ELSE 'Necessity' END,
        'reasonableness', 'Strong'),
    passes, %(reason)s,
    jsonb_build_object('willingness', jsonb_build_object('Spontaneity', CASE WHEN passes THEN sure ELSE 1 - sure END),
        'reasonableness', '{"Strong": 0.95}'::jsonb),
    0, true, '', ''
FROM judged
"""

DRAWN = """
INSERT INTO judge_campaignunit (id, created_at, campaign_id, generation_id, inclusion_probability, stratum, n_taken,
    n_submitted)
SELECT uuidv7(), now() - interval '1 week' * %(weeks)s, %(campaign)s, id, %(rate)s, '', 0, 0
FROM recommend_generation WHERE random() < %(rate)s
"""

REVIEWED = """
WITH units AS (
    SELECT id, generation_id, row_number() OVER (ORDER BY id) AS number, count(*) OVER () AS n
    FROM judge_campaignunit WHERE campaign_id = %(campaign)s
), assignments AS (
    INSERT INTO judge_assignment (id, created_at, unit_id, annotator_id, state, lease_until, draft, draft_version,
        skip_reason, flag, seconds, submitted_at)
    SELECT uuidv7(), now(), units.id,
        (%(people)s::int[])[1 + (number + turn * (1 + number / 7)) %% cardinality(%(people)s::int[])],
        'submitted', now(), '{}', 0, '', '', 20 + 40 * random(),
        now() - interval '1 week' * %(weeks)s * (n - number) / n
    FROM units, generate_series(0, %(overlap)s - 1) turn WHERE number <= n * 0.9
    ON CONFLICT DO NOTHING
    RETURNING id, unit_id, annotator_id, submitted_at
), said AS MATERIALIZED (
    SELECT assignments.id AS assignment_id, submitted_at, rater.id AS rater_id, judged.output_id,
        CASE WHEN judged.passed THEN random() < 0.9 ELSE random() < 0.33 END AS passes
    FROM assignments JOIN units ON units.id = assignments.unit_id
    JOIN judge_rater rater ON rater.user_id = assignments.annotator_id
    JOIN recommend_output output ON output.generation_id = units.generation_id
    JOIN judge_assessment judged ON judged.output_id = output.id AND judged.rater_id = %(judge)s
), assessments AS (
    INSERT INTO judge_assessment (id, created_at, rater_id, output_id, rubric_id, assignment_id, revision, labels,
        passed, rationale, probabilities, seconds, blind, raw_text, error)
    SELECT uuidv7(), submitted_at, rater_id, output_id, %(rubric)s, assignment_id, 1,
        jsonb_build_object('willingness', CASE WHEN passes THEN 'Spontaneity' ELSE 'Necessity' END,
            'reasonableness', 'Strong'),
        passes, '', '{}', 10, true, '', ''
    FROM said
)
UPDATE judge_campaignunit unit SET n_taken = done.n, n_submitted = done.n
FROM (SELECT unit_id, count(*) AS n FROM assignments GROUP BY unit_id) done WHERE unit.id = done.unit_id
"""


def run(statement: str, **values: Any) -> None:
    plain = {name: str(value) if isinstance(value, UUID) else value for name, value in values.items()}
    with connection.cursor() as cursor:
        cursor.execute(statement, plain | {"outputs": OUTPUTS, "weeks": WEEKS, "reason": REASON})
