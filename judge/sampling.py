"""Sampling plans: which generations a campaign draws, and the exact probability of each. Pure: no Django.

Every pair of campaign and generation has a number of its own, uniform in [0, 1) and the same for ever (a *permanent
random number*). A generation is drawn where its number lies below its threshold. So nothing is drawn twice, nothing has
to be remembered of what was not drawn, and a raised threshold keeps everything that was drawn before.

Three plans set the thresholds: one rate for all; a size for each stratum; or, uncertainty first, a threshold that rises
with how unsure the judge is, above a floor that everything has. Without the probabilities the last two would make any
mean of the labels one of the odd cases; with them, weights of 1 / probability give the population's mean back
(Horvitz and Thompson 1952). Source of the numbers: Ohlsson (1995), Coordination of samples using permanent random
numbers. Of the floor: active inference, Zrnic and Candès (2024), arXiv 2403.03208.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Any, Literal
from uuid import UUID

Measure = Literal["margin", "entropy"]
SURER = "judge surer than average"
LESS_SURE = "judge less sure than average"
# Who bought in no category, and whose run kept nothing of that: an imported one, or one of an earlier version.
NOTHING_BOUGHT = "nothing bought"
NOT_KEPT = "not kept"
OTHER_CATEGORIES = "other categories"
# Ours: a stratum of fewer is drawn whole, or of so few that chance decides what is said of it.
LEAST_OF_CATEGORY = 20
LONGEST_STRATUM = 100  # characters, as units store it


class SizeError(ValueError):
    """A size that cannot be drawn from what there is; the message says what can."""


def number(campaign_id: UUID, generation_id: UUID) -> float:
    """The permanent random number of a pair, uniform in [0, 1)."""
    return _number(campaign_id, generation_id, 0)


def queue_number(campaign_id: UUID, generation_id: UUID) -> float:
    """Another one, independent of `number`: the place in the queue, so that a half-done campaign is a sample too."""
    return _number(campaign_id, generation_id, 8)


def _number(campaign_id: UUID, generation_id: UUID, start: int) -> float:
    digest = hashlib.sha256(campaign_id.bytes + generation_id.bytes).digest()
    # 53 bits, what a float holds: with more, the highest numbers would round up to 1.
    return (int.from_bytes(digest[start : start + 8], "big") >> 11) / 2**53


@dataclass(frozen=True, slots=True)
class Stratum:
    """What was fixed for one stratum when it was drawn: `size` of `population` generations.

    probability  size / population, of each of them: it was drawn by lot
    threshold    what later arrivals are measured by; given it, it is their probability
    """

    population: int
    size: int
    probability: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Design:
    """The thresholds of a campaign, fixed when it started or was last extended.

    rate              of what belongs to no stratum: all of a uniform plan by rate, and strata that were not there yet
    strata            by name; a uniform plan of a fixed size has one, named ""
    cuts              where shopper activity is cut into strata, in behaviours
    categories        those with a stratum of their own; all others share one
    scale             uncertainty first: the expected size / population as long as no probability reaches 1
    floor             share of the probability that does not depend on the judge, 0 to 1
    mean_uncertainty  of the population when it was drawn, 0 to 1
    population        how many generations it was drawn from
    """

    rate: float
    strata: Mapping[str, Stratum] = field(default_factory=dict)
    cuts: tuple[int, ...] = ()
    categories: tuple[str, ...] = ()
    scale: float | None = None
    floor: float = 1.0
    mean_uncertainty: float = 0.0
    population: int = 0

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Design:
        """The design as `as_json` wrote it."""
        strata = {name: Stratum(**one) for name, one in stored.get("strata", {}).items()}
        lists = {name: tuple(stored.get(name, ())) for name in ("cuts", "categories")}
        return cls(**{**stored, "strata": strata, **lists})

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"cuts": list(self.cuts), "categories": list(self.categories)}

    def threshold(self, stratum: str, uncertainty: float | None = None) -> float:
        """What a generation's number must lie below, 0 to 1; for what arrives later that is its probability, too."""
        if self.scale is not None:
            return min(1.0, self.scale * self._relative(uncertainty or 0.0))
        known = self.strata.get(stratum)
        return known.threshold if known else self.rate

    def probability(self, stratum: str, uncertainty: float | None = None) -> float:
        """The inclusion probability of a generation that was there when the design was made, above 0 and at most 1."""
        known = self.strata.get(stratum)
        return known.probability if known else self.threshold(stratum, uncertainty)

    def expected_size(self, uncertainties: Sequence[float] = ()) -> float:
        """How many of its population the design draws: exactly with strata, else on average."""
        if self.strata:
            return sum(one.size for one in self.strata.values())
        if self.scale is not None:
            return math.fsum(self.threshold("", one) for one in uncertainties)
        return self.rate * self.population

    def _relative(self, uncertainty: float) -> float:
        return relative_chance(uncertainty, self.mean_uncertainty, self.floor)


