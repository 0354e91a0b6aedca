"""Whether a shopper needs another run: not where the last one was made of the same by the same models and prompts."""

from __future__ import annotations

from django.db.models import QuerySet

from recommend.models import Generation, JobState, PipelineRun, Stage, TagStrategy
from recommend.prompts import load
from recommend.sources import SourceError
from recommend.stages import experts
from recommend.steps import interests


def is_unchanged(run: PipelineRun) -> bool:
    """Whether a run that is not stored yet would ask what was asked for its shopper the last time.

    The last interests that the same model made by the same prompt must have been made from the same history and
    attributes, and their run must have done every step of this one, each by the model and prompt that this one would
    ask, its tags by the same strategy and its list by the same rules.
    Raises LanguageModel.DoesNotExist where a stage has no serving model.
    """
    if Stage.INTERESTS not in run.steps:
        return False  # nothing is asked of a model, so nothing is known to be the same
    same = _by_same(run, Stage.INTERESTS).filter(shopper=run.shopper, run__language=run.language)
    last = same.select_related("run").order_by("-created_at").first()
    if last is None or last.run.tag_strategy != run.tag_strategy or not _did_all(last.run, run):
        return False
    try:
        return interests.asking_of(run).calls[0].input_sha256 == last.input_sha256
    except SourceError:
        return False  # the run says what is wrong


def _did_all(last: PipelineRun, run: PipelineRun) -> bool:
    if last.state != JobState.DONE or not set(run.steps) <= set(last.steps):
        return False
    if "items" in run.steps and last.rules != run.rules:
        return False
    stages = [stage for stage in Stage if stage in run.steps and stage != Stage.INTERESTS]
    return all(
        not last.generations.filter(stage=stage).exclude(pk__in=_by_same(run, stage).filter(run=last)).exists()
        for stage in stages
    )


def _by_same(run: PipelineRun, stage: Stage) -> QuerySet[Generation]:
    """Done generations of a stage by the model and the prompts that this run would ask."""
    model = run.model_for(stage)
    asked_with = [run.prompt_for(stage, model)]
    if stage == Stage.TAGS and run.tag_strategy == TagStrategy.EXPERTS:
        asked_with = [load(name) for name in experts.PROMPTS]
    return Generation.objects.filter(
        stage=stage, state=JobState.DONE, model=model, prompt_sha256__in=[prompt.sha256 for prompt in asked_with]
    )
