"""A run from stored behaviours to explained items; the model is a stand-in, the database is real."""

import itertools
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from recommend import calls, events, leases, pipeline, retrieval, selectors, services
from recommend.engines import factory
from recommend.engines.types import ChatRequest, EngineError
from recommend.models import Behavior, Generation, Item, JobState, LanguageModel, Output, PipelineRun, Shopper, Stage
from recommend.prompts import load
from tests.recommend.factories import REFERENCE, BehaviorFactory, ItemFactory, LanguageModelFactory, ShopperFactory
from tests.support.recorded_engine import Answer, RecordedEngine

pytestmark = pytest.mark.django_db

INTERESTS = {
    "interests": [
        {"reason": "Bought baby foods ×2 and diapers.", "interest": "baby care", "stage": "long-term"},
        {"reason": "Bought acrylic paint ×4.", "interest": "painting at home", "stage": "emerging"},
    ]
}
TAGS = {
    "tags": [
        {"interest": "baby care", "reason": "Bought baby foods ×2.", "tag": "organic baby puree"},
        {"interest": "baby care", "reason": "Bought diapers.", "tag": "smart diaper pail"},
    ]
}
ANSWERS: dict[str, Answer] = {
    "interests": INTERESTS,
    "tags": TAGS,
    "guideline": {"guideline": "Warm, for new parents.", "explanation": "First spoonfuls for curious eaters"},
}
CATALOGUE = {
    "diapers": ["baby", "diapers", "baby diapers"],
    "baby foods": ["baby", "baby foods", "baby puree"],
    "crayons": ["toys", "crayons", "washable crayons"],
}


def answer(request: ChatRequest) -> Answer:
    """What a good model would say at each stage, told apart by the schema that it was given."""
    assert request.schema is not None
    wanted = next(iter(request.schema["properties"]))
    return ANSWERS[wanted]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> RecordedEngine:
    recorded = RecordedEngine(answer)
    monkeypatch.setattr(factory, "from_settings", lambda name="openai": recorded)
    return recorded


@pytest.fixture
def shopper() -> Shopper:
    """Two baby foods, diapers and an ordinary click in the last weeks; others bought what comes after."""
    items = {
        name: ItemFactory.create(short_text=name, title=name.title(), category=category)
        for name, category in CATALOGUE.items()
    }
    shoppers = ShopperFactory.create_batch(4)
    for buyer in shoppers:
        for day, name in enumerate(["diapers", "baby foods", "crayons"]):
            BehaviorFactory.create(shopper=buyer, item=items[name], occurred_at=REFERENCE - timedelta(days=90 - day))
    chosen = ShopperFactory.create(last_behavior_at=REFERENCE, n_behaviors=4)
    for name, days in (("baby foods", 40), ("baby foods", 12), ("diapers", 40)):
        BehaviorFactory.create(shopper=chosen, item=items[name], occurred_at=REFERENCE - timedelta(days=days))
    BehaviorFactory.create(
        shopper=chosen, item=items["crayons"], kind=Behavior.Kind.CLICK, occurred_at=REFERENCE - timedelta(days=3)
    )
    for role in LanguageModel.Role.values:
        LanguageModelFactory.create(role=role)
    retrieval.fit()
    return chosen


def started(shopper: Shopper, **wishes: Any) -> PipelineRun:
    run, _ = services.start_run(shopper=shopper, by=None, reference_at=REFERENCE, **wishes)
    return run


def looked_only() -> Shopper:
    """A shopper with nothing but a click."""
    made = ShopperFactory.create(last_behavior_at=REFERENCE)
    BehaviorFactory.create(shopper=made, item=Item.objects.earliest("pk"), kind=Behavior.Kind.CLICK)
    return made


def finished(run: PipelineRun) -> PipelineRun:
    while (after := pipeline.advance(run.pk)) is not None and after.is_active:
        pass
    run.refresh_from_db()
    return run


def test_a_run_ends_with_explained_items(engine: RecordedEngine, shopper: Shopper) -> None:
    run = finished(started(shopper))

    assert (run.state, run.step, run.error) == (JobState.DONE, "finished", "")
    assert run.recommendations.count() > 0
    explained = Output.objects.filter(generation__run=run, kind=Output.Kind.EXPLANATION)
    assert {output.item_id for output in explained} == {one.item_id for one in run.recommendations.all()}
    assert run.generations.filter(state=JobState.DONE).count() == len(engine.requests)


