"""Rows for the tests of pages: a campaign with generations to review, and a run with every kind of output."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User

from judge import campaigns
from judge.models import Campaign
from recommend.models import Generation, JobState, Output, PipelineRun, Recommendation, Stage
from tests.judge.factories import AssessmentFactory, CampaignFactory
from tests.recommend.factories import GenerationFactory, ItemFactory, OutputFactory, PipelineRunFactory

HISTORY: dict[str, Any] = {
    "lines": [
        {"text": "5 days ago (purchased) | diapers ×2, baby foods ×6", "items": [["diapers", 2], ["baby foods", 6]]},
        {
            "text": "1 month ago (purchased) | frozen pizza ×3, soft drinks",
            "items": [["frozen pizza", 3], ["soft drinks", 1]],
        },
        {
            "text": "3 months ago (purchased) | baking mixes ×7, sugars ×4",
            "items": [["baking mixes", 7], ["sugars", 4]],
        },
    ],
    "n_events": 412,
    "n_kept_events": 380,
    "n_dropped_events": 32,
    "dropped_before": "2017-02-11",
    "tokens": 431,
    "max_tokens": 448,
}
INTERESTS: tuple[tuple[str, str, str, list[int]], ...] = (
    ("baby care", "emerging", "Bought diapers ×2 and baby foods ×6.", [0]),
    ("home baking", "seasonal", "Bought baking mixes ×7 and sugars ×4.", [2]),
    ("painting at home", "long-term", "Bought an easel.", []),
)


@dataclass(frozen=True)
class FullRun:
    """A finished run with its three generations."""

    run: PipelineRun
    interests: Generation
    tags: Generation
    explanations: Generation

    @property
    def generations(self) -> tuple[Generation, ...]:
        return self.interests, self.tags, self.explanations


def interests_generation(n: int = len(INTERESTS), **run: Any) -> Generation:
    """A finished generation of `n` interests, with one more that a rule rejected."""
    made = GenerationFactory.create(run=PipelineRunFactory.create(history=HISTORY, **run), stage=Stage.INTERESTS)
    for position, (text, stage, reason, evidence) in enumerate(INTERESTS[:n]):
        OutputFactory.create(
            generation=made, position=position, text=text, stage=stage, reason=reason, evidence=evidence
        )
    OutputFactory.create(
        generation=made, position=90, text="everything", rejected_by="filler", rejected_because="A word that fits all."
    )
    return made


def campaign(n_units: int = 3, **options: Any) -> Campaign:
    """An active campaign for interests, with so many generations drawn into it."""
    made = CampaignFactory.create(stage=Stage.INTERESTS, **options)
    for _ in range(n_units):
        campaigns.enrol(interests_generation().pk)
    return made


def judge_all(generation: Generation, **labels: Any) -> None:
    """The judge's assessment of every kept output."""
    for output in generation.outputs.filter(rejected_by=""):
        AssessmentFactory.create(output=output, rationale="The cited lines hold it.", **labels)


def full_run(by: User | None = None, **texts: str) -> FullRun:
    """A finished run with interests, tags, items and explanations; `text`, `reason`, `title` replace what they say."""
    interests = interests_generation(created_by=by, state=JobState.DONE, step="finished")
    run = interests.run
    tags = GenerationFactory.create(run=run, stage=Stage.TAGS)
    explanations = GenerationFactory.create(run=run, stage=Stage.EXPLANATIONS)
    for position, interest in enumerate(interests.outputs.filter(rejected_by="")):
        tag = OutputFactory.create(
            generation=tags, position=position, parent=interest, text=f"useful {interest.text}", evidence=[]
        )
        item = ItemFactory.create()
        Recommendation.objects.create(
            run=run, item=item, rank=position + 1, score=0.6, collaborative=0.8, semantic=0.4, arm="both", tag=tag
        )
        OutputFactory.create(
            generation=explanations, position=position, parent=interest, item=item, text="Dry nights.", evidence=[]
        )
    return FullRun(run, interests, tags, explanations)


def kept(generation: Generation) -> list[Output]:
    """The outputs that people rate."""
    return list(generation.outputs.filter(rejected_by=""))
