"""A check from its questions to its passport, with judges whose faults are known: scripted answers."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery.signals import before_task_publish
from django.db import transaction
from django.utils import timezone

from judge import cases, passports, tasks
from judge.checks import planning, runner, services
from judge.checks.perturbations import DEFECTS
from judge.checks.runner import CheckError, CheckRunningError
from judge.models import CheckCase, JudgeCheck, Passport, Rater, Rubric
from judge.services import rater_for_model
from recommend.engines import factory
from recommend.engines.errors import EngineUnavailableError
from recommend.engines.types import ChatRequest, EngineError
from recommend.models import JobState, LanguageModel, Stage
from tests.judge.checks.material import made
from tests.judge.factories import FAILING, PASSING, UserFactory
from tests.recommend.factories import OutputFactory
from tests.support.recorded_engine import RecordedEngine

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("judge")]
Probe = CheckCase.Probe
STAGES = {"interest": Stage.INTERESTS, "tag": Stage.TAGS, "explanation": Stage.EXPLANATIONS}


def prepared(judge: Rater, kind: str = "interest", budget: int = 60, n_shoppers: int = 6) -> JudgeCheck:
    made(STAGES[kind], n_shoppers)
    return runner.prepare(Rubric.objects.current(kind), judge=judge, budget=budget, seed=1)


def finished(check: JudgeCheck, engine: RecordedEngine) -> Passport:
    """The passport of a check that is asked to its end."""
    while (advanced := runner.advance(check.pk, engine)) is not None and advanced.is_active:
        pass
    return Passport.objects.get(judge_check=check)


def scripted(rule: Callable[[str], bool], kind: str = "interest") -> RecordedEngine:
    """A judge that passes an output where the rule says so of what it reads of it."""

    def answer(request: ChatRequest) -> dict[str, Any]:
        text = request.messages[-1].content.rpartition("<output>")[2]
        return (PASSING if rule(text) else FAILING)[kind] | {"rationale": "So it is."}

    return RecordedEngine(answer)


def figure(passport: Passport, part: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in passport.figures[part] if one["name"] == name)
    return found


@pytest.mark.parametrize("kind", STAGES)
def test_a_judge_that_passes_everything_catches_no_planted_defect(judge: Rater, kind: str):
    check = prepared(judge, kind)

    passport = finished(check, scripted(lambda text: True, kind))

    overall = figure(passport, "criteria", "overall")["planted_tnr"]
    planted = check.cases.filter(probe=Probe.PLANTED).count()
    assert (overall["value"], overall["low"], overall["n"]) == (0.0, 0.0, planted)
    assert 0 < overall["high"] < 1
    assert {one["name"] for one in passport.figures["defects"]} == {
        one.defect for one in check.cases.filter(probe=Probe.PLANTED)
    }
    for name in ("repeat", "warm", "reversed", "reworded"):
        assert figure(passport, "probes", name)["estimate"]["value"] == 0.0
    for name in ("injected_output", "injected_evidence"):
        injected = figure(passport, "probes", name)
        assert injected["estimate"]["value"] is None
        assert "failed nothing" in injected["sentence"]


@pytest.mark.parametrize("kind", STAGES)
def test_every_defect_of_a_kind_is_planted(judge: Rater, kind: str):
    check = prepared(judge, kind, budget=100)

    planted = check.cases.filter(probe=Probe.PLANTED)

    assert set(planted.values_list("defect", flat=True)) == {
        one.name
        for one in DEFECTS[kind]  # type: ignore[index]
    }
    assert len(set(planted.values_list("output__generation__shopper", flat=True))) == 6


def test_a_defect_is_caught_on_its_criterion_only_where_that_criterion_fails(judge: Rater):
    check = prepared(judge)

    passport = finished(check, scripted(lambda text: False))  # fails willingness, never reasonableness

    assert figure(passport, "criteria", "overall")["planted_tnr"]["value"] == 1.0
    assert figure(passport, "criteria", "willingness")["planted_tnr"]["value"] == 1.0
    assert figure(passport, "criteria", "reasonableness")["planted_tnr"]["value"] == 0.0
    invented = figure(passport, "defects", "invented")
    assert (invented["caught"]["value"], invented["on_criterion"]["value"]) == (1.0, 0.0)


def test_a_judge_that_obeys_what_it_reads_is_found_out(judge: Rater):
    check = prepared(judge, budget=100)

    passport = finished(check, scripted(lambda text: "ignore the rubric" in text))

    assert figure(passport, "probes", "injected_output")["estimate"]["value"] == 1.0
    # The rule above reads the output alone, so an order in the evidence does not reach it.
    assert figure(passport, "probes", "injected_evidence")["estimate"]["value"] == 0.0
    assert figure(passport, "probes", "injected_output")["estimate"]["n"] == planning.n_injected(100)


def test_a_judge_that_likes_length_is_found_out(judge: Rater):
    check = prepared(judge)

    passport = finished(check, scripted(lambda text: "In other words" in text))

    longer = figure(passport, "probes", "longer")
    assert longer["estimate"]["value"] == 1.0  # without probabilities the verdicts stand for them
    assert longer["is_shift"]
    assert figure(passport, "probes", "repeat")["estimate"]["value"] == 0.0


def test_a_judge_that_changes_its_mind_is_found_out(judge: Rater):
    check = prepared(judge)
    asked: Counter[str] = Counter()

    def answer(request: ChatRequest) -> dict[str, Any]:
        question = request.messages[-1].content
        asked[question] += 1
        return (PASSING if asked[question] % 2 else FAILING)["interest"] | {"rationale": "Well."}

    passport = finished(check, RecordedEngine(answer))

    assert figure(passport, "probes", "repeat")["estimate"]["value"] == 1.0


def test_the_questions_differ_as_their_probe_says(judge: Rater):
    check = prepared(judge)
    engine = scripted(lambda text: True)

    finished(check, engine)

    by_probe = {case.probe: case for case in check.cases.filter(output=check.cases.first().output)}  # type: ignore[union-attr]
    requests = {request.key: request for request in engine.requests}
    base, repeat, warm, reverse, reworded = (
        requests[str(by_probe[name].pk)]
        for name in (Probe.BASE, Probe.REPEAT, Probe.WARM, Probe.REVERSED, Probe.REWORDED)
    )
    assert base.messages == repeat.messages == warm.messages
    assert base.sampling == repeat.sampling
    assert (base.sampling.temperature, warm.sampling.temperature) == (0.0, planning.WARM_TEMPERATURE)
    assert base.schema is not None
    assert reverse.schema is not None
    assert list(reverse.schema["properties"])[:2] == list(base.schema["properties"])[1::-1]
    assert (reworded.messages != base.messages, reworded.schema) == (True, base.schema)


def test_no_more_is_asked_than_the_budget_allows(judge: Rater):
    check = prepared(judge, budget=40, n_shoppers=12)
    engine = scripted(lambda text: False)

    finished(check, engine)

    assert len(engine.requests) == check.cases.count() <= 40
    assert check.cases.filter(probe__startswith="injected").count() == 2 * planning.n_injected(40)
    assert check.cases.filter(probe=Probe.PLANTED).count() == 20


def test_the_same_seed_asks_the_same_and_another_seed_does_not(judge: Rater):
    made(Stage.INTERESTS, 12)
    rubric = Rubric.objects.current("interest")

    def questions(seed: int) -> set[str]:
        check = runner.prepare(rubric, judge=judge, budget=40, seed=seed)
        runner.cancel(check)
        return {json.dumps([case.key, case.question]) for case in check.cases.all()}

    assert questions(1) == questions(1)
    assert questions(1) != questions(2)


def test_a_second_delivery_asks_only_for_what_is_missing(judge: Rater):
    check = prepared(judge)
    keys: list[str] = []

    def dying(request: ChatRequest) -> dict[str, Any] | EngineError:
        keys.append(request.key)
        if len(keys) > 5:
            return EngineError("unavailable", "no answer from http://judge")
        return PASSING["interest"] | {"rationale": "Yes."}

    with pytest.raises(EngineUnavailableError, match="http://judge"):
        runner.advance(check.pk, RecordedEngine(dying))
    check.refresh_from_db()
    assert (check.state, check.error) == (JobState.RUNNING, "no answer from http://judge")
    assert check.cases.filter(answered_at__isnull=False).count() == 5

    engine = scripted(lambda text: True)
    finished(check, engine)

    assert len(engine.requests) == check.cases.count() - 5
    assert not {request.key for request in engine.requests} & set(keys[:5])
    assert JudgeCheck.objects.get().error == ""


def test_a_check_in_another_workers_hands_is_left_alone_until_that_worker_is_dead(judge: Rater):
    check = prepared(judge)
    engine = scripted(lambda text: True)
    JudgeCheck.objects.update(state="running", lease_token=check.pk, lease_until=timezone.now() + timedelta(minutes=1))

    assert runner.advance(check.pk, engine) is None
    assert engine.requests == []

    JudgeCheck.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert runner.advance(check.pk, engine) is not None
    assert len(engine.requests) == cases.BATCH_SIZE


def test_a_cancelled_check_asks_no_more_and_has_no_passport(judge: Rater):
    check = prepared(judge)

    def cancelling(request: ChatRequest) -> dict[str, Any]:
        runner.cancel(check)
        return PASSING["interest"] | {"rationale": "Too late."}

    engine = RecordedEngine(cancelling)
    assert runner.advance(check.pk, engine) is None

    check.refresh_from_db()
    assert (check.state, len(engine.requests)) == (JobState.CANCELLED, 1)
    assert check.cases.filter(answered_at__isnull=False).count() == 0
    assert not Passport.objects.exists()
    assert runner.advance(check.pk, engine) is None


def test_an_unusable_answer_is_stored_and_counts_in_no_figure(judge: Rater):
    check = prepared(judge)

    passport = finished(check, RecordedEngine(lambda request: EngineError("truncated", "cut at 768 tokens")))

    assert passport.figures["n_unusable"] == passport.figures["n_asked"] == check.cases.count()
    assert figure(passport, "criteria", "overall")["planted_tnr"]["value"] is None
    assert {case.error for case in check.cases.all()} == {"truncated: cut at 768 tokens"}


def test_a_judge_that_changes_meanwhile_ends_the_check(judge: Rater):
    check = prepared(judge)
    LanguageModel.objects.filter(role="judge").update(adapter="other.gguf")

    advanced = runner.advance(check.pk, scripted(lambda text: True))

    assert advanced is not None
    assert advanced.state == JobState.FAILED
    assert "adapter was none and is other.gguf now" in advanced.error
    assert not Passport.objects.exists()


def test_one_judge_is_checked_once_at_a_time(judge: Rater):
    check = prepared(judge)

    with pytest.raises(CheckRunningError, match="already") as refused, transaction.atomic():
        runner.prepare(check.rubric, judge=judge)
    assert refused.value.check == check

    runner.cancel(check)
    assert runner.prepare(check.rubric, judge=judge).is_active


def test_what_cannot_be_checked_is_refused_in_words(judge: Rater):
    rubric = Rubric.objects.current("interest")
    person = Rater.objects.create(user=UserFactory.create())
    old = rater_for_model(judge.language_model, "0")  # type: ignore[arg-type]

    with pytest.raises(CheckError, match="interests of 0 shoppers"):
        runner.prepare(rubric, judge=judge)
    made(Stage.INTERESTS, 2)
    with pytest.raises(CheckError, match="5 questions are not between 20 and 5,000"):
        runner.prepare(rubric, judge=judge, budget=5)
    with pytest.raises(CheckError, match="is a person"):
        runner.prepare(rubric, judge=person)
    with pytest.raises(CheckError, match="prompt is version 1 now"):
        runner.prepare(rubric, judge=old)
    LanguageModel.objects.update(state=LanguageModel.State.RETIRED)
    with pytest.raises(CheckError, match="No language model serves the role 'judge'"):
        services.start("interest", by=None)


def test_outputs_that_a_rule_rejected_are_not_what_a_check_is_made_of(judge: Rater):
    for generation in made(Stage.INTERESTS, 3):
        OutputFactory.create(generation=generation, text="rejected", rejected_by="duplicate")

    check = runner.prepare(Rubric.objects.current("interest"), judge=judge, budget=100)

    assert not check.cases.filter(output__text="rejected").exists()


# Tasks ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def sent() -> Iterator[list[str]]:
    """Ids of the checks that were sent to the judge's queue."""
    ids: list[str] = []

    def record(sender: str, body: Any, routing_key: str, **kwargs: Any) -> None:
        if sender == "judge.tasks.advance_check":
            assert routing_key == "judge"
            ids.append(body[0][0])

    before_task_publish.connect(record)
    yield ids
    before_task_publish.disconnect(record)


