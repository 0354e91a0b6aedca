"""Backfills: what is asked, within which budget, by whom, and what is counted; by recorded answers."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from celery.signals import before_task_publish
from django.db import connection, transaction
from django.utils import timezone

from judge import judging, panels, tasks
from judge.backfills import runner, services
from judge.backfills.runner import BackfillError, BackfillRunningError
from judge.frames import Population, Reading, uncertainties
from judge.models import Assessment, Backfill, Campaign, Panel, Rater, Rubric
from judge.panels import Seat
from judge.services import rater_for_model, seed_rubrics
from judge.ways import Way
from recommend.engines import factory
from recommend.engines.errors import EngineUnavailableError
from recommend.engines.types import ChatRequest, EngineError
from recommend.models import AuditEntry, Generation, JobState, LanguageModel, Output, Stage
from tests.judge.factories import FAILING, PASSING, AssessmentFactory, CampaignFactory, PersonFactory
from tests.recommend.factories import GenerationFactory, LanguageModelFactory, OutputFactory
from tests.support.recorded_engine import RecordedEngine

INTERESTS = Population(Stage.INTERESTS)


@pytest.fixture(autouse=True)
def judge(db: None) -> Rater:
    seed_rubrics()
    return a_judge("judge-model")


def a_judge(name: str, way: Way | None = None, **fields: Any) -> Rater:
    model = LanguageModelFactory.create(name=name, role=LanguageModel.Role.JUDGE, **fields)
    return rater_for_model(model, (way or Way()).version)


def begun(judge: Rater, population: Population = INTERESTS, **options: Any) -> Backfill:
    options = {"max_calls": 1_000} | options
    return runner.prepare(judge, Rubric.objects.current("interest"), population, **options)


def finished(backfill: Backfill, engine: Any) -> Backfill:
    """The backfill after everything was asked that it may ask."""
    while (advanced := runner.advance(backfill.pk, engine)) is not None and advanced.is_active:
        pass
    return Backfill.objects.get(pk=backfill.pk)


def passing(request: ChatRequest) -> dict[str, Any]:
    return PASSING["interest"] | {"rationale": "Diapers all year."}


def usual() -> RecordedEngine:
    return RecordedEngine(passing)


def test_what_is_not_judged_yet_is_asked_once_and_the_rest_is_left(judge: Rater):
    first, second = GenerationFactory.create_batch(2, outputs=2)
    GenerationFactory.create(stage=Stage.TAGS, outputs=1)
    GenerationFactory.create(state=JobState.FAILED, outputs=1)
    OutputFactory.create(generation=second, rejected_by="duplicate")
    AssessmentFactory.create(rater=judge, output=first.outputs.all()[0])
    AssessmentFactory.create(rater=PersonFactory.create(), output=first.outputs.all()[1])
    AssessmentFactory.create(rater=a_judge("another"), output=first.outputs.all()[1])
    backfill, engine = begun(judge), usual()

    ended = finished(backfill, engine)

    assert len(engine.requests) == 3
    assert (ended.state, ended.n_outputs, ended.n_to_ask, ended.n_asked, ended.n_accepted) == ("done", 4, 3, 3, 3)
    assert (ended.n_skipped, ended.n_left, ended.n_failed, ended.is_spent) == (1, 0, 0, False)
    assert (ended.n_calls, ended.prompt_tokens, ended.completion_tokens, ended.money) == (3, 300, 60, None)
    assert Assessment.objects.filter(rater=judge).count() == 4
    with pytest.raises(BackfillError, match="has judged all 4 outputs"):
        begun(judge)


def test_the_population_is_chosen_as_a_campaigns_is_and_stays_what_it_was(judge: Rater):
    one, other = (LanguageModelFactory.create(name=name, role=LanguageModel.Role.INTERESTS) for name in "ab")
    GenerationFactory.create(model=one, outputs=1, prompt_version="2")
    GenerationFactory.create(model=one, outputs=1)
    GenerationFactory.create(model=other, outputs=1, prompt_version="2")
    backfill = begun(judge, Population(Stage.INTERESTS, (one.pk,), ("2",)))
    GenerationFactory.create(model=one, outputs=1, prompt_version="2", finished_at=timezone.now())
    engine = usual()

    ended = finished(backfill, engine)

    assert (ended.n_outputs, len(engine.requests)) == (1, 1)
    assert list(ended.population_models.all()) == [one]


def test_the_population_is_gone_through_in_batches_that_never_take_long(judge: Rater):
    GenerationFactory.create_batch(6, outputs=5)
    backfill, engine = begun(judge), usual()

    sizes = []
    while (advanced := runner.advance(backfill.pk, engine)) is not None and advanced.is_active:
        sizes.append(len(engine.requests))

    assert sizes == [15, 30]
    # Verdicts on what is made now go first wherever the server schedules.
    assert {request.priority for request in engine.requests} == {20}


@pytest.mark.parametrize(
    ("way", "max_calls", "n_asked"),
    # Interests have two criteria: with a reviewer, what passes takes three calls.
    [(Way(), 5, 5), (Way(calls="generation"), 2, 6), (Way(calls="criterion"), 9, 3)],
)
def test_no_call_is_made_beyond_the_budget(way: Way, max_calls: int, n_asked: int):
    GenerationFactory.create_batch(3, outputs=3)
    judge = a_judge("careful", way)

    def answer(request: ChatRequest) -> dict[str, Any]:
        wanted = dict(request.schema or {})["properties"]
        if "grade" in wanted:
            return {"grade": "S", "rationale": "Good."}
        if way.calls == "generation":
            return {tag: PASSING["interest"] | {"rationale": "Yes."} for tag in wanted}
        return {name: {**PASSING["interest"], "rationale": "Yes."}[name] for name in wanted}

    engine = RecordedEngine(answer)
    ended = finished(begun(judge, max_calls=max_calls), engine)

    assert len(engine.requests) == ended.n_calls == max_calls
    assert (ended.n_asked, ended.state, ended.is_spent) == (n_asked, "done", True)
    assert (ended.n_left, ended.n_skipped) == (9 - n_asked, 0)
    assert Assessment.objects.filter(rater=judge).count() == n_asked


def test_a_budget_that_is_just_enough_is_not_called_used_up(judge: Rater):
    GenerationFactory.create(outputs=3)

    ended = finished(begun(judge, max_calls=3), usual())

    assert (ended.n_asked, ended.is_spent) == (3, False)


def test_money_is_spent_up_to_the_budget_and_no_further(judge: Rater):
    GenerationFactory.create_batch(10, outputs=1)
    # A call reads 100 tokens and writes 20: 0.000100 + 0.000040.
    LanguageModel.objects.filter(role="judge").update(prompt_price=1, completion_price=2)
    judge = Rater.objects.get(pk=judge.pk)

    ended = finished(begun(judge, max_calls=None, max_money=Decimal("0.0005")), usual())

    assert (ended.money, ended.n_asked, ended.is_spent) == (Decimal("0.000420"), 3, True)


def test_a_budget_in_money_takes_prices(judge: Rater):
    GenerationFactory.create(outputs=1)

    with pytest.raises(BackfillError, match="What judge-model costs is not known") as refused:
        begun(judge, max_money=Decimal(1))

    assert refused.value.field == "max_money"


def test_an_answer_of_no_use_is_counted_by_its_reason(judge: Rater):
    GenerationFactory.create(outputs=4)
    answers: Iterator[Any] = iter(
        [
            EngineError("truncated", "cut at 768 tokens"),
            EngineError("refused", "the prompt is too long"),
            {"willingness": "Spontaneity", "rationale": "ok"},
            FAILING["interest"] | {"rationale": "No."},
        ]
    )

    ended = finished(begun(judge), RecordedEngine(lambda request: next(answers)))

    assert ended.failures == {"truncated": 1, "refused": 1, runner.WRONG_FORM: 1}
    assert (ended.n_asked, ended.n_failed, ended.n_accepted, ended.n_calls) == (4, 3, 0, 4)


def test_what_was_of_no_use_is_asked_again_only_if_that_is_wanted_and_only_once(judge: Rater):
    generation = GenerationFactory.create(outputs=2)
    cut = RecordedEngine(lambda request: EngineError("truncated", "cut"))
    judging.judge_pending(generation, cut, judge)
    with pytest.raises(BackfillError, match="has judged all 2 outputs"):
        begun(judge)
    answers: Iterator[Any] = iter([EngineError("truncated", "cut again"), passing(cut.requests[0])])
    backfill = begun(judge, again=True)

    ended = finished(backfill, RecordedEngine(lambda request: next(answers)))

    assert (ended.n_to_ask, ended.n_asked, ended.failures, ended.n_accepted) == (2, 2, {"truncated": 1}, 1)
    said = Assessment.objects.filter(rater=judge).order_by("output__position", "revision")
    assert [(one.revision, one.error) for one in said] == [
        *[(1, "truncated: cut again"), (2, "truncated: cut")],
        *[(1, ""), (2, "truncated: cut")],
    ]


def test_a_judge_that_was_of_no_use_at_first_stays_unsure_to_a_plan_that_goes_by_that(judge: Rater):
    campaign = CampaignFactory.create(plan=Campaign.Plan.UNCERTAINTY, uncertainty=Campaign.Uncertainty.MARGIN)
    generation = GenerationFactory.create(outputs=1)
    judging.judge_pending(generation, RecordedEngine(lambda request: EngineError("truncated", "cut")), judge)
    before = uncertainties([generation.pk], Reading.of(campaign))
    finished(begun(judge, again=True), usual())

    assert uncertainties([generation.pk], Reading.of(campaign)) == before == {generation.pk: 1.0}


def test_a_panel_is_asked_and_its_vote_is_what_counts():
    members = [a_judge(name) for name in ("first", "second", "third")]
    panel = panels.make("three", vote=Panel.Vote.MAJORITY, seats=[Seat(one.models[0], Way()) for one in members]).rater
    generation = GenerationFactory.create(outputs=2)
    AssessmentFactory.create(rater=members[0], output=generation.outputs.all()[0])

    def answer(request: ChatRequest) -> dict[str, Any]:
        return (FAILING if request.model == "second" else PASSING)["interest"] | {"rationale": "So."}

    ended = finished(begun(panel), RecordedEngine(answer))

    assert (ended.n_asked, ended.n_accepted, ended.n_calls) == (2, 2, 5)
    assert [one.passed for one in Assessment.objects.filter(rater=panel)] == [True, True]


def test_a_judge_that_a_panel_at_work_asks_is_not_asked_at_the_same_time(judge: Rater):
    GenerationFactory.create(outputs=1)
    other = a_judge("other")
    panel = panels.make("two", vote=Panel.Vote.MAJORITY, seats=[Seat(one.models[0], Way()) for one in (judge, other)])
    backfill = begun(panel.rater)

    with pytest.raises(BackfillRunningError, match="is being asked about interests") as refused, transaction.atomic():
        begun(judge)

    assert refused.value.backfill == backfill
    runner.cancel(backfill)
    assert begun(judge).is_active


def test_cancelling_stops_the_asking_within_a_call_and_keeps_what_was_paid_for(judge: Rater):
    GenerationFactory.create_batch(3, outputs=3)
    backfill = begun(judge)

    def cancelling(request: ChatRequest) -> dict[str, Any]:
        if len(engine.requests) == 2:
            runner.cancel(backfill)
        return passing(request)

    engine = RecordedEngine(cancelling)
    assert runner.advance(backfill.pk, engine) is None

    backfill.refresh_from_db()
    assert (backfill.state, len(engine.requests), backfill.n_asked, backfill.n_calls) == ("cancelled", 2, 2, 2)
    assert Assessment.objects.count() == 2
    assert (backfill.n_left, backfill.n_skipped) == (7, 0)
    assert runner.advance(backfill.pk, engine) is None
    assert len(engine.requests) == 2


def test_a_paused_backfill_asks_nothing_until_it_is_resumed(judge: Rater):
    GenerationFactory.create_batch(3, outputs=3)
    backfill = begun(judge)

    def pausing(request: ChatRequest) -> dict[str, Any]:
        if len(engine.requests) == 2:
            runner.pause(backfill)
        return passing(request)

    engine = RecordedEngine(pausing)
    assert runner.advance(backfill.pk, engine) is None
    backfill.refresh_from_db()
    assert (backfill.is_paused, backfill.n_asked) == (True, 2)
    assert runner.advance(backfill.pk, engine) is None
    assert len(engine.requests) == 2

    assert services.resume(backfill).is_paused is False
    assert services.resume(backfill).is_paused is False
    ended = finished(backfill, engine)

    assert (ended.state, ended.n_asked, len(engine.requests)) == ("done", 9, 9)
    verbs = AuditEntry.objects.order_by("id").values_list("verb", flat=True)
    assert list(verbs) == ["backfill.started", "backfill.paused", "backfill.resumed"]


def test_a_server_that_is_away_ends_nothing_and_costs_nothing(judge: Rater):
    GenerationFactory.create(outputs=3)
    backfill = begun(judge, max_calls=3)

    def dying(request: ChatRequest) -> dict[str, Any] | EngineError:
        return EngineError("unavailable", "no answer from http://judge") if len(away.requests) > 1 else passing(request)

    away = RecordedEngine(dying)
    with pytest.raises(EngineUnavailableError, match="http://judge"):
        runner.advance(backfill.pk, away)
    backfill.refresh_from_db()
    assert (backfill.state, backfill.error, backfill.n_calls) == ("running", "no answer from http://judge", 1)

    ended = finished(backfill, usual())

    assert (ended.n_asked, ended.n_calls, ended.error, ended.is_spent) == (3, 3, "", False)


def test_a_killed_worker_loses_no_answer_and_another_goes_on_once_its_lease_has_run_out(judge: Rater):
    class Killed(BaseException):
        """What kill -9 leaves: nothing after it runs in that worker."""

    GenerationFactory.create_batch(2, outputs=4)
    backfill = begun(judge)

    def killing(request: ChatRequest) -> dict[str, Any]:
        if len(engine.requests) == 6:
            raise Killed
        return passing(request)

    engine = RecordedEngine(killing)
    with pytest.raises(Killed):
        runner.advance(backfill.pk, engine)
    # The lease that a killed worker leaves is not given back, but runs out.
    Backfill.objects.update(lease_token=backfill.pk, lease_until=timezone.now() + timedelta(minutes=1))
    assert runner.advance(backfill.pk, usual()) is None

    Backfill.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    after = usual()
    ended = finished(backfill, after)

    assert (ended.n_asked, ended.n_calls, ended.n_skipped) == (8, 8, 0)
    assert len(after.requests) == 3
    assert Assessment.objects.count() == 8


def test_what_was_judged_is_offered_to_campaigns_that_go_by_the_judges_doubts(judge: Rater):
    campaign = CampaignFactory.create(
        plan=Campaign.Plan.UNCERTAINTY,
        uncertainty=Campaign.Uncertainty.MARGIN,
        design={"rate": 1.0, "scale": 1.0, "floor": 1.0, "mean_uncertainty": 0.5, "population": 1},
    )
    generation = GenerationFactory.create(outputs=1)

    finished(begun(judge), usual())

    assert [unit.generation for unit in campaign.units.all()] == [generation]


def test_what_makes_no_sense_is_refused_in_words(judge: Rater):
    with pytest.raises(BackfillError, match="No output of this population"):
        begun(judge)
    GenerationFactory.create(outputs=1)
    with pytest.raises(BackfillError, match="is a person"):
        begun(PersonFactory.create())
    with pytest.raises(BackfillError, match="no prompt has that version"):
        begun(rater_for_model(judge.models[0], "0"))
    with pytest.raises(BackfillError, match="Give a budget"):
        begun(judge, max_calls=None)
    with pytest.raises(BackfillError, match="0 calls ask nothing"):
        begun(judge, max_calls=0)
    with pytest.raises(BackfillError, match="-1 buys nothing"):
        begun(judge, max_money=Decimal(-1))
    with pytest.raises(BackfillError, match="is for outputs of another kind"):
        begun(judge, Population(Stage.TAGS))


# With real connections ------------------------------------------------------------------------------------------------


def at_once(work: Callable[[], object], times: int = 2) -> None:
    """Run it in threads with connections of their own, started together; raises what any of them raised."""
    gate, raised = threading.Barrier(times), list[BaseException]()

    def one() -> None:
        try:
            connection.ensure_connection()
            gate.wait()
            work()
        except BaseException as error:  # raised again below
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


@pytest.mark.django_db(transaction=True)
def test_two_workers_with_the_same_task_ask_about_no_output_twice(judge: Rater):
    GenerationFactory.create_batch(12, outputs=3)
    backfill = begun(judge)
    asked: Counter[str] = Counter()

    def answer(request: ChatRequest) -> dict[str, Any]:
        asked[request.key] += 1
        return passing(request)

    def worker() -> None:
        while Backfill.objects.get().is_active:
            runner.advance(backfill.pk, RecordedEngine(answer))

    at_once(worker)

    assert set(asked.values()) == {1}
    assert len(asked) == Assessment.objects.count() == Output.objects.count() == 36
    ended = Backfill.objects.get()
    assert (ended.state, ended.n_asked, ended.n_calls) == ("done", 36, 36)


@pytest.mark.django_db(transaction=True)
def test_a_worker_whose_lease_ran_out_and_its_successor_store_one_verdict_each_and_count_every_call(judge: Rater):
    GenerationFactory.create(outputs=3)
    backfill = begun(judge)
    slow = threading.Event()

    def taken_over(request: ChatRequest) -> dict[str, Any]:
        """While the first answer is on its way the lease runs out, and another worker does everything."""
        if not slow.is_set():
            slow.set()
            Backfill.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
            thread = threading.Thread(target=successor)
            thread.start()
            thread.join()
        return passing(request)

    def successor() -> None:
        try:
            finished(backfill, usual())
        finally:
            connection.close()

    assert runner.advance(backfill.pk, RecordedEngine(taken_over)) is None

    ended = Backfill.objects.get()
    assert (ended.state, ended.n_asked, ended.n_calls) == ("done", 3, 4)
    assert Assessment.objects.filter(rater=judge).count() == 3


@pytest.mark.django_db(transaction=True)
def test_two_who_ask_again_at_once_leave_one_answer_that_counts(judge: Rater):
    generation = GenerationFactory.create(outputs=1)
    judging.judge_pending(generation, RecordedEngine(lambda request: EngineError("truncated", "cut")), judge)
    then, gate = timezone.now(), threading.Barrier(2)

    def answer(request: ChatRequest) -> dict[str, Any]:
        gate.wait()
        return passing(request)

    def again() -> None:
        found = Generation.objects.get()
        judging.judge_all(
            [found], Rubric.objects.current("interest"), judge, RecordedEngine(answer), errors_before=then
        )

    at_once(again)

    said = Assessment.objects.order_by("revision")
    assert [(one.revision, one.error) for one in said] == [(1, ""), (2, "truncated: cut")]


@pytest.mark.django_db(transaction=True)
def test_two_who_start_the_same_at_once_start_one(judge: Rater):
    GenerationFactory.create(outputs=1)
    refused = []

    def start() -> None:
        try:
            begun(judge)
        except BackfillRunningError as running:
            refused.append(running)

    at_once(start)

    assert (len(refused), Backfill.objects.count()) == (1, 1)


# Tasks ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def sent() -> Iterator[list[tuple[str, int]]]:
    """Ids and priorities of the backfills that were sent to the judge's queue."""
    found: list[tuple[str, int]] = []

    def record(sender: str, body: Any, routing_key: str, properties: dict[str, Any], **kwargs: Any) -> None:
        if sender == "judge.tasks.advance_backfill":
            assert routing_key == "judge"
            found.append((body[0][0], properties["priority"]))

    before_task_publish.connect(record)
    yield found
    before_task_publish.disconnect(record)


