"""What a sampling plan comes to on the generations that are there: its size, its design, and a preview of both."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from judge import sampling
from judge.frames import Member, Population, Reading, members
from judge.models import Campaign
from judge.statistics.rates import labels_needed
from recommend.models import LanguageModel, Output

# Ours, before there are data: how much alike the labels of one generation's outputs are (intraclass correlation).
SAME_GENERATION = 0.2


class PlanError(ValueError):
    """A wish that cannot be met; the message names the value and the remedy, `field` where it was given."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Plan:
    """How a campaign draws.

    population, reading  from what, and what it reads of each generation
    equal                strata: the same from each, else in proportion
    floor                uncertainty first: share of the probability that does not depend on the judge, 0 to 1
    rate                 share that is drawn, 0 to 1, where neither of these says how many generations:
    size                 the number itself
    precision            half the width of a 95 % interval of the acceptance rate, 0.03 for ±3 points
    """

    population: Population
    reading: Reading = field(default_factory=Reading)
    equal: bool = False
    floor: float = 1.0
    rate: float = 1.0
    size: int | None = None
    precision: float | None = None

    @classmethod
    def of(cls, campaign: Campaign, population: Population | None = None) -> Plan:
        """The plan of a campaign; one that is not stored yet has no models to ask for, so name its population."""
        return cls(
            population=population or Population.of(campaign),
            reading=Reading.of(campaign),
            equal=campaign.allocation == Campaign.Allocation.EQUAL,
            floor=campaign.uniform_floor,
            rate=campaign.sampling_rate,
            size=campaign.size,
            precision=campaign.precision,
        )

    @property
    def is_rate_alone(self) -> bool:
        """One rate for everything: nothing has to be known of the population."""
        return not (self.reading.strata_by or self.reading.uncertainty or self.size or self.precision)


def check_task(campaign: Campaign) -> None:
    """Raises PlanError where a campaign's settings do not fit what it asks of people."""
    if not campaign.compares:
        return
    if campaign.plan == Campaign.Plan.UNCERTAINTY:
        raise PlanError("plan", "Uncertainty first goes by the judge's labels, which no pair has. Choose another plan.")
    if not campaign.blind:
        raise PlanError("blind", "Two answers are compared without knowing whose they are. Make the campaign blind.")
    if campaign.gold_share:
        raise PlanError("gold_share", "Gold units have known labels, and a pair has none. Give a share of 0.")


def check_population(population: Population) -> None:
    """Raises PlanError where A and B of a campaign that compares are not two."""
    if population.overlaps:
        raise PlanError(
            "rival_models",
            "The same generation could be A's and B's. Name models, or prompt versions, that A and B do not share.",
        )


@dataclass(frozen=True, slots=True)
class StratumRow:
    """One stratum: how many generations it has and how many are drawn (on average, where it is no whole number)."""

    name: str
    population: int
    drawn: float
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class Preview:
    """What a plan would draw now.

    n_finished  finished generations in its population
    n_waiting   of these, still without the judge's verdict on each output; they are drawn from when they have it
    n_drawn     how many would be drawn; exactly so with `is_exact`, else on average
    """

    n_finished: int
    n_waiting: int
    n_drawn: float
    is_exact: bool
    strata: tuple[StratumRow, ...]

    @property
    def lowest(self) -> float:
        return min((row.lowest for row in self.strata), default=0.0)

    @property
    def highest(self) -> float:
        return max((row.highest for row in self.strata), default=0.0)


def preview(plan: Plan) -> Preview:
    """What a plan would draw if it started now. Raises PlanError."""
    check_population(plan.population)
    n_finished = plan.population.generations().count()
    if plan.is_rate_alone:
        row = StratumRow("", n_finished, plan.rate * n_finished, plan.rate, plan.rate)
        return Preview(n_finished, 0, row.drawn, plan.rate == 1.0, (row,))
    frame, design = designed(plan, lambda _: 0.0)
    is_exact = design.scale is None or design.expected_size([one.uncertainty or 0 for one in frame]) >= len(frame)
    rows = strata(frame, plan, design)
    return Preview(n_finished, n_finished - len(frame), sum(row.drawn for row in rows), is_exact, rows)


def strata(frame: Sequence[Member], plan: Plan, design: sampling.Design) -> tuple[StratumRow, ...]:
    """The strata of a frame under a design, by name."""
    chances: defaultdict[str, list[float]] = defaultdict(list)
    for one in frame:
        name = one.stratum(plan.reading, design)
        chances[name].append(design.probability(name, one.uncertainty))
    titles = stratum_titles(plan.reading, list(chances))
    rows = (
        StratumRow(titles[name], len(found), math.fsum(found), min(found), max(found))
        for name, found in chances.items()
    )
    return tuple(sorted(rows, key=lambda row: (-row.population, row.name)))


