"""What the campaign pages show: the plan in words, what is in the queue and why, and what people said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, F, Max, Min, Q

from judge import campaigns, plans
from judge.frames import Population, Reading
from judge.models import Assignment, Campaign
from judge.models.populations import ChosenPopulation
from recommend.models import Stage

MAX_REMARKS = 50


@dataclass(frozen=True, slots=True)
class ListRow:
    """One campaign of the list."""

    campaign: Campaign
    progress: campaigns.Progress
    n_members: int


@dataclass(frozen=True, slots=True)
class UnitRow:
    """The units of one stratum: `drawn` of `population` (None where that was not counted), with their probabilities."""

    name: str
    population: int | None
    drawn: int
    done: int
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class Queue:
    """What is in a campaign's queue, and why."""

    progress: campaigns.Progress
    sentences: tuple[str, ...]
    n_finished: int
    rows: tuple[UnitRow, ...]
    n_gold: int
    skipped: Sequence[Assignment]
    flagged: Sequence[Assignment]


def rows() -> list[ListRow]:
    """All campaigns: those at work first, then the paused, then the closed; each newest first."""
    order = list(Campaign.State.values)
    found = list(Campaign.objects.select_related("rubric", "created_by").annotate(n_members=Count("members")))
    progress = campaigns.progress_of(found)
    found.sort(key=lambda one: order.index(one.state))
    return [ListRow(one, progress[one.pk], one.n_members) for one in found]


def queue(campaign: Campaign) -> Queue:
    """The queue of one campaign explained; a handful of queries."""
    work = (
        Assignment.objects.filter(unit__campaign=campaign)
        .select_related("annotator", "unit__generation__shopper")
        .order_by("-created_at")
    )
    return Queue(
        progress=campaigns.progress(campaign),
        sentences=tuple(in_words(campaign)),
        n_finished=Population.of(campaign).generations().count(),
        rows=_unit_rows(campaign),
        n_gold=campaign.units.gold().count(),
        skipped=list(work.filter(state=Assignment.State.SKIPPED)[:MAX_REMARKS]),
        flagged=list(work.exclude(flag="")[:MAX_REMARKS]),
    )


def _unit_rows(campaign: Campaign) -> tuple[UnitRow, ...]:
    design, reading = campaigns.design_of(campaign), Reading.of(campaign)
    found = list(
        campaign.units.sampled()
        .values("stratum")
        .annotate(
            drawn=Count("pk"),
            done=Count("pk", filter=Q(n_submitted__gte=F("campaign__overlap"))),
            lowest=Min("inclusion_probability"),
            highest=Max("inclusion_probability"),
        )
        .order_by("stratum")
    )
    titles = plans.stratum_titles(reading, [row["stratum"] for row in found])
    return tuple(
        UnitRow(
            name=titles[row["stratum"]],
            population=design.strata[row["stratum"]].population if row["stratum"] in design.strata else None,
            drawn=row["drawn"],
            done=row["done"],
            lowest=row["lowest"],
            highest=row["highest"],
        )
        for row in found
    )


def in_words(campaign: Campaign) -> list[str]:
    """The population and the plan of a campaign, a sentence each."""
    return [population_in_words(campaign), *_plan_in_words(campaign)]


def population_in_words(chosen: ChosenPopulation) -> str:
    """Which generations were chosen, as a sentence."""
    stage, a = Stage(chosen.stage).label.lower(), [model.name for model in chosen.population_models.all()]
    if isinstance(chosen, Campaign) and chosen.compares:
        b = [model.name for model in chosen.rival_models.all()]
        parts = [
            f"Pairs of finished generations of {stage} for one shopper and one reference day: A",
            *_makers(a, chosen.prompt_versions),
            "against B",
            *_makers(b, chosen.rival_prompt_versions),
        ]
    else:
        parts = [f"Finished generations of {stage}", *_makers(a, chosen.prompt_versions)]
    if chosen.created_from:
        parts.append(f"created from {chosen.created_from:%-d %B %Y}")
    if chosen.created_until:
        parts.append(f"{'' if chosen.created_from else 'created '}until {chosen.created_until:%-d %B %Y}")
    return f"{' '.join(parts)} in which the rules kept at least one output."


def _makers(models: Sequence[str], prompt_versions: Sequence[str]) -> list[str]:
    by = [f"by {' or '.join(models)}"] if models else []
    return [*by, f"with prompt version {' or '.join(prompt_versions)}"] if prompt_versions else by


def _plan_in_words(campaign: Campaign) -> list[str]:
    design = campaigns.design_of(campaign)
    share = percent(campaign.sampling_rate)
    if campaign.plan == Campaign.Plan.UNCERTAINTY:
        return [
            f"Uncertainty first: the less sure the judge was of a generation's labels, the more likely it is drawn; "
            f"{percent(campaign.uniform_floor)} of the probability is the same for all, the floor. On average {share} "
            f"of {design.population:,} judged generations were drawn.",
            "What finishes later is drawn in the same way, as soon as the judge has rated it.",
        ]
    if campaign.plan == Campaign.Plan.STRATIFIED:
        by = Campaign.StrataBy(campaign.strata_by).label.lower()
        equal = campaign.allocation == Campaign.Allocation.EQUAL
        size = sum(one.size for one in design.strata.values())
        return [
            f"Stratified {by}, {'the same number from each stratum' if equal else 'in proportion to each stratum'}: "
            f"{size:,} of {design.population:,} generations were drawn by lot.",
            f"What finishes later is drawn with the probability of its stratum, and in a new one with {share}.",
        ]
    if design.strata:
        drawn = design.strata[""]
        return [
            f"Uniform: {drawn.size:,} of {drawn.population:,} generations were drawn by lot, each with the same "
            f"probability.",
            f"What finishes later is drawn with probability {percent(drawn.threshold)}.",
        ]
    if campaign.sampling_rate == 1:
        return ["Everything: each generation is drawn, what finishes later too."]
    return [f"Uniform: each generation is drawn with probability {share}, what finishes later too."]


def percent(share: float) -> str:
    """A probability in percent with three digits at most.

    >>> percent(0.2), percent(1 / 7), percent(0.00123)
    ('20%', '14.3%', '0.123%')
    """
    return f"{100 * share:.3g}%" if share < 0.9995 else "100%"
