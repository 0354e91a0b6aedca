"""Short forms of items by a model: made for a version of an item, used by histories; the model is a stand-in."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from recommend import histories, tasks
from recommend.ahead import shortening, shortening_services
from recommend.ahead.shortening_services import ShorteningError
from recommend.engines import factory
from recommend.engines.errors import EngineUnavailableError
from recommend.engines.types import ChatRequest, EngineError
from recommend.models import Item, ItemShortForm, JobState, LanguageModel, ShortFormFill
from tests.recommend.factories import REFERENCE, BehaviorFactory, ItemFactory, LanguageModelFactory
from tests.support.recorded_engine import Answer, RecordedEngine

pytestmark = pytest.mark.django_db
GOOD: Answer = {"short": "Pampers diapers"}


@pytest.fixture(autouse=True)
def model(monkeypatch: pytest.MonkeyPatch) -> LanguageModel:
    monkeypatch.setattr(tasks.advance_short_form_fill, "apply_async_on_commit", lambda **sent: None)
    made: LanguageModel = LanguageModelFactory.create()
    return made


def answering(monkeypatch: pytest.MonkeyPatch, answer: Callable[[ChatRequest], Answer]) -> RecordedEngine:
    recorded = RecordedEngine(answer)
    monkeypatch.setattr(factory, "from_settings", lambda name="openai": recorded)
    return recorded


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> RecordedEngine:
    return answering(monkeypatch, lambda request: GOOD)


def done(model: LanguageModel) -> ShortFormFill:
    fill = shortening_services.start(model)
    while (after := shortening.advance(fill.pk)) is not None and after.is_active:
        pass
    fill.refresh_from_db()
    return fill


def named(item: Item) -> str:
    """What a history calls an item."""
    behavior = BehaviorFactory.create(item=item, occurred_at=REFERENCE - timedelta(days=3))
    return histories.load(behavior.shopper, REFERENCE).events[0].text


def test_histories_use_the_form_that_a_model_made(engine: RecordedEngine, model: LanguageModel) -> None:
    item = ItemFactory.create(title="Pampers Baby Dry Diapers Size 4, 52 ct", brand="Pampers")

    assert named(item) == "diapers"
    fill = done(model)

    made = ItemShortForm.objects.get()
    assert (fill.state, fill.n_made, fill.n_left, fill.prompt_tokens) == (JobState.DONE, 1, 0, 100)
    assert (made.item, made.text, made.model, made.prompt_version) == (item, "Pampers diapers", model, "1")
    assert "title: Pampers Baby Dry Diapers Size 4, 52 ct" in engine.requests[0].messages[1].content
    assert named(item) == "Pampers diapers"


def test_an_item_that_changed_is_named_by_rule_until_it_is_shortened_anew(
    engine: RecordedEngine, model: LanguageModel
) -> None:
    item, other = ItemFactory.create_batch(2)
    done(model)

    Item.objects.filter(pk=item.pk).update(title="Diapers, night")

    assert (named(item), named(other)) == ("diapers", "Pampers diapers")
    assert done(model).n_wanted == 1
    assert named(item) == "Pampers diapers"


def test_nothing_is_asked_twice_for_one_version(engine: RecordedEngine, model: LanguageModel) -> None:
    ItemFactory.create()
    done(model)

    with pytest.raises(ShorteningError, match="Every item has a short form"):
        shortening_services.start(model)

    assert done(LanguageModelFactory.create(name="another")).n_wanted == 1


@pytest.mark.parametrize(
    ("given", "counted"),
    [
        ({"short": "lawn mower"}, "n_rejected"),
        ({"short": "diapers one two three four five six seven eight"}, "n_rejected"),
        ({"short": ""}, "n_failed"),
        (EngineError("truncated", "cut"), "n_failed"),
    ],
)
def test_what_is_of_no_use_is_counted_and_the_item_is_named_by_rule(
    monkeypatch: pytest.MonkeyPatch, model: LanguageModel, given: Answer, counted: str
) -> None:
    item = ItemFactory.create()
    engine = answering(monkeypatch, lambda request: given)

    fill = done(model)

    assert (fill.state, getattr(fill, counted), fill.n_left, len(engine.requests)) == (JobState.DONE, 1, 0, 1)
    assert named(item) == "diapers"


def test_a_server_that_is_away_loses_nothing(monkeypatch: pytest.MonkeyPatch, model: LanguageModel) -> None:
    ItemFactory.create_batch(2)
    given: list[Answer] = [GOOD, EngineError("unavailable", "no answer")]
    answering(monkeypatch, lambda request: given.pop(0))
    fill = shortening_services.start(model)

    with pytest.raises(EngineUnavailableError):
        shortening.advance(fill.pk)

    answering(monkeypatch, lambda request: GOOD)
    shortening.advance(fill.pk)
    fill.refresh_from_db()
    assert (fill.state, fill.n_made) == (JobState.DONE, 2)


def test_what_is_cancelled_is_not_gone_on_with(engine: RecordedEngine, model: LanguageModel) -> None:
    ItemFactory.create()
    fill = shortening_services.start(model)

    call_command("shorten_items", cancel=True)

    assert shortening.advance(fill.pk) is None
    assert engine.requests == []


def test_the_command_starts_says_what_is_wrong_and_forgets(engine: RecordedEngine, model: LanguageModel) -> None:
    item = ItemFactory.create()
    call_command("shorten_items")
    shortening.advance(ShortFormFill.objects.get().pk)
    assert named(item) == "Pampers diapers"

    with pytest.raises(CommandError, match="is called “gpt”"):
        call_command("shorten_items", model="gpt")
    call_command("shorten_items", forget=True)

    assert named(item) == "diapers"


def test_judges_and_retired_models_shorten_nothing() -> None:
    ItemFactory.create()
    for values in ({"role": "judge"}, {"name": "old", "state": LanguageModel.State.RETIRED}):
        with pytest.raises(ShorteningError, match="retired or a judge"):
            shortening_services.start(LanguageModelFactory.create(**values))