def stratum_titles(reading: Reading, names: Sequence[str]) -> Mapping[str, str]:
    """How pages call each stratum: a model by its name."""
    if reading.strata_by != Campaign.StrataBy.MODEL:
        return {name: name for name in names}
    known = {str(pk): name for pk, name in LanguageModel.objects.values_list("pk", "name")}
    return {name: known.get(name, name) for name in names}


def designed(
    plan: Plan, number: Callable[[UUID], float], earlier: sampling.Design | None = None
) -> tuple[list[Member], sampling.Design]:
    """The frame as it is now, and the thresholds with which a plan that is no rate alone draws from it.

    number   the permanent random number of a generation
    earlier  the design that is extended: what it drew stays drawn

    Raises PlanError.
    """
    frame = list(members(plan.population.generations(), plan.reading))
    if not frame:
        judged = " and judged" if plan.reading.uncertainty else ""
        raise PlanError("plan", f"No generation of this population is finished{judged} yet. Choose uniform by rate.")
    size = _size(plan, len(frame))
    try:
        if plan.reading.uncertainty:
            mean = earlier.mean_uncertainty if earlier else None
            return frame, sampling.by_uncertainty([one.uncertainty or 0 for one in frame], size, plan.floor, mean)
        return frame, _stratified(frame, plan, size, number, earlier)
    except sampling.SizeError as error:
        at_fault = "size" if plan.size else "precision" if plan.precision else "sampling_rate"
        raise PlanError(at_fault, f"{error} Give a size from what is there, or a rate.") from error


def _stratified(
    frame: Sequence[Member],
    plan: Plan,
    size: int,
    number: Callable[[UUID], float],
    earlier: sampling.Design | None,
) -> sampling.Design:
    naming = earlier or _naming(frame, plan, size)
    numbers: defaultdict[str, list[float]] = defaultdict(list)
    for one in frame:
        numbers[one.stratum(plan.reading, naming)].append(number(one.id))
    sizes = sampling.allocate(size, {name: len(found) for name, found in numbers.items()}, equal=plan.equal)
    if earlier is None:
        return replace(sampling.by_strata(numbers, sizes), cuts=naming.cuts, categories=naming.categories)
    drawn = {name: sum(one < earlier.threshold(name) for one in found) for name, found in numbers.items()}
    grown = {name: max(sizes[name], drawn[name]) for name in sizes}
    design = sampling.by_strata(numbers, grown)
    # A stratum that has its share already keeps its thresholds, and with them the probabilities of its units.
    kept = {name: one for name, one in earlier.strata.items() if drawn.get(name, 0) >= sizes.get(name, 0)}
    return replace(earlier, rate=design.rate, strata={**design.strata, **kept}, population=design.population)


def _naming(frame: Sequence[Member], plan: Plan, size: int) -> sampling.Design:
    """What says to which stratum a generation belongs; fixed with the first draw, for those that come later too."""
    if plan.reading.strata_by == Campaign.StrataBy.ACTIVITY:
        return sampling.Design(1.0, cuts=sampling.activity_cuts([one.n_behaviors for one in frame]))
    if plan.reading.strata_by == Campaign.StrataBy.CATEGORY:
        populations = Counter(one.category for one in frame)
        return sampling.Design(1.0, categories=sampling.own_categories(populations, size))
    return sampling.Design(1.0)


def _size(plan: Plan, available: int) -> int:
    if plan.precision is not None:
        return _size_for(plan.precision, plan.population, available)
    return plan.size if plan.size is not None else max(1, math.ceil(plan.rate * available))


def _size_for(precision: float, population: Population, available: int) -> int:
    """Generations that bring the interval to ± precision in the worst case: half pass, and the judge is no help.

    Of pairs, each has one choice, and half go to A.
    """
    per_generation = 1.0
    if population.rivals is None:
        n_outputs = Output.objects.kept().filter(generation__in=population.generations()).count()
        per_generation = max(1.0, n_outputs / max(1, population.generations().count()))
    design_effect = 1 + (per_generation - 1) * SAME_GENERATION
    n_labels = labels_needed(precision, design_effect=design_effect)
    size = math.ceil(n_labels / per_generation)
    if size > available:
        reached = math.ceil(1000 * precision * math.sqrt(size / available)) / 10
        raise PlanError(
            "precision",
            f"±{100 * precision:g} points take about {n_labels:,} labelled outputs, that is {size:,} generations; "
            f"{available:,} are finished. All of them give about ±{reached:g} points: ask for that or more, or for a "
            "rate of 100 %.",
        )
    return size
