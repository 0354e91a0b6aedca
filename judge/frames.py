"""Sampling frames: the finished generations that a campaign draws from, and what its plan needs to know of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce, TruncDate
from django.utils import timezone

from judge import sampling
from judge.models import Assessment, Campaign, Rubric
from judge.models.populations import ChosenPopulation
from recommend.models import Generation, JobState, LanguageModel, Output

BATCH = 2_000
# UTC's, as in the prompts.
REFERENCE_DAY = TruncDate("run__reference_at", tzinfo=UTC)
FINISHED = Coalesce("finished_at", "created_at")


@dataclass(frozen=True, slots=True)
class Population:
    """Which generations a campaign speaks for, or a backfill judges; an empty part leaves it open.

    rivals  those of B in a campaign that compares: then it speaks for pairs, each named by A's generation
    """

    stage: str
    models: tuple[UUID, ...] = ()
    prompt_versions: tuple[str, ...] = ()
    created_from: date | None = None
    created_until: date | None = None
    rivals: Population | None = None

    @classmethod
    def of(
        cls,
        chosen: ChosenPopulation,
        models: Iterable[LanguageModel] | None = None,
        rival_models: Iterable[LanguageModel] | None = None,
    ) -> Population:
        """That of a campaign or a backfill; one that is not stored yet has no models to ask for, so name them."""
        found = chosen.population_models.all() if models is None else models
        days = (chosen.created_from, chosen.created_until)
        own = cls(chosen.stage, tuple(model.pk for model in found), tuple(chosen.prompt_versions), *days)
        if not isinstance(chosen, Campaign) or not chosen.compares:
            return own
        found = chosen.rival_models.all() if rival_models is None else rival_models
        versions = tuple(chosen.rival_prompt_versions)
        return replace(own, rivals=cls(chosen.stage, tuple(model.pk for model in found), versions, *days))

    @property
    def overlaps(self) -> bool:
        """Whether one generation could be both A's and B's: then nothing would be compared."""
        if self.rivals is None:
            return False
        sides = ((self.models, self.rivals.models), (self.prompt_versions, self.rivals.prompt_versions))
        return all(not a or not b or set(a) & set(b) for a, b in sides)

    def generations(self) -> QuerySet[Generation]:
        """Its finished generations; of pairs, A's of each.

        A pair is what A and B finished first for one shopper and one reference day, of the calls of a stage each beside
        its like: so a pair that there is never changes, whatever is finished later.
        """
        if self.rivals is None:
            return self._finished()
        same = _same_moment(self._finished())
        first = same.order_by(FINISHED, "pk").values("pk")[:1]
        rival = _same_moment(self.rivals._finished()).order_by(FINISHED, "pk").values("pk")[:1]
        own = self._finished().annotate(reference_day=REFERENCE_DAY)
        return own.annotate(rival_id=Subquery(rival), first_id=Subquery(first)).filter(
            rival_id__isnull=False, first_id=F("pk")
        )

    def _finished(self) -> QuerySet[Generation]:
        """Finished ones. One without an output that the rules kept asks nothing of a person, and is out."""
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


def _same_moment(generations: QuerySet[Generation]) -> QuerySet[Generation]:
    """Those for the shopper and the reference day of the generation outside, and of its place in the stage."""
    same = {name: OuterRef(name) for name in ("shopper", "position", "reference_day")}
    return generations.annotate(reference_day=REFERENCE_DAY).filter(**same)


def partners(generation: Generation) -> Q:
    """The generations that one just finished may be paired with, itself included."""
    return Q(shopper=generation.shopper_id)


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
    """One generation of a frame: the model's id, or what its run kept of the shopper, or how unsure the judge is.

    n_behaviors, category  how many behaviours it was made from, and where the shopper had bought most
    rival                  of a pair: B's generation
    """

    id: UUID
    model: UUID | None = None
    n_behaviors: int = 0
    category: str = sampling.NOT_KEPT
    uncertainty: float | None = None
    rival: UUID | None = None

    def stratum(self, reading: Reading, design: sampling.Design) -> str:
        """The name of the stratum that it belongs to; empty in a uniform plan."""
        if reading.strata_by == Campaign.StrataBy.MODEL:
            return str(self.model)
        if reading.strata_by == Campaign.StrataBy.ACTIVITY:
            return sampling.activity_stratum(self.n_behaviors, design.cuts)
        if reading.strata_by == Campaign.StrataBy.CATEGORY:
            return sampling.category_stratum(self.category, design.categories)
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
    if reading.strata_by == Campaign.StrataBy.CATEGORY:
        # As above; and what the catalogue says of an item today may not be what it said then.
        columns["bought_most_in"] = KeyTextTransform("category", "run__history")
        names.append("bought_most_in")
    if "rival_id" in generations.query.annotations:
        names.append("rival_id")
    found = generations.order_by().annotate(**columns).values(*names)
    rows: Iterator[Mapping[str, Any]] = iter(found.iterator(chunk_size=BATCH))
    while batch := list(islice(rows, BATCH)):
        unsure = uncertainties([row["pk"] for row in batch], reading) if reading.uncertainty else {}
        for row in batch:
            if reading.uncertainty and row["pk"] not in unsure:
                continue
            yield Member(
                row["pk"],
                model=row.get("model_id"),
                n_behaviors=int(row.get("n_events") or 0),
                category=sampling.category_name(row.get("bought_most_in")),
                uncertainty=unsure.get(row["pk"]),
                rival=row.get("rival_id"),
            )


def uncertainties(generation_ids: Sequence[UUID], reading: Reading) -> dict[UUID, float]:
    """How unsure the judge was of each generation, 0 to 1: the mean over its kept outputs.

    The first verdict of any judge on an output counts, and a generation without one on each output is left out: so the
    figure never changes once it is there, not by asking again either. An unusable answer counts as wholly unsure, one
    without probabilities as sure: the floor alone draws it.
    """
    verdicts = (
        Assessment.objects.verdicts()
        .filter(
            output__generation__in=generation_ids,
            output__rejected_by="",
            rubric=reading.rubric,
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
