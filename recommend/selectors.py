"""Reads that pages and the API share."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import prefetch_related_objects
from django.utils import timezone

from recommend.ahead.lookup import look_up
from recommend.models import (
    FINISHED,
    STEPS,
    ExplanationSource,
    Generation,
    JobState,
    LanguageModel,
    Output,
    PipelineRun,
    Recommendation,
)
from recommend.steps.items import ranking

TITLES = {
    "history": "History",
    "interests": "Interests",
    "tags": "Item tags",
    "items": "Items",
    "explanations": "Explanations",
}


@dataclass(frozen=True, slots=True)
class StepView:
    """One step of a run. state: waiting, running, done, failed, cancelled or skipped."""

    name: str
    title: str
    state: str


@dataclass(frozen=True, slots=True)
class InterestView:
    """An interest with the tags that serve it; both without what a rule rejected."""

    output: Output
    tags: tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class CardView:
    """A recommended item; the explanation is None while it is being written, or where there is none."""

    recommendation: Recommendation
    explanation: Output | None


@dataclass(frozen=True, slots=True)
class RunView:
    """Everything that is stored of a run, in the order in which a reader wants it."""

    run: PipelineRun
    steps: tuple[StepView, ...]
    interests: tuple[InterestView, ...]
    cards: tuple[CardView, ...]
    rejected: tuple[Output, ...]
    generations: tuple[Generation, ...]
    elapsed_s: float

    @property
    def failed(self) -> tuple[Generation, ...]:
        """Calls whose answer could not be used."""
        return tuple(one for one in self.generations if one.state == JobState.FAILED)

    @property
    def models(self) -> tuple[LanguageModel, ...]:
        """Those that were asked, each once."""
        return tuple({one.model_id: one.model for one in self.generations}.values())

    @property
    def notes(self) -> tuple[str, ...]:
        """What the models' owners say about their quality, each once."""
        return tuple(dict.fromkeys(model.note for model in self.models if model.note))


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands, without what it made."""

    run: PipelineRun
    steps: tuple[StepView, ...]
    n_done: int
    n_failed: int

    @property
    def is_active(self) -> bool:
        return self.run.is_active

    @property
    def version(self) -> str:
        """Another one as soon as there is something new to say."""
        return f"{self.run.state}.{self.run.step}.{self.n_done}.{self.n_failed}"

    def as_json(self) -> dict[str, Any]:
        """What other systems are told of it."""
        return {
            "run": str(self.run.pk),
            "state": self.run.state,
            "is_active": self.is_active,
            "step": self.run.step,
            "progress": [{"name": step.name, "title": step.title, "state": step.state} for step in self.steps],
            "calls": {"done": self.n_done, "failed": self.n_failed},
            "error": self.run.error,
        }


def progress_of(run_id: UUID) -> Progress:
    """A run's progress as it is now. Raises PipelineRun.DoesNotExist."""
    run = PipelineRun.objects.only("state", "step", "steps", "error").get(pk=run_id)
    ended = list(run.generations.filter(state__in=(JobState.DONE, JobState.FAILED)).values_list("state", flat=True))
    kept = Output.objects.kept().filter(generation__run_id=run_id, kind=Output.Kind.INTEREST)
    n_done = ended.count(JobState.DONE)
    return Progress(run, _steps(run, has_interests=kept.exists()), n_done, len(ended) - n_done)


def run_for_display(run_id: UUID | str) -> RunView:
    """A run with all its results, in five queries. Raises PipelineRun.DoesNotExist."""
    run = PipelineRun.objects.select_related("shopper", "created_by").get(pk=run_id)
    generations = list(run.generations.select_related("model").order_by("created_at"))
    outputs = list(
        Output.objects.filter(generation__run_id=run.pk)
        .select_related("generation", "item", "parent")
        .order_by("generation__created_at", "position")
    )
    recommendations = list(run.recommendations.select_related("item", "tag", "tag__parent", "explanation"))
    kept = [output for output in outputs if not output.is_rejected]
    tags: dict[UUID | None, list[Output]] = defaultdict(list)
    for output in kept:
        if output.kind == Output.Kind.TAG:
            tags[output.parent_id].append(output)
    explanations = {output.item_id: output for output in kept if output.kind == Output.Kind.EXPLANATION}
    return RunView(
        run=run,
        steps=_steps(run, has_interests=any(output.kind == Output.Kind.INTEREST for output in kept)),
        interests=tuple(
            InterestView(output, tuple(tags[output.pk])) for output in kept if output.kind == Output.Kind.INTEREST
        ),
        cards=tuple(CardView(one, explanations.get(one.item_id) or one.explanation) for one in recommendations),
        rejected=tuple(output for output in outputs if output.is_rejected),
        generations=tuple(generations),
        elapsed_s=((run.finished_at or timezone.now()) - (run.started_at or run.created_at)).total_seconds(),
    )


def reranked(run: PipelineRun, beta: float) -> tuple[CardView, ...]:
    """A run's items by another weight of the arms, with explanations that there are; nothing is generated."""
    rows = ranking(run, beta=beta)
    prefetch_related_objects(rows, "item")
    if run.explanation_source != ExplanationSource.MADE:
        look_up(run, rows)
        prefetch_related_objects(rows, "explanation")
    explained = Output.objects.kept().filter(generation__run=run, kind=Output.Kind.EXPLANATION)
    explanations = {output.item_id: output for output in explained}
    return tuple(CardView(one, explanations.get(one.item_id) or one.explanation) for one in rows)


def _steps(run: PipelineRun, *, has_interests: bool) -> tuple[StepView, ...]:
    at = len(STEPS) if run.step == FINISHED else STEPS.index(run.step)
    now = {JobState.FAILED: "failed", JobState.CANCELLED: "cancelled", JobState.RUNNING: "running"}.get(
        JobState(run.state), "waiting"
    )

    def state(number: int, name: str) -> str:
        if name not in run.steps:
            return "skipped"
        if number < at:
            # Without an interest there is nothing that tags or explanations could serve.
            return "skipped" if name in ("tags", "explanations") and not has_interests else "done"
        return now if number == at else "waiting"

    return tuple(StepView(name, TITLES[name], state(number, name)) for number, name in enumerate(STEPS))