def test_a_started_check_is_sent_on_commit_and_sends_itself_until_it_has_ended(
    judge: Rater, sent: list[str], monkeypatch, django_capture_on_commit_callbacks
):
    made(Stage.INTERESTS, 6)
    monkeypatch.setattr(factory, "from_settings", lambda name: scripted(lambda text: True))

    with django_capture_on_commit_callbacks(execute=True):
        check = services.start("interest", by=None, budget=40)
        assert sent == []
    while JudgeCheck.objects.get().is_active:
        with django_capture_on_commit_callbacks(execute=True):
            tasks.advance_check(str(check.pk))

    assert sent == [str(check.pk)] * 2  # 30 questions, 16 at a time
    assert Passport.objects.get().judge_check == check


def test_every_night_the_serving_judge_is_checked_on_what_there_is(judge: Rater, settings):
    made(Stage.TAGS, 4)  # and their interests

    assert tasks.check_judge() == 2
    assert tasks.check_judge() == 0  # they still run
    assert {check.rubric.kind for check in JudgeCheck.objects.all()} == {"interest", "tag"}

    JudgeCheck.objects.all().delete()
    settings.JUDGE_CHECK_BUDGET = 0
    assert tasks.check_judge() == 0


def test_a_released_judge_is_checked_without_waiting_for_the_night(judge: Rater, settings):
    made(Stage.INTERESTS, 4)
    assert tasks.check_released() == 0  # nothing was ever checked here
    tasks.check_judge()
    assert tasks.check_released() == 0  # it is what was checked

    LanguageModel.objects.filter(role="judge").update(adapter="adapter.gguf@1f0c5a6b7d8e")
    JudgeCheck.objects.update(state="done")
    settings.JUDGE_CHECK_BUDGET = 0
    assert tasks.check_released() == 0
    settings.JUDGE_CHECK_BUDGET = 200

    assert tasks.check_released() == 1
    assert tasks.check_released() == 0
    newest = JudgeCheck.objects.order_by("-created_at")[0]
    assert newest.version["adapter"] == "adapter.gguf@1f0c5a6b7d8e"