def test_an_ordinary_click_reaches_no_prompt(engine: RecordedEngine, shopper: Shopper) -> None:
    run = finished(started(shopper))

    assert all("crayons" not in message.content for message in engine.requests[0].messages)
    assert run.history["n_events"] == 3


def test_a_run_keeps_where_its_shopper_bought_most_whatever_the_catalogue_says_later(
    engine: RecordedEngine, shopper: Shopper
) -> None:
    run = finished(started(shopper))
    Item.objects.filter(short_text="baby foods").update(category=["food"])
    BehaviorFactory.create(shopper=shopper, item=Item.objects.get(short_text="crayons"), quantity=50)

    run.refresh_from_db()

    assert run.history["category"] == "baby > baby foods"


def test_an_interest_keeps_the_lines_that_its_reason_cites(engine: RecordedEngine, shopper: Shopper) -> None:
    run = finished(started(shopper))

    interest = Output.objects.get(generation__run=run, text="baby care")
    cited = " ".join(run.history["lines"][number]["text"] for number in interest.evidence)
    assert "baby foods" in cited
    assert "diapers" in cited


def test_what_a_rule_rejects_is_kept_with_the_rule_and_goes_no_further(
    engine: RecordedEngine, shopper: Shopper
) -> None:
    run = finished(started(shopper))

    rejected = dict(
        Output.objects.exclude(rejected_by="").filter(generation__run=run).values_list("text", "rejected_by")
    )
    assert rejected == {"painting at home": "cites_nothing", "smart diaper pail": "filler"}
    assert all("painting" not in message.content for message in engine.requests[1].messages)


def test_tags_that_name_a_brand_of_the_catalogue_or_another_season_are_rejected(
    monkeypatch: pytest.MonkeyPatch, shopper: Shopper
) -> None:
    ItemFactory.create(brand="Happy Baby")
    named = [
        {"interest": "baby care", "reason": "Bought diapers.", "tag": "happy baby oat puree"},
        {"interest": "baby care", "reason": "Bought diapers.", "tag": "halloween baby costume"},
    ]
    answers: dict[str, Answer] = {**ANSWERS, "tags": {"tags": named}}
    recorded = RecordedEngine(lambda request: answers[next(iter((request.schema or {})["properties"]))])
    monkeypatch.setattr(factory, "from_settings", lambda name="openai": recorded)

    run = finished(started(shopper))

    tags = Output.objects.filter(generation__run=run, kind=Output.Kind.TAG)
    assert dict(tags.values_list("text", "rejected_by")) == {
        "happy baby oat puree": "brand",
        "halloween baby costume": "out_of_season",
    }


def several_interests(names: list[str]) -> Answer:
    found = [{"reason": "Bought diapers.", "interest": name, "stage": "emerging"} for name in names]
    return {"interests": found}


def proposing(asked: list[tuple[list[str], int]], answers: Iterator[list[str]]) -> Callable[[ChatRequest], Answer]:
    """Answers calls for tags one after the other, all for the first interest that may be named; `asked` fills up."""

    def say(request: ChatRequest) -> Answer:
        assert request.schema is not None
        if "tags" not in request.schema["properties"]:
            return several_interests(["baby care", "first steps", "bath time"])
        wanted = request.schema["properties"]["tags"]
        may_serve = wanted["items"]["properties"]["interest"]["enum"]
        asked.append((may_serve, wanted["maxItems"]))
        return {
            "tags": [{"interest": may_serve[0], "reason": "Bought diapers.", "tag": text} for text in next(answers)]
        }

    return say


