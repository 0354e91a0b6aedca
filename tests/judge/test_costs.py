"""What an accepted output takes, worked by hand."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from judge import costs, panels
from judge.models import Assessment, Panel, Rater
from judge.panels import Seat
from judge.ways import Way
from recommend.models import Generation, LanguageModel, Stage
from tests.judge.factories import FAILING, AssessmentFactory, PersonFactory
from tests.recommend.factories import GenerationFactory, LanguageModelFactory

pytestmark = pytest.mark.django_db


def generation(**fields: object) -> Generation:
    """An interest generation of two outputs that took 1,000 and 200 tokens and 3 seconds."""
    return GenerationFactory.create(
        stage=Stage.INTERESTS, outputs=2, prompt_tokens=1_000, completion_tokens=200, latency_s=3.0, **fields
    )


def judged(of: Generation, rater: Rater, **fields: object) -> None:
    """One output passes, the other fails; each took 100 and 20 tokens and half a second."""
    for output, labels in zip(of.outputs.all(), ({}, {"labels": FAILING["interest"]}), strict=True):
        AssessmentFactory.create(
            output=output, rater=rater, prompt_tokens=100, completion_tokens=20, seconds=0.5, **labels, **fields
        )


@pytest.fixture
def judge() -> Rater:
    model = LanguageModelFactory.create(name="judge", role="judge", prompt_price="2", completion_price="10")
    return Rater.objects.create(language_model=model, prompt_version="1")


def test_tokens_seconds_and_money_by_accepted_output(judge: Rater):
    made = generation()
    LanguageModel.objects.filter(pk=made.model_id).update(prompt_price=1, completion_price=4)
    judged(made, judge)
    judged(generation(model=made.model), judge)

    (row,) = costs.costs("interest")

    assert (row.judge, row.model, row.n_judged, row.n_accepted, row.n_unusable) == (judge, made.model, 4, 2, 0)
    # Four verdicts of 100 and 20 tokens at 2 and 10 a million, by two accepted outputs.
    judging, making = row.per_accepted or (None, None)
    assert judging == costs.Spent(200, 40, 1.0, Decimal("0.0008"))
    # Two generations of 1,000 and 200 tokens at 1 and 4 a million, by two accepted outputs.
    assert making == costs.Spent(1_000, 200, 3.0, Decimal("0.0018"))


def test_without_a_price_there_is_no_money_and_without_an_accepted_output_no_cost_of_one(judge: Rater):
    made = generation()
    AssessmentFactory.create(output=made.outputs.all()[0], rater=judge, labels=FAILING["interest"], prompt_tokens=10)

    (row,) = costs.costs("interest")

    assert row.making.money is None
    assert row.judging.money == Decimal("0.00002")
    assert row.per_accepted is None


def test_people_other_kinds_revisions_and_older_days_are_not_in_it(judge: Rater):
    made = generation()
    judged(made, judge)
    AssessmentFactory.create(output=made.outputs.all()[0], rater=PersonFactory.create())
    AssessmentFactory.create(output=GenerationFactory.create(stage=Stage.TAGS, outputs=1).outputs.get(), rater=judge)

    assert [row.n_judged for row in costs.costs("interest")] == [2]
    Assessment.objects.update(created_at=timezone.now() - timedelta(days=40))
    assert costs.costs("interest") == []
    assert [row.n_judged for row in costs.costs("interest", days=60)] == [2]


def test_a_panel_takes_what_its_members_took_for_its_votes_each_at_its_own_price(judge: Rater):
    cheap = LanguageModelFactory.create(name="cheap", role="judge", prompt_price="0.5", completion_price="1")
    assert judge.language_model is not None
    seats = [Seat(judge.language_model, Way()), Seat(cheap, Way())]
    panel = panels.make("two", vote=Panel.Vote.MAJORITY, seats=seats)
    voted, unvoted = generation(), generation()
    for member in panels.members_of(panel):
        judged(voted, member.rater, as_member=True)
        judged(unvoted, member.rater, as_member=True)
    for output in voted.outputs.all():
        AssessmentFactory.create(output=output, rater=panel.rater)

    row = next(row for row in costs.costs("interest") if row.judge == panel.rater)

    assert (row.n_judged, row.n_accepted) == (2, 2)
    # 2 outputs × 2 members × (100, 20) tokens; 200·2 + 40·10 = 800 and 200·0.5 + 40·1 = 140 millionths.
    assert row.judging == costs.Spent(400, 80, 2.0, Decimal("0.00094"))
    assert (row.making.prompt_tokens, row.making.seconds) == (1_000, 3.0)