def test_a_started_backfill_is_sent_on_commit_behind_everything_else_and_sends_itself_until_it_has_ended(
    judge: Rater, sent: list[tuple[str, int]], monkeypatch, django_capture_on_commit_callbacks
):
    GenerationFactory.create_batch(5, outputs=5)
    monkeypatch.setattr(factory, "from_settings", lambda name: usual())

    with django_capture_on_commit_callbacks(execute=True):
        backfill = services.start(judge, Rubric.objects.current("interest"), INTERESTS, by=None, max_calls=100)
        assert sent == []
    while Backfill.objects.get().is_active:
        with django_capture_on_commit_callbacks(execute=True):
            tasks.advance_backfill(str(backfill.pk))

    # To begin with, after 15 outputs, and after the other 10, which finds nothing left.
    assert sent == [(str(backfill.pk), tasks.CHECK_PRIORITY)] * 3
    tasks.advance_backfill(str(backfill.pk))
    assert len(sent) == 3


def test_the_sweep_sends_what_a_killed_worker_held_at_once_and_what_is_paused_never(
    judge: Rater, sent: list[tuple[str, int]], django_capture_on_commit_callbacks
):
    GenerationFactory.create(outputs=1)
    backfill, now = begun(judge), timezone.now()
    with django_capture_on_commit_callbacks(execute=True):
        assert tasks.resend_jobs() == 0

        Backfill.objects.update(
            state="running",
            lease_token=backfill.pk,
            lease_until=now - timedelta(seconds=1),
            sent_at=now - timedelta(minutes=6),
        )
        assert (tasks.resend_jobs(), tasks.resend_jobs()) == (1, 0)

        runner.pause(backfill)
        Backfill.objects.update(sent_at=now - timedelta(days=1))
        assert tasks.resend_jobs() == 0

        services.resume(backfill)
        Backfill.objects.update(sent_at=now - timedelta(days=1))
        assert tasks.resend_jobs() == 1

    assert [pk for pk, _ in sent] == [str(backfill.pk)] * 3
