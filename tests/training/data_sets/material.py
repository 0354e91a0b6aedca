"""Generations with labels, as the tests of data sets begin with."""

from __future__ import annotations

from typing import Any

from judge.models import Assessment, Rater
from judge.ways import Way
from recommend.models import Generation, Output, PipelineRun, Stage
from tests.judge.factories import FAILING, PASSING, AssessmentFactory, JudgeFactory, PersonFactory, current_rubric
from tests.recommend.factories import (
    INTEREST,
    REFERENCE,
    GenerationFactory,
    OutputFactory,
    PipelineRunFactory,
    ShopperFactory,
)

QUERY = {"stage": "self-training", "kind": "tag", "validation_share": 0.0}
TEXTS = (
    "whole grain crackers",
    "scented soy candles",
    "cast iron skillet",
    "bamboo cutting board",
    "herbal sleep tea",
    "travel neck pillow",
)


def tags(*verdicts: bool | None, shopper: str = "household-a", first: int = 0, **run: Any) -> Generation:
    """A generation of tags with an interest behind them, each judged as `verdicts` say; None: not at all."""
    found = ShopperFactory._meta.model.objects.filter(external_id=shopper).first()
    made_for: PipelineRun = PipelineRunFactory.create(
        shopper=found or ShopperFactory.create(external_id=shopper), **{"reference_at": REFERENCE, **run}
    )
    mined = GenerationFactory.create(run=made_for, stage=Stage.INTERESTS)
    interest = OutputFactory.create(generation=mined, position=0, text=INTEREST["text"], stage="long-term")
    made: Generation = GenerationFactory.create(run=made_for, stage=Stage.TAGS)
    made.input["recent"] = ["soft drinks"]
    made.save()
    for position, passes in enumerate(verdicts):
        output = OutputFactory.create(
            generation=made, position=position, text=TEXTS[(first + position) % len(TEXTS)], parent=interest
        )
        if passes is not None:
            judged(output, passes)
    return made


def judged(output: Output, passes: bool) -> Assessment:
    """What the judge that serves says of an output."""
    labels = (PASSING if passes else FAILING)[output.kind]
    made: Assessment = AssessmentFactory.create(output=output, rater=serving_judge(), labels=labels)
    return made


def reviewed(output: Output, passes: bool, **more: Any) -> Assessment:
    """What another person says of an output."""
    labels = (PASSING if passes else FAILING)[output.kind]
    made: Assessment = AssessmentFactory.create(output=output, rater=PersonFactory.create(), labels=labels, **more)
    return made


def serving_judge() -> Rater:
    """The judge that serves, and the rubrics that it goes by."""
    current_rubric("tag")
    made: Rater = JudgeFactory.create(prompt_version=Way().version)
    return made