def relative_chance(uncertainty: float, mean: float, floor: float) -> float:
    """A generation's chance against the average one: floor + (1 - floor) * uncertainty / mean.

    Averaged over the population it is 1. Where the judge is sure of everything, all chances are alike.
    """
    return floor + (1 - floor) * (uncertainty / mean if mean > 0 else 1.0)


def allocate(size: int, populations: Mapping[str, int], *, equal: bool = False) -> dict[str, int]:
    """How many to draw from each stratum: in proportion to its population, or the same from each, `size` in all.

    Every stratum gets one at least, since what cannot be drawn cannot be estimated; none gets more than it has, and
    what is left over goes to the others. Fractions are given out by the largest remainder. Raises SizeError for a size
    below the number of strata or above the population.

    >>> allocate(10, {"a": 80, "b": 15, "c": 5}), allocate(10, {"a": 80, "b": 15, "c": 2}, equal=True)
    ({'a': 8, 'b': 1, 'c': 1}, {'a': 4, 'b': 4, 'c': 2})
    """
    filled = {name: n for name, n in populations.items() if n > 0}
    everything = sum(filled.values())
    if size > everything:
        raise SizeError(f"Only {everything:,} generations are finished, fewer than {size:,}.")
    if size < len(filled):
        raise SizeError(f"{size:,} is too few for {len(filled)} strata: each needs one at least.")
    taken = dict.fromkeys(filled, 1)
    while rest := size - sum(taken.values()):
        room = {name: n - taken[name] for name, n in filled.items() if n > taken[name]}
        # Where each stands below its ideal share; whoever is above it already waits.
        shares = {name: Fraction(1 if equal else filled[name]) for name in room}
        ideal = {
            name: max(
                Fraction(0), (rest + sum(taken[one] for one in room)) * share / sum(shares.values()) - taken[name]
            )
            for name, share in shares.items()
        }
        whole = {name: min(room[name], math.floor(part)) for name, part in ideal.items()}
        if any(whole.values()):
            for name, n in whole.items():
                taken[name] += min(n, size - sum(taken.values()))
        else:
            for name in sorted(room, key=lambda one: (-ideal[one], one))[:rest]:
                taken[name] += 1
    return taken


def by_strata(numbers: Mapping[str, Sequence[float]], sizes: Mapping[str, int]) -> Design:
    """The design that draws exactly sizes[stratum] of each stratum: those with its smallest numbers, a lot."""
    strata = {
        name: Stratum(len(found), sizes[name], sizes[name] / len(found), _threshold(found, sizes[name]))
        for name, found in numbers.items()
        if len(found)
    }
    population = sum(one.population for one in strata.values())
    return Design(sum(sizes.values()) / population, strata, population=population)


def by_uncertainty(uncertainties: Sequence[float], size: float, floor: float, mean: float | None = None) -> Design:
    """The design that draws `size` generations on average, each by its own chance, independently (Poisson sampling).

    Sizes come out exact on average only; for that, each probability is exact, also where some reach 1. `mean` keeps the
    scale of an earlier design. Raises SizeError where there are fewer than `size`.
    """
    if size > len(uncertainties):
        raise SizeError(f"Only {len(uncertainties):,} generations are finished and judged, fewer than {size:,.0f}.")
    if mean is None:
        mean = math.fsum(uncertainties) / len(uncertainties)
    chances = [relative_chance(one, mean, floor) for one in uncertainties]
    return Design(
        rate=size / len(uncertainties),
        scale=_scale(chances, size),
        floor=floor,
        mean_uncertainty=mean,
        population=len(uncertainties),
    )


def _threshold(numbers: Sequence[float], n: int) -> float:
    """A threshold with exactly n of the numbers below it."""
    if n == len(numbers):
        return 1.0
    below, above = heapq.nsmallest(n + 1, numbers)[-2:] if n else (0.0, min(numbers))
    return (below + above) / 2


def _scale(chances: Sequence[float], size: float) -> float:
    """The factor c for which the sum of min(1, c * chance) is `size`; chances are above 0."""
    falling = sorted(chances, reverse=True)
    rest = math.fsum(falling)
    for n_certain, largest in enumerate(falling):
        scale = (size - n_certain) / rest
        if scale * largest <= 1:
            return scale
        rest -= largest
    return 1 / falling[-1]