def test_tags_come_in_as_many_calls_as_the_model_needs_for_all_of_them(
    monkeypatch: pytest.MonkeyPatch, shopper: Shopper
) -> None:
    LanguageModel.objects.filter(role=Stage.TAGS).update(n_tags=9, max_tokens=5 * 76)
    asked: list[tuple[list[str], int]] = []
    answers = iter([["soft baby blanket", "warm baby socks"], ["warm baby sock", "wooden push cart"], ["bath toy"]])
    recorded = RecordedEngine(proposing(asked, answers))
    monkeypatch.setattr(factory, "from_settings", lambda name="openai": recorded)

    run = finished(started(shopper, steps=["interests", "tags"]))

    assert run.state == JobState.DONE
    assert asked == [(["baby care"], 3), (["first steps"], 3), (["bath time"], 3)]
    tags = Output.objects.filter(generation__run=run, kind=Output.Kind.TAG).order_by("generation__position", "position")
    assert [(tag.text, tag.parent.text, tag.rejected_by) for tag in tags if tag.parent] == [
        ("soft baby blanket", "baby care", ""),
        ("warm baby socks", "baby care", ""),
        ("warm baby sock", "first steps", "duplicate"),  # of another call's tag
        ("wooden push cart", "first steps", ""),
        ("bath toy", "bath time", ""),
    ]


def test_what_the_rules_rejected_is_asked_for_again_with_what_there_is_already(
    monkeypatch: pytest.MonkeyPatch, shopper: Shopper
) -> None:
    LanguageModel.objects.filter(role=Stage.TAGS).update(n_tags=3, tag_rounds=5)
    asked: list[tuple[list[str], int]] = []
    answers = iter([["soft baby blanket", "smart baby monitor"], ["warm baby socks"], ["soft baby blankets"]])
    recorded = RecordedEngine(proposing(asked, answers))
    monkeypatch.setattr(factory, "from_settings", lambda name="openai": recorded)

    run = finished(started(shopper, steps=["interests", "tags"]))

    # The third round brought nothing new, so there is no fourth.
    assert asked == [
        (["baby care", "first steps", "bath time"], 3),
        (["first steps", "bath time"], 2),
        (["bath time"], 1),
    ]
    prompts = [request.messages[1].content for request in recorded.requests[1:]]
    assert "<proposed>" not in prompts[0]
    assert "<proposed>\nsoft baby blanket\n</proposed>" in prompts[1]
    assert "<proposed>\nsoft baby blanket; warm baby socks\n</proposed>" in prompts[2]
    assert [one.input.get("proposed") for one in run.generations.filter(stage=Stage.TAGS).order_by("position")] == [
        None,
        ["soft baby blanket"],
        ["soft baby blanket", "warm baby socks"],
    ]


def test_a_later_round_that_fails_costs_the_run_nothing(monkeypatch: pytest.MonkeyPatch, shopper: Shopper) -> None:
    LanguageModel.objects.filter(role=Stage.TAGS).update(n_tags=3, tag_rounds=5)
    good = proposing([], iter([["soft baby blanket"]]))

    def say(request: ChatRequest) -> Answer:
        again = any("<proposed>" in message.content for message in request.messages)
        return EngineError("truncated", "cut") if again else good(request)

    monkeypatch.setattr(factory, "from_settings", lambda name="openai": RecordedEngine(say))

    run = finished(started(shopper, steps=["interests", "tags"]))

    assert run.state == JobState.DONE
    assert run.generations.filter(stage=Stage.TAGS, state=JobState.FAILED).count() == 1


def test_fifty_tags_are_made_where_the_model_has_room(monkeypatch: pytest.MonkeyPatch, shopper: Shopper) -> None:
    LanguageModel.objects.filter(role=Stage.TAGS).update(n_tags=50, tag_rounds=3, max_tokens=2048)
    numbers = iter(range(1000))

    def say(request: ChatRequest) -> Answer:
        assert request.schema is not None
        if "tags" not in request.schema["properties"]:
            return several_interests(["baby care", "first steps", "bath time"])
        wanted = request.schema["properties"]["tags"]
        served = itertools.cycle(wanted["items"]["properties"]["interest"]["enum"])
        made = [next(numbers) for _ in range(wanted["maxItems"])]
        # Every seventh is rejected.
        texts = [f"{'smart' if number % 7 == 0 else 'soft'} toy kind{number}" for number in made]
        return {"tags": [{"interest": next(served), "reason": "Diapers.", "tag": text} for text in texts]}

    monkeypatch.setattr(factory, "from_settings", lambda name="openai": RecordedEngine(say))

    run = finished(started(shopper, steps=["interests", "tags"]))

    kept = Output.objects.kept().filter(generation__run=run, kind=Output.Kind.TAG)
    assert len(set(kept.values_list("text", flat=True))) == kept.count() == 50
    assert {tag.parent.text for tag in kept if tag.parent} == {"baby care", "first steps", "bath time"}


