"""Explanations of a run by a style guideline, in one answer or in two; a stand-in answers, the database is real."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from recommend import calls, leases, pipeline
from recommend.engines import factory
from recommend.engines.types import ChatRequest, EngineError
from recommend.models import JobState, LanguageModel, Output, PipelineRun, Recommendation, Stage
from tests.recommend.factories import (
    GenerationFactory,
    ItemFactory,
    LanguageModelFactory,
    OutputFactory,
    PipelineRunFactory,
)
from tests.support.recorded_engine import Answer, RecordedEngine

pytestmark = pytest.mark.django_db

PARTS = {"guideline": "Warm, for new parents.", "explanation": "First spoonfuls for curious eaters"}


def answer(request: ChatRequest) -> Answer:
    assert request.schema is not None
    return {part: PARTS[part] for part in request.schema["properties"]}


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> RecordedEngine:
    recorded = RecordedEngine(answer)
    monkeypatch.setattr(factory, "from_settings", lambda name="openai": recorded)
    return recorded


@pytest.fixture
def run() -> PipelineRun:
    """A run that has come to its explanations, with two items that one interest brought."""
    LanguageModelFactory.create(role=LanguageModel.Role.EXPLANATIONS)
    made = PipelineRunFactory.create(step="explanations", state=JobState.RUNNING, history={"lines": []})
    interest = OutputFactory.create(generation=GenerationFactory.create(run=made))
    tag = OutputFactory.create(generation=GenerationFactory.create(run=made, stage=Stage.TAGS), parent=interest)
    for rank in (1, 2):
        Recommendation.objects.create(
            run=made, item=ItemFactory.create(), rank=rank, score=1, collaborative=1, semantic=1, tag=tag
        )
    return made


def apart(**values: Any) -> None:
    LanguageModel.objects.update(guideline_apart=True, **values)


def explained(run: PipelineRun) -> list[tuple[str, str]]:
    made = Output.objects.filter(generation__run=run, kind=Output.Kind.EXPLANATION).order_by("generation__position")
    return [(one.guideline, one.text) for one in made]


def test_in_one_answer_the_guideline_is_kept_beside_the_text(engine: RecordedEngine, run: PipelineRun) -> None:
    pipeline.advance(run.pk)

    assert explained(run) == [(PARTS["guideline"], PARTS["explanation"])] * 2
    assert len(engine.requests) == 2


def test_a_model_that_was_trained_on_the_text_alone_is_asked_for_that(engine: RecordedEngine, run: PipelineRun) -> None:
    apart(prompt_version="2")

    pipeline.advance(run.pk)

    assert explained(run) == [("", PARTS["explanation"])] * 2
    assert len(engine.requests) == 2


def test_apart_the_text_is_asked_for_by_the_guideline_that_the_model_gave(
    engine: RecordedEngine, run: PipelineRun
) -> None:
    apart()

    after = pipeline.advance(run.pk)

    assert after is not None
    assert after.state == JobState.DONE
    assert explained(run) == [(PARTS["guideline"], PARTS["explanation"])] * 2
    asked = [list((request.schema or {})["properties"]) for request in engine.requests]
    assert asked == [["guideline"]] * 2 + [["explanation"]] * 2
    assert all(PARTS["guideline"] in request.messages[1].content for request in engine.requests[2:])


def test_an_item_whose_guideline_failed_is_not_explained(monkeypatch: pytest.MonkeyPatch, run: PipelineRun) -> None:
    apart()
    given: list[Answer] = [
        EngineError("truncated", "cut"),
        {"guideline": "Warm."},
        {"explanation": "A warm first bite"},
    ]
    monkeypatch.setattr(factory, "from_settings", lambda name="openai": RecordedEngine(lambda request: given.pop(0)))

    after = pipeline.advance(run.pk)

    assert after is not None
    assert after.state == JobState.DONE
    assert explained(run) == [("Warm.", "A warm first bite")]
    assert Output.objects.get(kind=Output.Kind.EXPLANATION).generation.position == 2


def test_a_worker_that_died_between_guidelines_and_texts_asks_for_no_guideline_twice(
    engine: RecordedEngine, run: PipelineRun
) -> None:
    apart()
    token = leases.take(run.pk)
    assert token is not None
    asking = pipeline.do(run.pk, token, "explanations")
    assert asking is not None
    list(calls.make(run.pk, token, asking))  # the worker dies here
    PipelineRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))

    pipeline.advance(run.pk)

    assert len(engine.requests) == 4
    assert explained(run) == [(PARTS["guideline"], PARTS["explanation"])] * 2


def test_the_rule_on_length_is_that_of_the_run_s_language(engine: RecordedEngine, run: PipelineRun) -> None:
    PipelineRun.objects.update(language="zh")

    pipeline.advance(run.pk)

    assert set(Output.objects.filter(kind=Output.Kind.EXPLANATION).values_list("rejected_by", flat=True)) == {"length"}
