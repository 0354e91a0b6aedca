"""Rows for the tests of comparing: two models' answers for the same shoppers, and a campaign that draws their pairs."""

from typing import Any

from django.contrib.auth.models import User

from judge import campaigns, pairs, queue
from judge.models import Assignment, Campaign
from recommend.models import Generation, LanguageModel, Shopper, Stage
from tests.judge.factories import current_rubric
from tests.recommend.factories import (
    GenerationFactory,
    LanguageModelFactory,
    OutputFactory,
    PipelineRunFactory,
    ShopperFactory,
)
from tests.support.review_data import HISTORY, INTERESTS


def model(name: str) -> LanguageModel:
    made: LanguageModel = LanguageModelFactory.create(name=name, role=LanguageModel.Role.INTERESTS)
    return made


def answer(by: str, shopper: Shopper, *, says: str = "", **run: Any) -> Generation:
    """A finished generation of interests by the model of this name; each text begins with `says`."""
    made: Generation = GenerationFactory.create(
        run=PipelineRunFactory.create(**{"shopper": shopper, "history": HISTORY} | run),
        stage=Stage.INTERESTS,
        model=model(by),
    )
    for position, (text, stage, reason, evidence) in enumerate(INTERESTS):
        OutputFactory.create(
            generation=made, position=position, text=says + text, stage=stage, reason=reason, evidence=evidence
        )
    return made


def both_answer(n_shoppers: int, **run: Any) -> list[Shopper]:
    """So many shoppers, each with an answer of `careful` and one of `quick`."""
    shoppers: list[Shopper] = ShopperFactory.create_batch(n_shoppers)
    for shopper in shoppers:
        answer("careful", shopper, says="Careful: ", **run)
        answer("quick", shopper, says="Quick: ", **run)
    return shoppers


def comparing(**options: Any) -> Campaign:
    """An active campaign that compares `careful`, A, with `quick`, B."""
    current_rubric("interest")
    settings = {
        "name": "Careful or quick",
        "stage": Stage.INTERESTS,
        "task": Campaign.Task.COMPARE,
        "population_models": [model("careful")],
        "rival_models": [model("quick")],
    }
    return campaigns.start(**settings | options)


def choose(held: Assignment, person: User, side: str, comment: str = "", seconds: float = 5) -> None:
    """Submit a choice by side."""
    answers = {str(held.pk): {"labels": {pairs.QUESTION: side}, "comment": comment}}
    queue.submit(held, person, answers, seconds)


def side_of_a(held: Assignment) -> str:
    return pairs.LEFT if pairs.a_stands_left(held) else pairs.RIGHT
