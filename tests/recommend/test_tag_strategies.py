"""Runs whose tags come from planner, experts and arbiter; the model is a stand-in, the database is real."""

from typing import Any

import pytest

from recommend import pipeline, services
from recommend.engines import factory
from recommend.engines.types import ChatRequest, EngineError
from recommend.models import JobState, Output, PipelineRun, Stage, TagStrategy
from recommend.populations.unchanged import is_unchanged
from tests.recommend.factories import REFERENCE
from tests.recommend.populations import material
from tests.support.recorded_engine import Answer, RecordedEngine

pytestmark = pytest.mark.django_db

BOUGHT = "Bought diapers ×2."
INTERESTS = {"interests": [{"reason": BOUGHT, "interest": name, "stage": "emerging"} for name in ("care", "play")]}
PERSONAS = {
    "personas": [
        {"focus": "gentle things", "name": "young parent", "interests": ["care"]},
        {"focus": "first toys", "name": "playmate", "interests": ["play"]},
    ]
}
PROPOSED = {
    "care": ["soft baby blanket", "smart baby monitor", "warm baby socks"],
    "play": ["wooden push cart", "soft baby blankets"],
}


def tags(interest: str) -> Answer:
    return {"tags": [{"interest": interest, "reason": BOUGHT, "tag": text} for text in PROPOSED[interest]]}


def answer(request: ChatRequest) -> Answer:
    assert request.schema is not None
    properties = request.schema["properties"]
    if "tags" in properties:
        return tags(properties["tags"]["items"]["properties"]["interest"]["enum"][0])
    answers: dict[str, Answer] = {"interests": INTERESTS, "personas": PERSONAS, "chosen": {"chosen": [3, 1]}}
    return answers[next(iter(properties))]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> RecordedEngine:
    recorded = RecordedEngine(answer)
    monkeypatch.setattr(factory, "from_settings", lambda name="openai": recorded)
    material.serving(n_tags=3)
    return recorded


def started(**wishes: Any) -> PipelineRun:
    (shopper,) = material.made(1)
    wanted: dict[str, Any] = {
        "reference_at": REFERENCE,
        "steps": ["interests", "tags"],
        "tag_strategy": "experts",
    } | wishes
    return services.start_run(shopper=shopper, by=None, **wanted)[0]


def finished(run: PipelineRun) -> PipelineRun:
    while (after := pipeline.advance(run.pk)) is not None and after.is_active:
        pass
    run.refresh_from_db()
    return run


def test_what_the_arbiter_chose_of_the_experts_tags_are_the_tags_of_the_run(engine: RecordedEngine) -> None:
    run = finished(started())

    kept = Output.objects.kept().filter(generation__run=run, kind=Output.Kind.TAG).order_by("position")
    assert run.state == JobState.DONE
    assert [(tag.text, tag.parent.text, tag.reason, tag.evidence) for tag in kept if tag.parent] == [
        ("wooden push cart", "play", BOUGHT, [0]),
        ("soft baby blanket", "care", BOUGHT, [0]),
    ]
    versions = run.generations.filter(stage=Stage.TAGS).order_by("position").values_list("prompt_version", flat=True)
    assert list(versions) == ["1-arbiter", "1-planner", "1-expert", "1-expert"]


def test_an_expert_serves_the_interests_of_its_persona(engine: RecordedEngine) -> None:
    finished(started())

    first, second = (request for request in engine.requests if "<persona>" in request.messages[1].content)
    assert "young parent: gentle things" in first.messages[1].content
    assert "play (emerging)" not in first.messages[1].content
    assert "play (emerging)" in second.messages[1].content


def test_the_arbiter_sees_each_tag_once_and_none_that_a_rule_rejects(engine: RecordedEngine) -> None:
    run = finished(started())

    arbiter = run.generations.get(prompt_version="1-arbiter")
    assert [(one["tag"], one["persona"]) for one in arbiter.input["candidates"]] == [
        ("soft baby blanket", "young parent"),
        ("warm baby socks", "young parent"),
        ("wooden push cart", "playmate"),
    ]
    rejected = Output.objects.filter(generation__run=run).exclude(rejected_by="").get()
    assert (rejected.text, rejected.rejected_by) == ("smart baby monitor", "filler")
    assert rejected.generation.prompt_version == "1-expert"


def test_where_the_rules_reject_all_there_is_nothing_to_choose(
    monkeypatch: pytest.MonkeyPatch, engine: RecordedEngine
) -> None:
    monkeypatch.setitem(PROPOSED, "care", ["smart pail"])
    monkeypatch.setitem(PROPOSED, "play", ["play set"])

    run = finished(started())

    assert run.state == JobState.DONE
    assert not run.generations.filter(prompt_version="1-arbiter").exists()
    assert Output.objects.filter(generation__run=run, rejected_by="filler").count() == 2


def test_an_expert_that_fails_fails_the_run_in_words(monkeypatch: pytest.MonkeyPatch, engine: RecordedEngine) -> None:
    def broken(request: ChatRequest) -> Answer:
        is_second = "playmate" in request.messages[1].content
        return EngineError("truncated", "cut at 768 tokens") if is_second else answer(request)

    monkeypatch.setattr(factory, "from_settings", lambda name="openai": RecordedEngine(broken))

    run = finished(started())

    assert (run.state, "cut at 768 tokens" in run.error) == (JobState.FAILED, True)


def test_the_direct_strategy_is_what_nobody_has_to_ask_for(engine: RecordedEngine) -> None:
    run = finished(started(tag_strategy=TagStrategy.DIRECT))

    assert PipelineRun().tag_strategy == TagStrategy.DIRECT
    assert list(run.generations.filter(stage=Stage.TAGS).values_list("prompt_version", flat=True)) == ["3"]


def test_a_strategy_that_there_is_not_is_refused(engine: RecordedEngine) -> None:
    with pytest.raises(services.InvalidRunError, match="“oracle” is none of direct, experts") as refused:
        started(tag_strategy="oracle")

    assert refused.value.field == "tag_strategy"


def test_a_version_of_the_direct_strategys_prompt_is_refused_where_that_is_not_asked(engine: RecordedEngine) -> None:
    with pytest.raises(services.InvalidRunError, match="Only the strategy direct asks with version 2") as refused:
        started(prompts={Stage.TAGS: "2"})

    assert refused.value.field == "prompts.tags"


def test_a_population_asks_by_its_strategy_and_another_one_is_a_change(engine: RecordedEngine) -> None:
    material.made(2)

    population = material.worked(material.started(tag_strategy="experts"), engine)

    assert population.state == JobState.DONE
    runs = list(population.runs.all())
    assert {run.tag_strategy for run in runs} == {"experts"}
    assert Output.objects.kept().filter(generation__run__in=runs, kind=Output.Kind.TAG).count() == 2 * 2
    same = PipelineRun(
        shopper=runs[0].shopper, reference_at=runs[0].reference_at, steps=runs[0].steps, tag_strategy="experts"
    )
    assert is_unchanged(same)
    same.tag_strategy = TagStrategy.DIRECT
    assert not is_unchanged(same)
