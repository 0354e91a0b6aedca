"""Panels: made, asked, voting, checked; by recorded answers, and by a real model."""

from typing import Any

import pytest

from judge import frames, judging, panels, passports, services, tasks
from judge.checks import runner
from judge.models import Assessment, Campaign, Panel, Passport, Rater, Rubric
from judge.panels import PanelError, Seat
from judge.services import rater_for_model, seed_rubrics
from judge.ways import Way
from recommend.engines import factory
from recommend.engines.errors import EngineUnavailableError
from recommend.engines.types import ChatRequest, EngineError
from recommend.models import LanguageModel, Stage
from tests.judge.checks.material import made as material
from tests.judge.factories import FAILING, PASSING
from tests.recommend.factories import GenerationFactory, LanguageModelFactory
from tests.support.recorded_engine import RecordedEngine

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def judges() -> list[LanguageModel]:
    seed_rubrics()
    return [
        LanguageModelFactory.create(name=name, role=LanguageModel.Role.JUDGE, state=LanguageModel.State.CANDIDATE)
        for name in ("first", "second", "third")
    ]


def panel_of(judges: list[LanguageModel], **options: Any) -> Panel:
    return panels.make(
        options.pop("name", "three"),
        vote=options.pop("vote", Panel.Vote.MAJORITY),
        seats=[Seat(one, Way()) for one in judges],
        **options,
    )


def serving(judges: list[LanguageModel], **options: Any) -> Rater:
    return panels.set_serving(panel_of(judges, **options), True).rater


def answering(**failing: bool) -> RecordedEngine:
    """Recorded: each model passes interests, those that are named fail them."""

    def answer(request: ChatRequest) -> dict[str, Any]:
        labels = FAILING if failing.get(request.model) else PASSING
        return labels["interest"] | {"rationale": f"So says {request.model}."}

    return RecordedEngine(answer)


def test_every_members_labels_are_stored_as_its_own_and_the_panels_are_their_vote(judges: list[LanguageModel]):
    panel = serving(judges)
    generation = GenerationFactory.create(outputs=2)

    assert judging.judge_pending(generation, answering(second=True)) == 2

    by_rater = {one.rater.language_model: one for one in Assessment.objects.select_related("rater__language_model")}
    assert [by_rater[one].passed for one in judges] == [True, False, True]
    assert [by_rater[one].as_member for one in judges] == [True, True, True]
    votes = Assessment.objects.filter(rater=panel)
    assert [(one.passed, one.labels, one.as_member) for one in votes] == [(True, PASSING["interest"], False)] * 2
    # The members' spread is how unsure the panel is.
    assert votes[0].probabilities["willingness"] == pytest.approx({"Spontaneity": 2 / 3, "Necessity": 1 / 3})
    assert "second (prompt 1): So says second." in votes[0].rationale
    # What the calls took is the members', and counted once.
    assert sum(one.prompt_tokens for one in Assessment.objects.all()) == 2 * 3 * 100


def test_the_vote_waits_for_every_member_and_nobody_is_asked_twice(judges: list[LanguageModel]):
    panel = serving(judges)
    generation = GenerationFactory.create(outputs=1)
    usual = answering()

    def answer(request: ChatRequest) -> Any:
        return EngineError("unavailable", "away") if request.model == "second" else usual._answer(request)

    with pytest.raises(EngineUnavailableError, match="away"):
        judging.judge_pending(generation, RecordedEngine(answer))
    assert Assessment.objects.filter(rater=panel).count() == 0
    assert Assessment.objects.count() == 2

    engine = answering()
    assert judging.judge_pending(generation, engine) == 1
    assert [request.model for request in engine.requests] == ["second"]
    assert judging.judge_pending(generation, engine) == 0


def test_a_generation_that_only_members_have_judged_is_sent_again(judges: list[LanguageModel], settings):
    from datetime import timedelta

    from django.utils import timezone

    panel = serving(judges)
    generation = GenerationFactory.create(outputs=1, finished_at=timezone.now() - timedelta(hours=1))
    judging.judge_pending(generation, answering())
    assert tasks.resend_unjudged() == 0

    Assessment.objects.filter(rater=panel).delete()

    assert tasks.resend_unjudged() == 1


