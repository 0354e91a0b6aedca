"""A job that explains items ahead, from its pairs to what a run shows; a stand-in answers, the database is real."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from recommend import jobs, pipeline, selectors, tasks
from recommend.ahead import asking, explaining, pairs, services
from recommend.ahead.services import FillError, FillRunningError
from recommend.engines import factory
from recommend.engines.errors import EngineUnavailableError
from recommend.engines.types import ChatRequest, EngineError
from recommend.models import (
    AuditEntry,
    ExplanationFill,
    ExplanationSource,
    Generation,
    Item,
    JobState,
    LanguageModel,
    Output,
    PipelineRun,
    StoredExplanation,
)
from recommend.roles import ANNOTATOR, LEAD
from tests.judge.factories import UserFactory
from tests.recommend.ahead.material import TEXT, catalogue, good, interest_of_somebody, recommended, served
from tests.support.recorded_engine import Answer, RecordedEngine

pytestmark = pytest.mark.django_db
API = "/api/v1/explanation-fills/"


@pytest.fixture(autouse=True)
def model(monkeypatch: pytest.MonkeyPatch) -> LanguageModel:
    monkeypatch.setattr(tasks.advance_explanation_fill, "apply_async_on_commit", lambda **sent: None)
    return served()


@pytest.fixture
def items() -> dict[str, Item]:
    return catalogue()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> RecordedEngine:
    return answering(monkeypatch, good)


def answering(monkeypatch: pytest.MonkeyPatch, answer: Callable[[ChatRequest], Answer]) -> RecordedEngine:
    recorded = RecordedEngine(answer)
    monkeypatch.setattr(factory, "from_settings", lambda name="openai": recorded)
    return recorded


def done(**wishes: Any) -> ExplanationFill:
    fill = services.start(by=None, **wishes)
    while (after := explaining.advance(fill.pk)) is not None and after.is_active:
        pass
    fill.refresh_from_db()
    return fill


def test_interests_are_those_of_most_shoppers_and_one_however_they_are_spelt() -> None:
    for text in ("tea", "Tea", "baby care", "golf"):
        interest_of_somebody(text)
    interest_of_somebody("baby care")
    interest_of_somebody("baby cares")
    interest_of_somebody("Tee", language="de")

    found = pairs.interests("en", timezone.now() - timedelta(days=1), 2)

    assert [(one.key, one.n_shoppers) for one in found] == [("baby care", 3), ("tea", 2)]


def test_each_pair_is_explained_once_and_can_be_traced(engine: RecordedEngine, items: dict[str, Item]) -> None:
    interest_of_somebody("baby care", tag="baby puree")
    newest = interest_of_somebody("Baby care", tag="baby puree")

    fill = done()

    stored = StoredExplanation.objects.get()
    assert (fill.state, fill.n_wanted, fill.n_made, fill.n_left) == (JobState.DONE, 1, 1, 0)
    assert (fill.prompt_tokens, fill.completion_tokens) == (100, 20)
    assert (stored.item, stored.interest, stored.output.text) == (items["baby puree"], "baby care", TEXT)
    made = stored.output
    assert (made.parent, made.item, made.generation.state) == (newest, items["baby puree"], JobState.DONE)
    assert (made.generation.prompt_version, made.generation.shopper) == ("2", newest.generation.shopper)
    assert made.generation.run.state == JobState.DONE


def test_the_prompt_names_the_interest_alone_and_no_price(engine: RecordedEngine, items: dict[str, Item]) -> None:
    interest_of_somebody("baby care", tag="baby puree")

    done()

    [request] = engine.requests
    assert "<interest>\nbaby care\n</interest>" in request.messages[1].content
    card = "Baby Puree, 500 g | baby › baby foods › baby puree | National"
    assert f"{card}\ntag: baby puree" in request.messages[1].content


def test_a_second_job_asks_only_for_what_is_missing_or_stale(
    engine: RecordedEngine, items: dict[str, Item], model: LanguageModel
) -> None:
    interest_of_somebody("baby care", tag="baby puree")
    interest_of_somebody("grilling", tag="charcoal briquets")
    done()
    assert len(engine.requests) == 2

    assert done().n_wanted == 0

    Item.objects.filter(pk=items["charcoal"].pk).update(brand="Another")
    assert done().n_wanted == 1
    StoredExplanation.objects.update(stored_at=timezone.now() - timedelta(days=8))
    assert done(max_age_days=7).n_wanted == 2
    LanguageModel.objects.filter(pk=model.pk).update(prompt_version="1")
    assert done().n_wanted == 2
    assert StoredExplanation.objects.count() == 2


def test_a_guideline_of_its_own_comes_first(
    engine: RecordedEngine, items: dict[str, Item], model: LanguageModel
) -> None:
    LanguageModel.objects.filter(pk=model.pk).update(prompt_version="3", guideline_apart=True)
    interest_of_somebody("baby care", tag="baby puree")

    fill = done()

    assert StoredExplanation.objects.get().output.guideline == "Warm."
    assert (fill.n_made, fill.prompt_tokens) == (1, 200)
    assert Generation.objects.filter(run__explanation_fill=fill, state=JobState.DONE).count() == 2


def test_what_a_rule_rejects_is_kept_and_not_looked_up(monkeypatch: pytest.MonkeyPatch, items: dict[str, Item]) -> None:
    answering(monkeypatch, lambda request: {"explanation": "A must-have for every family"})
    interest_of_somebody("baby care", tag="baby puree")

    fill = done()

    assert (fill.state, fill.n_rejected, fill.n_left) == (JobState.DONE, 1, 0)
    assert Output.objects.get(kind=Output.Kind.EXPLANATION).rejected_by == "cliche"
    assert not StoredExplanation.objects.exists()


@pytest.mark.parametrize("given", [EngineError("truncated", "cut at 64 tokens"), {"explanation": ""}])
def test_an_answer_of_no_use_is_counted_and_kept(
    monkeypatch: pytest.MonkeyPatch, items: dict[str, Item], given: Answer
) -> None:
    answering(monkeypatch, lambda request: given)
    interest_of_somebody("baby care", tag="baby puree")

    fill = done()

    assert (fill.state, fill.n_failed, fill.n_left) == (JobState.DONE, 1, 0)
    assert Generation.objects.get(run__explanation_fill=fill).error


def test_a_server_that_is_away_leaves_the_rest_for_later(
    monkeypatch: pytest.MonkeyPatch, items: dict[str, Item]
) -> None:
    interest_of_somebody("baby care", tag="baby puree")
    interest_of_somebody("grilling", tag="charcoal briquets")
    given: list[Answer] = [{"explanation": TEXT}, EngineError("unavailable", "no answer")]
    answering(monkeypatch, lambda request: given.pop(0))
    fill = services.start(by=None)

    with pytest.raises(EngineUnavailableError, match="no answer"):
        explaining.advance(fill.pk)

    fill.refresh_from_db()
    assert (fill.state, fill.n_made, fill.n_left) == (JobState.RUNNING, 1, 1)
    answering(monkeypatch, good)
    explaining.advance(fill.pk)
    assert StoredExplanation.objects.count() == 2


def test_what_is_cancelled_while_the_model_thinks_is_not_stored(
    monkeypatch: pytest.MonkeyPatch, items: dict[str, Item]
) -> None:
    interest_of_somebody("baby care", tag="baby puree")
    fill = services.start(by=None)

    def cancel_then_answer(request: ChatRequest) -> Answer:
        services.cancel(fill)
        return good(request)

    answering(monkeypatch, cancel_then_answer)

    assert explaining.advance(fill.pk) is None
    assert not StoredExplanation.objects.exists()
    assert {one.state for one in fill.runs.all()} == {JobState.CANCELLED}
    assert Generation.objects.get(run__explanation_fill=fill).state == JobState.CANCELLED


def test_a_paused_job_rests_until_it_is_resumed(engine: RecordedEngine, items: dict[str, Item]) -> None:
    interest_of_somebody("baby care", tag="baby puree")
    fill = services.start(by=None)
    services.pause(fill)

    assert explaining.advance(fill.pk) is None
    assert services.resume(fill).paused_at is None
    assert explaining.advance(fill.pk) is not None
    assert StoredExplanation.objects.exists()
    verbs = set(AuditEntry.objects.values_list("verb", flat=True))
    assert {"explanations.started", "explanations.paused", "explanations.resumed"} <= verbs


def test_a_shift_ends_in_time_and_the_next_one_goes_on(
    monkeypatch: pytest.MonkeyPatch, engine: RecordedEngine, items: dict[str, Item]
) -> None:
    interest_of_somebody("baby care", tag="baby puree")
    monkeypatch.setattr(asking, "SHIFT_S", 0.0)
    fill = services.start(by=None)

    after = explaining.advance(fill.pk)

    assert after is not None
    assert (after.state, after.n_left, len(engine.requests)) == (JobState.RUNNING, 1, 0)


def test_an_item_that_changed_meanwhile_is_not_explained(engine: RecordedEngine, items: dict[str, Item]) -> None:
    interest_of_somebody("baby care", tag="baby puree")
    fill = services.start(by=None)
    with jobs.held(ExplanationFill, fill.pk) as token:
        assert token is not None
        pairs.write_down(fill, token, LanguageModel.objects.serving("explanations"))
    Item.objects.filter(pk=items["baby puree"].pk).update(title="Another")

    explaining.advance(fill.pk)

    fill.refresh_from_db()
    assert (fill.state, fill.n_failed, engine.requests) == (JobState.DONE, 1, [])


def test_a_job_without_a_model_or_index_ends_in_words(engine: RecordedEngine, model: LanguageModel) -> None:
    interest_of_somebody("baby care", tag="baby puree")

    assert "Run `manage.py fit_categories`" in done().error

    LanguageModel.objects.filter(pk=model.pk).update(state=LanguageModel.State.RETIRED)
    with pytest.raises(FillError, match="No language model serves"):
        services.start(by=None)


def test_the_runs_of_a_job_are_its_worker_s_and_not_the_sweep_s(engine: RecordedEngine, items: dict[str, Item]) -> None:
    interest_of_somebody("baby care", tag="baby puree")
    fill = services.start(by=None)
    with jobs.held(ExplanationFill, fill.pk) as token:
        assert token is not None
        pairs.write_down(fill, token, LanguageModel.objects.serving("explanations"))
    PipelineRun.objects.filter(explanation_fill=None).update(state=JobState.DONE)
    fill.runs.update(sent_at=timezone.now() - timedelta(days=1))

    assert tasks.sweep() == 0


# Runs -----------------------------------------------------------------------------------------------------------------


def explained(source: str) -> tuple[PipelineRun, list[str | None]]:
    """A run whose explanations are from there: of two items the first has a stored one; and what its cards say."""
    interest_of_somebody("baby care", tag="baby puree")
    done()
    run = interest_of_somebody("baby care").generation.run
    interest = Output.objects.get(generation__run=run)
    for rank, name in enumerate(("baby puree", "coffee"), start=1):
        recommended(interest, Item.objects.get(sku=name), rank)
    PipelineRun.objects.filter(pk=run.pk).update(step="explanations", state=JobState.QUEUED, explanation_source=source)
    pipeline.advance(run.pk)
    cards = selectors.run_for_display(run.pk).cards
    run.refresh_from_db()
    return run, [card.explanation.text if card.explanation else None for card in cards]


def test_stored_explanations_ask_no_model(engine: RecordedEngine, items: dict[str, Item]) -> None:
    run, texts = explained(ExplanationSource.STORED)

    assert (run.state, texts) == (JobState.DONE, [TEXT, None])
    assert len(engine.requests) == 1  # the job's
    first = run.recommendations.get(rank=1)
    assert first.explanation == StoredExplanation.objects.get().output
    assert first.explanation.generation.run != run


def test_what_is_not_stored_is_made(engine: RecordedEngine, items: dict[str, Item]) -> None:
    run, texts = explained(ExplanationSource.STORED_OR_MADE)

    assert texts == [TEXT, TEXT]
    assert [one.position for one in run.generations.filter(stage="explanations")] == [2]


def test_by_default_everything_is_made(engine: RecordedEngine, items: dict[str, Item]) -> None:
    run, texts = explained(ExplanationSource.MADE)

    assert texts == [TEXT, TEXT]
    assert run.generations.filter(stage="explanations").count() == 2


def test_a_refresh_leaves_what_a_run_showed(engine: RecordedEngine, items: dict[str, Item]) -> None:
    run, _ = explained(ExplanationSource.STORED)
    shown = run.recommendations.get(rank=1).explanation
    StoredExplanation.objects.update(stored_at=timezone.now() - timedelta(days=99))

    done()

    assert StoredExplanation.objects.get().output != shown
    assert run.recommendations.get(rank=1).explanation == shown


# Ways in --------------------------------------------------------------------------------------------------------------


def test_one_job_a_language_is_at_work() -> None:
    running = services.start(by=None)

    with pytest.raises(FillRunningError) as refused:
        services.start(by=None)

    assert refused.value.fill == running
    assert services.start(by=None, language="de").language == "de"


@pytest.mark.parametrize(
    ("wishes", "field"), [({"language": "xx"}, "language"), ({"n_items": 0}, "n_items"), ({"days": 9999}, "days")]
)
def test_a_wish_that_cannot_be_met_is_named(wishes: dict[str, object], field: str) -> None:
    with pytest.raises(FillError) as refused:
        services.start(by=None, **wishes)  # type: ignore[arg-type]

    assert refused.value.field == field


def test_leads_start_and_steer_it_by_rest() -> None:
    client = APIClient()
    client.force_authenticate(UserFactory.create(role=LEAD))

    made = client.post(API, {"n_interests": 5}, format="json")

    assert (made.status_code, made.json()["state"], made.json()["n_interests"]) == (202, "queued", 5)
    again = client.post(API, {}, format="json")
    assert (again.status_code, again.json()["type"]) == (409, "urn:recgpt-studio:problem:explanations-running")
    one = f"{API}{made.json()['id']}/"
    assert client.post(f"{one}pause/", {}, format="json").json()["is_paused"]
    assert not client.post(f"{one}resume/", {}, format="json").json()["is_paused"]
    assert client.post(f"{one}cancel/", {}, format="json").json()["state"] == "cancelled"
    assert [found["id"] for found in client.get(API, {"state": "cancelled"}).json()["results"]] == [made.json()["id"]]
    wrong = client.post(API, {"n_items": 0}, format="json")
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (400, "#/n_items")


def test_others_may_not(client: Client) -> None:
    api = APIClient()
    api.force_authenticate(UserFactory.create(role=ANNOTATOR))

    assert api.get(API).status_code == 403
    assert api.post(API, {}, format="json").status_code == 403
    assert client.get(API).status_code in (401, 403)


def test_the_command_starts_it_and_says_what_is_wrong() -> None:
    call_command("explain_ahead", interests=7)

    assert ExplanationFill.objects.get().n_interests == 7
    with pytest.raises(CommandError, match="being made already"):
        call_command("explain_ahead")
