"""Sampling frames: the finished generations that a campaign draws from, and what its plan needs to know of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.utils import timezone

from judge import sampling
from judge.models import Assessment, Campaign, Rubric
from recommend.models import Generation, JobState, Output

BATCH = 2_000


@dataclass(frozen=True, slots=True)
class Population:
    """Which generations a campaign speaks for; an empty part leaves it open."""

    stage: str
    models: tuple[UUID, ...] = ()
    prompt_versions: tuple[str, ...] = ()
    created_from: date | None = None
    created_until: date | None = None

    @classmethod
    def of(cls, campaign: Campaign) -> Population:
        return cls(
            campaign.stage,
            tuple(model.pk for model in campaign.population_models.all()),
            tuple(campaign.prompt_versions),
            campaign.created_from,
            campaign.created_until,
        )

    def generations(self) -> QuerySet[Generation]:
        """Its finished generations. One without an output that the rules kept asks nothing of a person, and is out."""
        kept = Output.objects.kept().filter(generation=OuterRef("pk"))
        found = Generation.objects.filter(Exists(kept), stage=self.stage, state=JobState.DONE)
        if self.models:
            found = found.filter(model__in=self.models)
        if self.prompt_versions:
            found = found.filter(prompt_version__in=self.prompt_versions)
        if self.created_from:
            found = found.filter(created_at__gte=_midnight(self.created_from))
        if self.created_until:
            found = found.filter(created_at__lt=_midnight(self.created_until + timedelta(days=1)))
        return found


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


@dataclass(frozen=True, slots=True)
class Reading:
    """What a plan reads of a generation, beside its id. All of it was fixed before the generation could be drawn.

    strata_by    a Campaign.StrataBy; empty where the plan has no strata of its own
    uncertainty  a Campaign.Uncertainty; empty where the plan does not ask the judge
    rubric       under which the judge's verdicts count
    """

    strata_by: str = ""
    uncertainty: str = ""
    rubric: Rubric | None = None

    @classmethod
    def of(cls, campaign: Campaign) -> Reading:
        if campaign.plan == Campaign.Plan.STRATIFIED:
            return cls(strata_by=campaign.strata_by)
        if campaign.plan == Campaign.Plan.UNCERTAINTY:
            return cls(uncertainty=campaign.uncertainty, rubric=campaign.rubric)
        return cls()


@dataclass(frozen=True, slots=True)
class Member:
    """One generation of a frame: the model's id, or the behaviours it was made from, or how unsure the judge is."""

    id: UUID
    model: UUID | None = None
    n_behaviors: int = 0
    uncertainty: float | None = None

    def stratum(self, reading: Reading, design: sampling.Design) -> str:
        """The name of the stratum that it belongs to; empty in a uniform plan."""
        if reading.strata_by == Campaign.StrataBy.MODEL:
            return str(self.model)
        if reading.strata_by == Campaign.StrataBy.ACTIVITY:
            return sampling.activity_stratum(self.n_behaviors, design.cuts)
        if self.uncertainty is not None:
            return sampling.SURER if self.uncertainty < design.mean_uncertainty else sampling.LESS_SURE
        return ""


def members(generations: QuerySet[Generation], reading: Reading) -> Iterator[Member]:
    """The generations with what the plan reads of each. One that waits for the judge is left out if that is asked."""
    columns: dict[str, Any] = {}
    names = ["pk"]
    if reading.strata_by == Campaign.StrataBy.MODEL:
        names.append("model_id")
    if reading.strata_by == Campaign.StrataBy.ACTIVITY:
        # What the run kept of its moment, not what the shopper has by now: a stratum must not change under a draw.
        columns["n_events"] = KeyTextTransform("n_events", "run__history")
        names.append("n_events")
    rows = iter(generations.order_by().annotate(**columns).values_list(*names).iterator(chunk_size=BATCH))
    while batch := list(islice(rows, BATCH)):
        if reading.strata_by == Campaign.StrataBy.MODEL:
            yield from (Member(pk, model=model) for pk, model in batch)
        elif reading.strata_by == Campaign.StrataBy.ACTIVITY:
            yield from (Member(pk, n_behaviors=int(n_events or 0)) for pk, n_events in batch)
        elif reading.uncertainty:
            found = uncertainties([pk for (pk,) in batch], reading)
            yield from (Member(pk, uncertainty=found[pk]) for (pk,) in batch if pk in found)
        else:
            yield from (Member(pk) for (pk,) in batch)


def uncertainties(generation_ids: Sequence[UUID], reading: Reading) -> dict[UUID, float]:
    """How unsure the judge was of each generation, 0 to 1: the mean over its kept outputs.

    The first verdict of any judge on an output counts, and a generation without one on each output is left out: so the
    figure never changes once it is there. An unusable answer counts as wholly unsure, one without probabilities as
    sure: the floor alone draws it.
    """
    verdicts = (
        Assessment.objects.verdicts()
        .filter(
            output__generation__in=generation_ids,
            output__rejected_by="",
            rubric=reading.rubric,
            revision=1,
        )
        .order_by("output_id", "created_at", "pk")
        .distinct("output_id")
        .values_list("output__generation", "labels", "probabilities")
    )
    measure: sampling.Measure = "entropy" if reading.uncertainty == Campaign.Uncertainty.ENTROPY else "margin"
    found: defaultdict[UUID, list[float]] = defaultdict(list)
    for generation, labels, probabilities in verdicts:
        found[generation].append(sampling.uncertainty_of_output(probabilities, measure) if labels else 1.0)
    return {one: sum(found[one]) / n for one, n in _n_kept(found).items() if n == len(found[one])}


def _n_kept(generation_ids: Iterable[UUID]) -> dict[UUID, int]:
    outputs = Output.objects.kept().filter(generation__in=list(generation_ids)).order_by()
    return dict(outputs.values_list("generation").annotate(n=Count("pk")))
