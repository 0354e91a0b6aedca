"""A population job from its query to its report; the model is a stand-in, the database is real."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from recommend import jobs, pipeline, tasks
from recommend import services as runs
from recommend.engines.errors import EngineUnavailableError
from recommend.engines.types import ChatRequest, EngineError
from recommend.extraction import Event
from recommend.models import (
    AuditEntry,
    Behavior,
    Generation,
    JobState,
    LanguageModel,
    Output,
    PipelineRun,
    PopulationChunk,
    PopulationJob,
    PopulationShopper,
    Shopper,
    Stage,
)
from recommend.populations import planning, services, shifts
from recommend.populations.queries import PopulationError
from recommend.populations.reports import failed, progress_of
from recommend.populations.services import PopulationRunningError
from recommend.populations.shifts import Shift
from recommend.sources import TableSource
from tests.recommend.factories import REFERENCE, BehaviorFactory, ItemFactory, LanguageModelFactory, PipelineRunFactory
from tests.recommend.populations import material
from tests.recommend.populations.material import good, made, started, worked
from tests.support.recorded_engine import Answer, RecordedEngine

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch) -> None:
    for task in (tasks.advance_population, tasks.advance_chunk):
        monkeypatch.setattr(task, "apply_async_on_commit", lambda **sent: None)
    material.serving()


@pytest.fixture
def engine() -> RecordedEngine:
    return RecordedEngine(good)


def states(population: PopulationJob) -> dict[str, int]:
    found = PopulationShopper.objects.filter(population=population).values_list("state", flat=True)
    return {state: list(found).count(state) for state in set(found)}


def test_every_shopper_gets_the_stages_that_were_asked_for_and_no_more(engine: RecordedEngine):
    shoppers = made(3)

    population = worked(started(stages="interests,tags"), engine)

    assert (population.state, states(population)) == ("done", {"done": 3})
    assert set(population.runs.values_list("state", "step")) == {("done", "finished")}
    assert {run.shopper for run in population.runs.all()} == set(shoppers)
    assert sorted(map(material.stage_of, engine.requests)) == ["interests"] * 3 + ["tags"] * 3
    assert Output.objects.filter(kind=Output.Kind.TAG).count() == 3


def test_with_all_stages_a_run_ends_with_explained_items(engine: RecordedEngine):
    made(1)
    material.fitted()

    population = worked(started(stages="interests,tags,items,explanations", n_items=2), engine)

    assert population.runs.get().recommendations.exists()
    assert Output.objects.filter(kind=Output.Kind.EXPLANATION).exists()


def test_a_guideline_in_a_call_of_its_own_comes_before_its_text():
    LanguageModel.objects.filter(role=Stage.EXPLANATIONS).update(guideline_apart=True)
    made(1)
    material.fitted()
    said: dict[str, Answer] = {"guideline": {"guideline": "Warm."}, "explanation": {"explanation": "A warm first bite"}}
    engine = RecordedEngine(lambda request: said.get(material.stage_of(request)) or good(request))

    worked(started(stages="interests,tags,items,explanations", n_items=1), engine)

    assert [material.stage_of(request) for request in engine.requests][-2:] == ["guideline", "explanation"]
    assert Output.objects.get(kind=Output.Kind.EXPLANATION).guideline == "Warm."


def test_tags_that_are_missing_are_asked_for_again_before_the_run_goes_on(engine: RecordedEngine):
    LanguageModel.objects.update(n_tags=2, tag_rounds=4)
    made(2)
    material.fitted()

    population = worked(started("all", "interests,tags,items"), engine)

    # The second round says what the first did, so there is no third.
    assert [material.stage_of(request) for request in engine.requests].count("tags") == 2 * 2
    assert population.state == JobState.DONE
    assert all(run.step == "finished" and run.recommendations.exists() for run in population.runs.all())


def test_tags_of_one_shopper_are_asked_while_others_wait_for_their_interests():
    made(4)

    class Waiting(RecordedEngine):
        """Gives its first answer only when there is nothing more to ask; one answer at a time then."""

        def generate(self, requests: Any, **options: Any) -> Any:
            source, held = iter(requests), list[Any]()
            while True:
                while (request := next(source, "end")) not in (None, "end"):
                    held.append(request)
                if not held:
                    return
                yield from super().generate([held.pop(0)])

    engine = Waiting(good)
    worked(started(), engine)

    # Whoever's interests come first goes to the end of the line with its tags: none waits for the others.
    assert [material.stage_of(request) for request in engine.requests] == ["interests"] * 4 + ["tags"] * 4


def test_the_report_says_what_was_done_and_what_it_took(engine: RecordedEngine):
    LanguageModel.objects.update(prompt_price=1, completion_price=2)
    made(3)

    report = progress_of(worked(started(stages="interests"), engine))

    assert (report.n_shoppers, report.n_done, report.n_skipped, report.n_failed) == (3, 3, 0, 0)
    assert (report.n_calls, report.prompt_tokens, report.completion_tokens) == (3, 300, 60)
    assert report.money == Decimal("0.00042")  # 300 / 1e6 · 1 + 60 / 1e6 · 2
    assert report.shoppers_per_s is not None
    assert report.tokens_per_s == pytest.approx(360 / report.seconds)
    assert report.seconds_left is None


def test_without_prices_there_is_no_money(engine: RecordedEngine):
    made(1)

    assert progress_of(worked(started(), engine)).money is None


def test_while_it_works_the_pace_and_the_rest_follow_the_last_shoppers(engine: RecordedEngine):
    made(4)
    population = started(stages="interests")
    members = population.members.order_by("pk")
    now = timezone.now()
    for member, seconds in zip(members[:2], (20, 10), strict=True):
        ended = {"state": "done", "tokens": 100, "ended_at": now - timedelta(seconds=seconds)}
        PopulationShopper.objects.filter(pk=member.pk).update(**ended)

    progress = progress_of(population)

    assert progress.shoppers_per_s == pytest.approx(2 / 20, rel=0.1)
    assert progress.tokens_per_s == pytest.approx(200 / 20, rel=0.1)
    assert progress.seconds_left == pytest.approx(2 / (2 / 20), rel=0.1)


def test_who_did_not_change_since_the_last_time_is_skipped(engine: RecordedEngine):
    changed, *_ = made(3)
    worked(started(), engine)
    bought = Behavior.objects.filter(shopper=changed).first()
    assert bought is not None
    BehaviorFactory.create(shopper=changed, item=bought.item, occurred_at=REFERENCE - timedelta(days=41))

    second = worked(started(), RecordedEngine(good))

    assert states(second) == {"skipped": 2, "done": 1}
    assert second.runs.get().shopper == changed
    assert progress_of(second).n_calls == 2


@pytest.mark.parametrize("change", ["model", "prompt", "stage", "attributes", "failed"])
def test_another_model_prompt_stage_or_attribute_is_a_change(
    engine: RecordedEngine, monkeypatch: pytest.MonkeyPatch, change: str
):
    (shopper,) = made(1)
    stages = "interests" if change == "stage" else "interests,tags"
    first = worked(started(stages=stages), engine)
    if change == "model":
        LanguageModel.objects.filter(role="tags").update(state="retired")
        material.serving(name="another", state="candidate")
        LanguageModel.objects.filter(role="tags", name="another").update(state="serving")
    elif change == "prompt":
        Generation.objects.filter(stage="interests").update(prompt_sha256="1" * 64)
    elif change == "attributes":
        shopper.attributes = {"kids": "3"}
        shopper.save()
    elif change == "failed":
        first.runs.update(state=JobState.FAILED)

    assert states(worked(started(), RecordedEngine(good))) == {"done": 1}


def test_whoever_did_not_change_is_run_again_where_that_is_asked_for(engine: RecordedEngine):
    made(1)
    worked(started(), engine)

    assert states(worked(started(again=True), engine)) == {"done": 1}


def test_those_that_fail_are_tried_once_more_after_all_others_by_another_draw(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(planning, "CHUNK_SIZE", 2)
    first, second, *_ = made(5)

    def answer(request: ChatRequest) -> Answer:
        run = Generation.objects.get(pk=request.key).run
        bad_twice = run.shopper == first
        bad_once = run.shopper == second and request.sampling.temperature == 0
        is_tags = material.stage_of(request) == "tags"
        return EngineError("truncated", "cut") if is_tags and (bad_twice or bad_once) else good(request)

    engine = RecordedEngine(answer)
    population = worked(started(), engine)

    assert states(population) == {"done": 4, "failed": 1}
    assert population.attempt == 2
    assert [request.sampling.temperature for request in engine.requests] == [0.0] * 10 + [0.3] * 2
    assert [run.attempt for run in population.runs.order_by("attempt")] == [1, 1, 1, 2, 2]
    # What had been made before stays: interests once each.
    assert Generation.objects.filter(stage="interests").count() == 5
    assert [(failure.reason, failure.n) for failure in progress_of(population).failures] == [("truncated", 1)]
    (one,) = failed(population)
    assert one.run is not None
    assert "cut" in one.run.error
    assert progress_of(population).n_calls == 12


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (EngineError("truncated", ""), "truncated"),
        (EngineError("invalid_json", ""), "invalid_json"),
        (EngineError("schema", ""), "schema"),
        (EngineError("refused", ""), "refused"),
        ({"interests": []}, "form"),
    ],
)
def test_a_report_tells_failures_apart(given: Answer, reason: str):
    made(1)

    population = worked(started(), RecordedEngine(lambda request: given))

    assert [(failure.reason, failure.n) for failure in progress_of(population).failures] == [(reason, 1)]


def test_a_history_that_tells_nothing_fails_alone_and_is_not_tried_again(engine: RecordedEngine):
    made(1)
    made(1, kind=Behavior.Kind.CLICK)

    population = worked(started(), engine)

    assert states(population) == {"failed": 1, "done": 1}
    assert (population.attempt, [one.reason for one in progress_of(population).failures]) == (1, ["history"])


def test_behaviours_that_cannot_be_read_fail_their_runs_with_the_remedy_also_where_all_was_done_before(
    engine: RecordedEngine, settings: Any, tmp_path: Path
):
    made(1)
    worked(started(), engine)
    settings.BEHAVIORS_DIR = str(tmp_path)

    population = worked(started(), engine)

    assert [(failure.reason, failure.n) for failure in progress_of(population).failures] == [("history", 1)]
    assert "holds no Parquet file. Export behaviours there, or unset BEHAVIORS_DIR." in population.runs.get().error


def test_a_history_is_read_once_for_all_steps_of_its_run(engine: RecordedEngine, monkeypatch: pytest.MonkeyPatch):
    changed, _ = made(2)
    worked(started(), engine)
    BehaviorFactory.create(shopper=changed, occurred_at=REFERENCE - timedelta(days=41))
    asked = list[Shopper]()
    read = TableSource.read

    def counted(source: TableSource, shopper: Shopper, before: datetime) -> Iterator[Event]:
        asked.append(shopper)
        return read(source, shopper, before)

    monkeypatch.setattr(TableSource, "read", counted)

    # One is found unchanged, the other has a run of two calls.
    assert states(worked(started(), engine)) == {"skipped": 1, "done": 1}
    assert len(asked) == 2


def test_a_mistake_of_ours_fails_its_run_and_no_other(engine: RecordedEngine, monkeypatch: pytest.MonkeyPatch):
    (first, _) = made(2)
    real = pipeline.do

    def broken(run_id: Any, token: Any, step: str) -> Any:
        if PipelineRun.objects.get(pk=run_id).shopper == first and step == "interests":
            raise KeyError("oh")
        return real(run_id, token, step)

    monkeypatch.setattr(pipeline, "do", broken)

    population = worked(started(), engine)

    assert states(population) == {"failed": 1, "done": 1}
    assert "internal error" in population.runs.get(shopper=first).error


def test_a_paused_job_asks_nothing_until_it_is_resumed(engine: RecordedEngine):
    made(4)
    population = started(stages="interests")

    def pausing(request: ChatRequest) -> Answer:
        if len(pauser.requests) == 2:
            services.pause(population)
        return good(request)

    pauser = RecordedEngine(pausing)
    worked(population, pauser)

    assert population.is_paused
    assert states(population) == {"done": 1, "waiting": 3}
    assert worked(population, engine).is_paused
    assert engine.requests == []
    assert set(population.runs.exclude(state="done").values_list("state", flat=True)) == {"queued"}

    services.resume(population)
    worked(population, engine)

    assert states(population) == {"done": 4}
    assert len(engine.requests) == 3
    assert [run.generations.count() for run in population.runs.all()] == [1] * 4
    verbs = AuditEntry.objects.order_by("id").values_list("verb", flat=True)
    assert list(verbs) == ["population.started", "population.paused", "population.resumed"]


def test_a_cancelled_job_makes_no_more_and_keeps_what_it_made(engine: RecordedEngine):
    made(3)
    population = started(stages="interests")

    def cancelling(request: ChatRequest) -> Answer:
        if len(canceller.requests) == 2:
            services.cancel(population)
        return good(request)

    canceller = RecordedEngine(cancelling)
    worked(population, canceller)

    assert population.state == "cancelled"
    assert states(population) == {"done": 1, "waiting": 2}
    assert sorted(population.runs.values_list("state", flat=True)) == ["cancelled", "done"]
    assert Output.objects.values("generation").distinct().count() == 1
    assert not Generation.objects.filter(state="running").exists()
    assert set(population.chunks.values_list("state", flat=True)) == {"cancelled"}
    assert services.resume(population).state == "cancelled"


def test_one_run_can_be_cancelled_alone(engine: RecordedEngine):
    made(2)
    population = started(stages="interests")

    def cancelling(request: ChatRequest) -> Answer:
        if len(canceller.requests) == 1:
            runs.cancel_run(Generation.objects.get(pk=request.key).run)
        return good(request)

    canceller = RecordedEngine(cancelling)
    worked(population, canceller)

    assert states(population) == {"done": 1, "failed": 1}
    assert [one.reason for one in progress_of(population).failures] == ["cancelled"]


def test_a_worker_that_died_leaves_its_chunk_to_another_and_nothing_is_made_twice(engine: RecordedEngine):
    made(3)
    population = started()

    def dying(request: ChatRequest) -> Answer:
        if len(first.requests) == 4:
            raise SystemExit
        return good(request)

    first = RecordedEngine(dying)
    chunk = population.chunks.get()
    with pytest.raises(SystemExit):
        Shift(chunk.pk, lambda pk: None).work(first)
    # As kill -9 leaves it: held until the lease runs out.
    now = timezone.now()
    PopulationChunk.objects.update(
        sent_at=now - timedelta(seconds=9), lease_until=now - timedelta(seconds=1), lease_token=chunk.pk
    )

    assert list(jobs.forgotten(PopulationChunk, timezone.now() - timedelta(days=1))) == [chunk]
    worked(population, engine)

    assert states(population) == {"done": 3}
    assert Generation.objects.count() == 6
    assert Output.objects.count() == 6
    assert len(engine.requests) + 3 == 6


def test_a_chunk_that_another_worker_holds_is_left_alone(engine: RecordedEngine):
    made(1)
    chunk = started().chunks.get()

    with jobs.held(PopulationChunk, chunk.pk) as token:
        assert token is not None
        assert Shift(chunk.pk, lambda pk: None).work(engine) == []

    assert engine.requests == []


def test_a_server_that_is_away_fails_nobody_and_is_asked_again(engine: RecordedEngine):
    made(2)
    population = started(stages="interests")
    away = RecordedEngine(lambda request: EngineError("unavailable", "No answer from the moon"))

    with pytest.raises(EngineUnavailableError, match="moon"):
        Shift(population.chunks.get().pk, lambda pk: None).work(away)

    assert states(population) == {"waiting": 2}
    assert "moon" in progress_of(population).silence
    worked(population, engine)
    assert states(population) == {"done": 2}
    assert progress_of(population).silence == ""


def test_without_a_model_or_retrieval_the_job_ends_and_names_the_remedy(engine: RecordedEngine):
    made(1)
    population = started(stages="interests,tags,items")

    worked(population, engine)

    assert population.state == "failed"
    assert "manage.py fit_retrieval" in population.error
    assert set(population.chunks.values_list("state", flat=True)) == {"cancelled"}


def test_one_worker_goes_from_chunk_to_chunk_and_others_are_cut_as_they_end(
    engine: RecordedEngine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(planning, "CHUNK_SIZE", 2)
    monkeypatch.setattr(planning, "WINDOW", 2)
    made(7)
    population = started(stages="interests")
    cut: list[int] = []

    def on_end(pk: Any) -> None:
        cut.append(len(planning.fill(pk)))

    first = population.chunks.first()
    assert first is not None
    left = Shift(first.pk, on_end).work(engine)

    population.refresh_from_db()
    assert (population.state, left, cut) == ("done", [], [1, 1, 0, 0])
    assert population.chunks.count() == 4


def test_after_its_time_a_worker_asks_no_more_and_hands_its_chunk_on(
    engine: RecordedEngine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shifts, "LOOK_AROUND_S", 0.0)
    made(3)
    population = started(stages="interests")
    chunk = population.chunks.get()

    assert Shift(chunk.pk, lambda pk: None, seconds=0.0).work(engine) == [chunk]
    assert engine.requests == []
    assert states(worked(population, engine)) == {"done": 3}


def test_while_somebody_waits_for_a_run_nothing_new_is_asked(engine: RecordedEngine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shifts, "LOOK_AROUND_S", 0.0)
    made(3)
    population = started(stages="interests")
    PipelineRunFactory.create(priority=9)  # such as a seed's: nobody waits for it
    chunk = population.chunks.get()

    def overtaking(request: ChatRequest) -> Answer:
        if len(overtaken.requests) == 1:
            PipelineRunFactory.create(priority=0)
        return good(request)

    overtaken = RecordedEngine(overtaking)
    left = Shift(chunk.pk, lambda pk: None).work(overtaken)

    assert (left, len(overtaken.requests), states(population)) == ([chunk], 1, {"done": 1, "waiting": 2})


def test_calls_of_a_population_go_behind_those_that_somebody_waits_for(engine: RecordedEngine):
    made(1)

    population = worked(started(stages="interests"), engine)

    assert engine.requests[0].priority > 0
    assert population.runs.get().task_priority >= 6


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        ({"stages": ["tags"]}, "stages", "tags is made from interests"),
        ({"stages": ["dreams"]}, "stages", "dreams is no step. Choose from interests, tags"),
        ({"stages": []}, "stages", "None is no step"),
        ({"query": "behaviors>5"}, "query", "chooses nobody"),
        ({"query": "nonsense"}, "query", "is no condition"),
        ({"beta": 1.5}, "beta", "1.5 is not between"),
        ({"n_items": 0}, "n_items", "0 is not between"),
        ({"language": "tlh"}, "language", "“tlh” is none of en, zh"),
        ({"rules": {"taken": "ever"}}, "rules", "no step items"),
        ({"rules": {"categories": ["no such"]}, "stages": ["items"]}, "rules.categories", "“no such”"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(wrong: dict[str, Any], field: str, words: str):
    made(1)
    options: dict[str, Any] = {"query": "all", "stages": ["interests"], "by": None} | wrong

    with pytest.raises(PopulationError) as refused:
        services.start(**options)

    assert refused.value.field == field
    assert words in str(refused.value)
    assert not PopulationJob.objects.exists()


def test_a_stage_without_a_model_is_refused_at_the_start():
    made(1)
    LanguageModel.objects.filter(role="tags").delete()

    with pytest.raises(PopulationError, match="tags") as refused:
        services.start(query="all", stages=["interests", "tags"], by=None)

    assert refused.value.field == "stages"


def test_models_of_two_engines_are_refused_at_the_start():
    made(1)
    LanguageModel.objects.filter(role="tags").update(engine="other")

    with pytest.raises(PopulationError, match="different engines"):
        services.start(query="all", stages=["interests", "tags"], by=None)


def test_the_same_is_not_made_twice_at_once():
    made(1)
    running = started()

    with pytest.raises(PopulationRunningError) as refused:
        services.start(query=" all ", stages=["interests", "tags"], by=None)

    assert refused.value.population == running
    services.cancel(running)
    assert services.start(query="all", stages=["interests", "tags"], by=None) != running


def test_an_attribute_that_is_gone_when_the_job_begins_ends_it_in_words():
    made(1, colour="red")
    population = services.start(query="colour=red", stages=["interests"], by=None)
    Shopper.objects.update(attributes={})

    material.written_down(population)

    population.refresh_from_db()
    assert population.state == "failed"
    assert "No shopper has an attribute “colour”" in population.error


def test_lost_tasks_of_jobs_and_chunks_are_sent_again(monkeypatch: pytest.MonkeyPatch):
    made(1)
    population = started()
    sent: list[str] = []
    for task in (tasks.advance_population, tasks.advance_chunk):
        monkeypatch.setattr(task, "apply_async_on_commit", lambda args, priority: sent.append(args[0]))
    assert tasks.sweep_populations() == 0

    for kind in (PopulationJob, PopulationChunk):
        kind.objects.update(sent_at=timezone.now() - timedelta(seconds=jobs.SENT_FOR_S + 1))
    assert tasks.sweep_populations() == 2
    assert sent == [str(population.pk), str(population.chunks.get().pk)]


def test_the_sweep_of_runs_leaves_those_of_a_population_alone(engine: RecordedEngine):
    made(1)
    population = started()
    PipelineRunFactory.create(
        population=population, sent_at=timezone.now() - timedelta(hours=1), shopper=population.members.get().shopper
    )

    assert tasks.sweep() == 0


# Choices of a job -----------------------------------------------------------------------------------------------------


def test_the_choices_of_a_job_are_those_of_its_runs(engine: RecordedEngine):
    material.fitted()
    made(2)
    other = LanguageModelFactory.create(name="qwen3", role="tags", state="candidate")
    moment = REFERENCE - timedelta(days=20)
    rules = {"categories": ["baby"], "taken": "ever"}

    done = worked(
        started(
            stages="interests,tags,items",
            models={Stage.TAGS: other},
            rules=rules,
            language="de",
            reference_at=moment,
        ),
        engine,
    )

    assert done.state == JobState.DONE
    for run in done.runs.all():
        assert (run.language, run.reference_at, run.rules) == ("de", moment, rules)
        assert run.chosen_models == {"tags": str(other.pk)}
        assert run.generations.get(stage=Stage.TAGS).model == other
        assert run.generations.get(stage=Stage.INTERESTS).model != other
        assert {one.item.category[0] for one in run.recommendations.select_related("item")} == {"baby"}


def test_another_choice_is_no_repetition_and_is_not_skipped(engine: RecordedEngine):
    material.fitted()
    made(1)
    worked(started(stages="interests,tags,items"), engine)
    other = LanguageModelFactory.create(name="qwen3", role="tags", state="candidate")

    def skipped(**choices: Any) -> int:
        return progress_of(worked(started(stages="interests,tags,items", **choices), engine)).n_skipped

    assert skipped() == 1
    assert skipped(rules={"taken": "ever"}) == 0
    assert skipped(rules={"taken": "ever"}) == 1
    assert skipped(models={Stage.TAGS: other}, rules={"taken": "ever"}) == 0
    assert skipped(models={Stage.TAGS: other}, rules={"taken": "ever"}) == 1
    assert skipped(language="de") == 0
    assert skipped(reference_at=REFERENCE + timedelta(days=400)) == 0


def test_the_same_query_by_another_choice_may_be_made_at_once():
    made(1)
    first = started()
    second = started(language="de")

    ItemFactory.create(category=(many := [f"{number} {'x' * 190}" for number in range(100)]))
    third = started(stages="items", rules={"categories": many})

    assert len({first.pk, second.pk, third.pk}) == 3
    with pytest.raises(PopulationRunningError) as refused:
        services.start(query="all", stages=["interests", "tags"], by=None, language="de")
    assert refused.value.population == second


def test_a_model_that_cannot_be_asked_is_refused():
    made(1)
    wrong = LanguageModelFactory.create(name="judge", role="judge")

    with pytest.raises(PopulationError, match="is for judge") as refused:
        services.start(query="all", stages=["interests"], by=None, models={Stage.INTERESTS: wrong})

    assert refused.value.field == "models.interests"


def test_who_did_nothing_before_the_day_that_is_looked_from_fails(engine: RecordedEngine):
    made(1)

    done = worked(started(stages="interests", reference_at=REFERENCE - timedelta(days=300)), engine)

    assert [(one.reason, one.n) for one in progress_of(done).failures] == [("history", 1)]