def uncertainty_of_labels(probabilities: Iterable[float], measure: Measure = "margin") -> float:
    """How unsure a judge is of one label, 0 (certain) to 1 (any label as likely): from the labels' probabilities.

    margin   1 - the largest probability, over what that is at most, 1 - 1 / labels
    entropy  Shannon's, over its largest value, log(labels)

    0 for fewer than two labels. Probabilities need not sum to 1: what the judge said to none of them is left out.

    >>> uncertainty_of_labels([0.5, 0.5]), uncertainty_of_labels([1.0, 0.0], "entropy")
    (1.0, 0.0)
    """
    values = [max(0.0, one) for one in probabilities]
    total = math.fsum(values)
    if len(values) < 2 or total <= 0:
        return 0.0
    shares = [one / total for one in values]
    if measure == "margin":
        return min(1.0, (1 - max(shares)) / (1 - 1 / len(shares)))
    entropy = -math.fsum(one * math.log(one) for one in shares if one > 0)
    return min(1.0, max(0.0, entropy / math.log(len(shares))))


def uncertainty_of_output(probabilities: Mapping[str, Mapping[str, float]], measure: Measure = "margin") -> float:
    """That of the criterion {criterion: {label: probability}} that the judge is least sure of; 0 without any."""
    return max((uncertainty_of_labels(one.values(), measure) for one in probabilities.values()), default=0.0)


def activity_cuts(n_behaviors: Sequence[int]) -> tuple[int, ...]:
    """The behaviours at which a third and two thirds of generations are reached; fewer where many are alike.

    >>> activity_cuts([1, 2, 3, 10, 11, 12, 90, 91, 92]), activity_cuts([5, 5, 5])
    ((3, 12), ())
    """
    ordered = sorted(n_behaviors)
    if not ordered:
        return ()
    thirds = {ordered[math.ceil(len(ordered) * part / 3) - 1] for part in (1, 2)}
    return tuple(sorted(cut for cut in thirds if cut < ordered[-1]))


def activity_stratum(n_behaviors: int, cuts: Sequence[int]) -> str:
    """The name of the stratum that a shopper with so many behaviours belongs to.

    >>> activity_stratum(3, (3, 12)), activity_stratum(4, (3, 12)), activity_stratum(13, (3, 12))
    ('up to 3 behaviours', '4 to 12 behaviours', 'more than 12 behaviours')
    """
    if not cuts:
        return "any number of behaviours"
    for place, cut in enumerate(cuts):
        if n_behaviors <= cut:
            return f"{cuts[place - 1] + 1:,} to {cut:,} behaviours" if place else f"up to {cut:,} behaviours"
    return f"more than {cuts[-1]:,} behaviours"


def category_name(kept: str | None) -> str:
    """How strata call what a run kept of where its shopper bought most; None where it kept nothing of that.

    Two that are alike for as long as a name may be share a stratum: their probability is still exact.
    """
    return NOT_KEPT if kept is None else kept[:LONGEST_STRATUM].strip() or NOTHING_BOUGHT


def own_categories(populations: Mapping[str, int], size: int) -> tuple[str, ...]:
    """The categories that get a stratum of their own, largest first and by name where alike; the rest share one.

    A stratum, the shared one too, has LEAST_OF_CATEGORY generations or more, as far as there are so many; and there are
    at most size / 2, so that two of each can be drawn and tell how much they differ. Nothing of it is left to chance:
    it depends on what there is, not on what is drawn.

    >>> own_categories({"milk": 70, "soup": 25, "tea": 19, "figs": 2}, 40), own_categories({"milk": 70, "soup": 25}, 3)
    (('milk', 'soup'), ())
    """
    ranked = sorted(populations, key=lambda name: (-populations[name], name))
    own = [name for name in ranked if populations[name] >= LEAST_OF_CATEGORY]
    if len(own) < len(ranked) or len(own) > size // 2:
        own = own[: max(0, size // 2 - 1)]
    rest = sum(populations.values()) - sum(populations[name] for name in own)
    while own and 0 < rest < LEAST_OF_CATEGORY:
        rest += populations[own.pop()]
    return tuple(own)


def category_stratum(category: str, own: Sequence[str]) -> str:
    """The name of the stratum of a category, given those with one of their own.

    >>> category_stratum("milk", ("milk", "soup")), category_stratum("figs", ("milk", "soup"))
    ('milk', 'other categories')
    """
    return category if category in own else OTHER_CATEGORIES