@pytest.mark.parametrize(("n_broken", "is_usable"), [(1, True), (2, False), (3, False)])
def test_a_member_without_usable_labels_abstains_and_most_of_them_must_not(
    judges: list[LanguageModel], n_broken: int, is_usable: bool
):
    panel = serving(judges)
    generation = GenerationFactory.create(outputs=1)
    broken = {one.name for one in judges[:n_broken]}
    usual = answering()

    judging.judge_pending(
        generation,
        RecordedEngine(
            lambda request: EngineError("truncated", "cut") if request.model in broken else usual._answer(request)
        ),
    )

    vote = Assessment.objects.get(rater=panel)
    assert (vote.passed is not None) == is_usable
    if not is_usable:
        assert vote.error.startswith(
            f"{3 - n_broken} of 3 members gave usable labels. first (prompt 1): truncated: cut"
        )


def test_uncertainty_first_plans_go_by_the_spread_of_the_panel_and_not_by_its_first_member(
    judges: list[LanguageModel],
):
    serving(judges)
    split, sure = GenerationFactory.create(outputs=1), GenerationFactory.create(outputs=1)
    judging.judge_pending(split, answering(second=True))
    judging.judge_pending(sure, answering())
    reading = frames.Reading(uncertainty=Campaign.Uncertainty.MARGIN, rubric=Rubric.objects.current("interest"))

    found = frames.uncertainties([split.pk, sure.pk], reading)

    assert found[sure.pk] == pytest.approx(0)
    assert found[split.pk] > 0.1


def test_the_same_model_in_another_way_is_another_member(judges: list[LanguageModel]):
    first = judges[0]
    panel = panels.make("two ways", vote=Panel.Vote.MAJORITY, seats=[Seat(first, Way()), Seat(first, Way(True))])

    assert [one.rater.prompt_version for one in panels.members_of(panel)] == ["1", "1-before"]


@pytest.mark.parametrize(
    ("seats", "options", "reason"),
    [
        ([0], {}, "A panel has 2 to 9 members, not 1."),
        ([0, 0], {}, "first is in it twice in the same way"),
        ([0, 1], {"name": " "}, "A panel needs a name."),
        ([0, 1], {"name": "taken"}, "There is a panel “taken” already."),
        ([0, 1], {"vote": Panel.Vote.MEASURED}, "No kind of output has a passport of every member"),
    ],
)
def test_what_cannot_be_a_panel_is_refused_in_words(
    judges: list[LanguageModel], seats: list[int], options: dict[str, Any], reason: str
):
    panel_of(judges, name="taken")

    with pytest.raises(PanelError, match=reason):
        panel_of([judges[one] for one in seats], **options)

    assert Panel.objects.count() == 1


def test_other_refusals_name_the_member(judges: list[LanguageModel]):
    generator = LanguageModelFactory.create(name="generator", role=LanguageModel.Role.TAGS)
    with pytest.raises(PanelError, match="generator is no judge"):
        panel_of([judges[0], generator])
    with pytest.raises(PanelError, match="The weight 0 of second is not above 0"):
        panels.make("p", vote=Panel.Vote.WEIGHTED, seats=[Seat(judges[0], Way()), Seat(judges[1], Way(), 0.0)])


def test_given_weights_count(judges: list[LanguageModel]):
    seats = [Seat(judges[0], Way(), 3.0), Seat(judges[1], Way(), 1.0), Seat(judges[2], Way(), 1.0)]
    panel = panels.set_serving(panels.make("weighted", vote=Panel.Vote.WEIGHTED, seats=seats), True)
    generation = GenerationFactory.create(outputs=1)

    judging.judge_pending(generation, answering(first=True))

    vote = Assessment.objects.get(rater=panel.rater)
    assert vote.passed is False
    assert vote.probabilities["willingness"] == pytest.approx({"Spontaneity": 0.4, "Necessity": 0.6})


def passport(judge: Rater, tpr: float, tnr: float) -> None:
    """A passport as if people's labels had said so."""
    check = runner.prepare(Rubric.objects.current("interest"), judge=judge, budget=20)
    rates = {
        "tpr": {"value": tpr, "low": 0, "high": 1, "n": 99, "n_clusters": 99, "note": ""},
        "tnr": {"value": tnr, "low": 0, "high": 1, "n": 99, "n_clusters": 99, "note": ""},
    }
    Passport.objects.create(
        judge_check=check,
        rater=judge,
        rubric=check.rubric,
        version=check.version,
        figures={"criteria": [{"name": name, **rates} for name in ("overall", "willingness", "reasonableness")]},
        measured_on={},
    )