def test_an_interest_whose_reason_cites_what_is_not_in_its_input_is_rejected_as_hallucination(
    monkeypatch: pytest.MonkeyPatch, shopper: Shopper
) -> None:
    found = [
        {"reason": "Bought baby foods ×2 and diapers.", "interest": "baby care", "stage": "long-term"},
        {"reason": "Bought diapers and hiking boots ×2.", "interest": "outdoor walks", "stage": "emerging"},
        {"reason": "Bought crayons ×2.", "interest": "drawing", "stage": "emerging"},  # the click was never read
    ]
    monkeypatch.setattr(factory, "from_settings", lambda name="openai": RecordedEngine(lambda _: {"interests": found}))

    run = finished(started(shopper, steps=["interests"]))

    made = Output.objects.filter(generation__run=run)
    assert dict(made.values_list("text", "rejected_by")) == {
        "baby care": "",
        "outdoor walks": "hallucination",
        "drawing": "cites_nothing",
    }
    assert "hiking boots" in made.get(text="outdoor walks").rejected_because
    lines = len(run.history["lines"])
    assert all(one.evidence and max(one.evidence) < lines for one in made.filter(rejected_by=""))


def test_every_item_has_its_score_split_into_both_arms(engine: RecordedEngine, shopper: Shopper) -> None:
    run = finished(started(shopper, beta=0.3))

    for one in run.recommendations.all():
        assert one.score == pytest.approx(0.3 * one.collaborative + 0.7 * one.semantic)
        assert one.tag is not None
        assert one.arm in ("both", "semantic")


def test_items_of_the_last_month_are_not_offered_again(engine: RecordedEngine, shopper: Shopper) -> None:
    run = finished(started(shopper))

    recent = Item.objects.get(short_text="baby foods")
    assert not run.recommendations.filter(item=recent).exists()


def test_without_a_kept_interest_the_collaborative_arm_goes_on_alone(
    monkeypatch: pytest.MonkeyPatch, shopper: Shopper
) -> None:
    nothing = {"interests": [{"reason": "No idea.", "interest": "chess", "stage": "emerging"}]}
    recorded = RecordedEngine(lambda request: nothing)
    monkeypatch.setattr(factory, "from_settings", lambda name="openai": recorded)

    run = finished(started(shopper))

    assert run.state == JobState.DONE
    assert len(recorded.requests) == 1
    assert {one.tag for one in run.recommendations.all()} == {None}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (EngineError("truncated", "cut at 768 tokens"), "cut at 768 tokens"),
        ({"interests": []}, "not of the form"),
        ({"interests": [{"interest": "x"}]}, "interests.0.reason"),
    ],
)
def test_an_unusable_answer_fails_the_run_in_words_and_is_kept(
    monkeypatch: pytest.MonkeyPatch, shopper: Shopper, given: Answer, words: str
) -> None:
    monkeypatch.setattr(factory, "from_settings", lambda name="openai": RecordedEngine(lambda request: given))

    run = finished(started(shopper))

    generation = run.generations.get()
    assert (run.state, generation.state) == (JobState.FAILED, JobState.FAILED)
    assert words in run.error
    assert generation.raw_text
    assert not generation.outputs.exists()


def test_a_failed_explanation_costs_its_card_a_sentence_and_not_the_run(
    monkeypatch: pytest.MonkeyPatch, shopper: Shopper
) -> None:
    def broken(request: ChatRequest) -> Answer:
        good = answer(request)
        return EngineError("unavailable", "no answer") if good is ANSWERS["guideline"] else good

    monkeypatch.setattr(factory, "from_settings", lambda name="openai": RecordedEngine(broken))

    run = finished(started(shopper))

    assert run.state == JobState.DONE
    assert run.recommendations.exists()
    assert run.generations.filter(state=JobState.FAILED).exists()