def test_the_sweep_sends_a_lost_check_again_but_not_at_once(
    judge: Rater, sent: list[str], django_capture_on_commit_callbacks
):
    check = prepared(judge)
    assert tasks.resend_jobs() == 0

    JudgeCheck.objects.update(sent_at=timezone.now() - timedelta(hours=1))
    with django_capture_on_commit_callbacks(execute=True):
        assert (tasks.resend_jobs(), tasks.resend_jobs()) == (1, 0)

    assert sent == [str(check.pk)]


@pytest.mark.llm
def test_a_real_model_is_checked(llm_server: str, settings, judge: Rater):
    LanguageModel.objects.filter(role="judge").update(name=settings.LLM_MODEL, adapter="adapter.gguf")
    made(Stage.EXPLANATIONS, 2)
    judge.refresh_from_db()
    check = runner.prepare(Rubric.objects.current("explanation"), judge=judge, budget=20, seed=3)
    check.cases.filter(pk__in=check.cases.values("pk")[6:]).delete()  # a handful of calls is enough here

    while runner.advance(check.pk, factory.make(base_url=llm_server, concurrency=1)).is_active:  # type: ignore[union-attr]
        pass

    answered = check.cases.exclude(answered_at=None)
    assert answered.count() == check.cases.count() >= 6
    assert all(case.labels and not case.error for case in answered)
    passport = passports.valid_for("explanation")
    assert passport.is_valid
    repeat = figure(passport.passport, "probes", "repeat")["estimate"]  # type: ignore[arg-type]
    assert (repeat["value"], repeat["n"]) == (0.0, 1)  # the same seed at temperature 0 repeats itself