def test_measured_weights_are_those_of_the_passports_on_the_day_that_the_panel_is_made(judges: list[LanguageModel]):
    material(Stage.INTERESTS, 3)
    fair, lenient = (rater_for_model(one, "1") for one in judges[:2])
    passport(fair, 0.9, 0.8)
    passport(lenient, 0.99, 0.02)

    panel = panel_of(judges[:2], vote=Panel.Vote.MEASURED)

    first, second = panels.members_of(panel)
    assert set(first.measured) == {"interest"}
    to_pass, to_fail = first.measured["interest"]["willingness"]
    assert (to_pass, to_fail) == pytest.approx((1.4847, 2.0367), abs=1e-3)  # ln(.896/.203), ln(.797/.104)
    assert second.measured["interest"]["willingness"][0] < 0.02  # it passes everything: its pass says nothing
    Passport.objects.all().delete()
    assert panels.members_of(panel)[0].measured == first.measured


def test_a_panel_serves_in_the_place_of_the_model_until_it_is_set_back(judges: list[LanguageModel]):
    LanguageModel.objects.filter(pk=judges[0].pk).update(state=LanguageModel.State.SERVING)
    one, other = panel_of(judges), panel_of(judges, name="other")
    assert services.serving_judge().language_model == judges[0]

    panels.set_serving(one, True)
    panels.set_serving(other, True)
    assert services.serving_judge().panel == other
    assert Panel.objects.filter(is_serving=True).count() == 1

    panels.set_serving(other, False)
    assert services.serving_judge().language_model == judges[0]


def test_what_a_member_said_is_its_own_verdict_once_it_serves_alone(judges: list[LanguageModel]):
    panel = serving(judges)
    voted, unvoted = GenerationFactory.create(outputs=1), GenerationFactory.create(outputs=1)
    judging.judge_pending(voted, answering())
    judging.judge_pending(unvoted, answering())
    Assessment.objects.filter(rater=panel, output__generation=unvoted).delete()
    panels.set_serving(panel.panel, False)  # type: ignore[arg-type]
    LanguageModel.objects.filter(pk=judges[0].pk).update(state=LanguageModel.State.SERVING)
    engine = answering()

    judging.judge_pending(voted, engine)
    judging.judge_pending(unvoted, engine)

    assert engine.requests == []
    own = Assessment.objects.filter(rater__language_model=judges[0], as_member=False)
    assert [one.output.generation for one in own.select_related("output__generation")] == [unvoted]


def test_a_panel_is_checked_and_has_a_passport_of_its_own_that_expires_with_a_member(judges: list[LanguageModel]):
    material(Stage.INTERESTS, 4)
    panel = serving(judges)
    check = runner.prepare(Rubric.objects.current("interest"), judge=panel, budget=20)
    n_cases = check.cases.count()
    engine = answering(second=True, third=True)

    while check.is_active:
        check = runner.advance(check.pk, engine) or check

    assert check.state == "done", check.error
    assert len(engine.requests) >= 3 * n_cases
    assert Assessment.objects.count() == 0
    case = check.cases.first()
    assert case is not None
    assert (case.passed, case.prompt_tokens, case.seconds) == (False, 300, 1.5)
    assert passports.valid_for("interest").is_valid
    LanguageModel.objects.filter(pk=judges[1].pk).update(adapter="other.gguf")
    expired = passports.valid_for("interest")
    assert not expired.is_valid
    assert "A member of the panel has another model" in expired.reason


@pytest.mark.llm
def test_a_real_model_sits_in_a_panel_in_three_ways(llm_server: str, settings):
    model = LanguageModelFactory.create(name=settings.LLM_MODEL, role=LanguageModel.Role.JUDGE, adapter="a.gguf")
    ways = [Way(), Way(True), Way(False, "generation")]
    panel = panels.make("real", vote=Panel.Vote.MAJORITY, seats=[Seat(model, way) for way in ways])
    panels.set_serving(panel, True)
    generation = GenerationFactory.create(stage=Stage.INTERESTS, outputs=2)

    assert judging.judge_pending(generation, factory.make(base_url=llm_server, concurrency=1)) == 2

    assert Assessment.objects.filter(as_member=True, error="").count() == 6
    for vote in Assessment.objects.filter(rater=panel.rater):
        assert set(vote.labels) == set(PASSING["interest"])
        for criterion, shares in vote.probabilities.items():
            # Three members, so thirds.
            assert {round(3 * one, 6) for one in shares.values()} <= {0, 1, 2, 3}, criterion