def test_a_second_delivery_asks_nothing_again(engine: RecordedEngine, shopper: Shopper) -> None:
    run = finished(started(shopper))
    n_asked, n_outputs = len(engine.requests), Output.objects.count()

    pipeline.advance(run.pk)

    assert (len(engine.requests), Output.objects.count()) == (n_asked, n_outputs)


def test_a_run_left_by_a_dead_worker_goes_on_where_it_stood(
    monkeypatch: pytest.MonkeyPatch, engine: RecordedEngine, shopper: Shopper
) -> None:
    run = started(shopper)
    token = leases.take(run.pk)
    assert token is not None
    pipeline.do(run.pk, token, "history")
    PipelineRun.objects.filter(pk=run.pk).update(step="interests")
    asking = pipeline.do(run.pk, token, "interests")
    assert asking is not None
    list(calls.make(run.pk, token, asking))  # the worker dies here: stored, but the step is not marked done
    PipelineRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))

    finished(run)

    assert run.state == JobState.DONE
    assert Generation.objects.filter(run=run, stage="interests").count() == 1
    assert sum("interests" in (request.schema or {})["properties"] for request in engine.requests) == 1


def test_a_run_that_another_worker_holds_is_left_alone(engine: RecordedEngine, shopper: Shopper) -> None:
    run = started(shopper)
    assert leases.take(run.pk) is not None

    finished(run)

    assert run.state == JobState.RUNNING
    assert engine.requests == []


def test_a_run_cancelled_while_the_model_thinks_stores_nothing_more(
    monkeypatch: pytest.MonkeyPatch, shopper: Shopper
) -> None:
    run = started(shopper)

    def cancel_then_answer(request: ChatRequest) -> Answer:
        services.cancel_run(run)
        return answer(request)

    monkeypatch.setattr(factory, "from_settings", lambda name="openai": RecordedEngine(cancel_then_answer))

    finished(run)

    assert run.state == JobState.CANCELLED
    assert not Output.objects.exists()
    assert run.generations.get().state == JobState.CANCELLED


def test_a_worker_whose_lease_was_taken_over_stores_nothing(shopper: Shopper) -> None:
    run = started(shopper)
    leases.take(run.pk)

    with pytest.raises(leases.LeaseLostError), leases.locked(run.pk, uuid4()):
        pass


def test_a_history_of_clicks_alone_is_said_in_words(engine: RecordedEngine, shopper: Shopper) -> None:
    run = finished(started(looked_only()))

    assert run.state == JobState.FAILED
    assert "clicks or returns" in run.error


def test_retrieval_that_was_never_fitted_names_the_remedy(engine: RecordedEngine, shopper: Shopper) -> None:
    from recommend.models import RetrievalIndex

    RetrievalIndex.objects.all().delete()

    run = finished(started(shopper))

    assert "manage.py fit_retrieval" in run.error


def test_hooks_hear_of_every_finished_generation(
    monkeypatch: pytest.MonkeyPatch, engine: RecordedEngine, shopper: Shopper
) -> None:
    heard: list[UUID] = []
    hooks: list[Callable[[UUID], None]] = [heard.append]
    monkeypatch.setattr(events, "_generation_done", hooks)

    run = finished(started(shopper))

    assert sorted(heard) == sorted(run.generations.values_list("pk", flat=True))


def test_only_the_steps_that_were_asked_for_are_done(engine: RecordedEngine, shopper: Shopper) -> None:
    items_alone = finished(started(shopper, steps=["items"]))
    assert engine.requests == []
    up_to_tags = finished(started(shopper, steps=["interests", "tags"]))

    assert (items_alone.state, up_to_tags.state) == (JobState.DONE, JobState.DONE)
    assert {one.tag for one in items_alone.recommendations.all()} == {None}
    assert items_alone.history["max_tokens"] is None
    assert not up_to_tags.recommendations.exists()
    assert {one.stage for one in up_to_tags.generations.all()} == {"interests", "tags"}
    states = {step.name: step.state for step in selectors.run_for_display(items_alone.pk).steps}
    assert states == {
        "history": "done",
        "interests": "skipped",
        "tags": "skipped",
        "items": "done",
        "explanations": "skipped",
    }


def test_items_alone_need_no_reliable_behaviour_and_no_model(engine: RecordedEngine, shopper: Shopper) -> None:
    looked = looked_only()
    LanguageModel.objects.update(state=LanguageModel.State.RETIRED)

    assert finished(started(looked, steps=["items"])).state == JobState.DONE


def test_a_chosen_model_does_its_stage_and_the_serving_ones_the_others(
    engine: RecordedEngine, shopper: Shopper
) -> None:
    candidate = LanguageModelFactory.create(
        role=Stage.TAGS, name="tags-candidate", state=LanguageModel.State.CANDIDATE, n_tags=3
    )

    run = finished(started(shopper, models={Stage.TAGS: candidate}))

    models = {one.stage: one.model.name for one in run.generations.all()}
    assert models == {"interests": "smollm2", "tags": "tags-candidate", "explanations": "smollm2"}
    assert {request.model for request in engine.requests} == {"smollm2", "tags-candidate"}


def test_a_stage_is_asked_with_the_version_of_the_run_else_of_its_model_else_the_newest(
    engine: RecordedEngine, shopper: Shopper
) -> None:
    LanguageModel.objects.update(prompt_version="1")
    LanguageModel.objects.filter(role=Stage.EXPLANATIONS).update(prompt_version="")

    run = finished(started(shopper, prompts={Stage.TAGS: "2"}))

    asked = {one.stage: (one.prompt_version, one.prompt_sha256) for one in run.generations.all()}
    expected = {"interests": load("interests", "1"), "tags": load("tags", "2"), "explanations": load("explanations")}
    assert asked == {stage: (prompt.version, prompt.sha256) for stage, prompt in expected.items()}
    assert engine.requests[0].messages[0].content == load("interests", "1").system


def test_a_version_that_is_gone_fails_the_run_in_words(engine: RecordedEngine, shopper: Shopper) -> None:
    LanguageModel.objects.filter(role=Stage.INTERESTS).update(prompt_version="99")

    run = finished(started(shopper))

    assert (run.state, run.step) == (JobState.FAILED, "interests")
    assert "The prompt interests has no version 99" in run.error


def test_a_chosen_model_that_was_deleted_fails_the_run_in_words(engine: RecordedEngine, shopper: Shopper) -> None:
    candidate = LanguageModelFactory.create(role=Stage.TAGS, name="gone", state=LanguageModel.State.CANDIDATE)
    run = started(shopper, models={Stage.TAGS: candidate})
    candidate.delete()

    assert "was deleted" in finished(run).error


def test_the_language_is_in_every_prompt_and_english_leaves_the_prompts_as_they_are(
    engine: RecordedEngine, shopper: Shopper
) -> None:
    finished(started(shopper))
    english = ["".join(message.content for message in request.messages) for request in engine.requests]
    engine.requests.clear()
    finished(started(shopper, language="de"))
    german = ["".join(message.content for message in request.messages) for request in engine.requests]

    assert not any("Write in" in prompt for prompt in english)
    assert [prompt.replace(" Write in German; name items as the history writes them.", "") for prompt in german] == [
        prompt.replace("3 to 12 words of fluent English", "2 to 12 words of fluent German") for prompt in english
    ]
    assert all("German" in prompt for prompt in german)


def test_a_tag_of_one_word_is_enough_where_words_are_compounded(
    monkeypatch: pytest.MonkeyPatch, shopper: Shopper
) -> None:
    tag = {"interest": "baby care", "reason": "diapers", "tag": "Feuchttücher"}
    answers: dict[str, Answer] = {**ANSWERS, "tags": {"tags": [tag]}}
    recorded = RecordedEngine(lambda request: answers[next(iter((request.schema or {})["properties"]))])
    monkeypatch.setattr(factory, "from_settings", lambda name="openai": recorded)

    rejected = {
        language: Output.objects.get(generation__run=finished(started(shopper, language=language)), kind="tag")
        for language in ("en", "de")
    }

    assert (rejected["en"].rejected_by, rejected["de"].rejected_by) == ("length", "")
