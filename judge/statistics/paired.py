"""Two ways of labelling the same outputs, both against labels that count as right: is the second better?

Both answer for the same outputs, so what counts is where they differ: the interval is that of the difference, and it is
far shorter than those of the two figures would suggest. It counts shoppers, as everywhere here.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from judge.statistics.intervals import (
    LEVEL,
    NOTHING_COMPARED,
    ONE_CLUSTER,
    Clusters,
    Estimate,
    cluster_codes,
    mean_and_variance,
    normal_quantile,
    proportion,
    t_quantile,
)
from judge.statistics.wording import TARGET_HALF_WIDTH, percent, rounded_count

Standing = Literal["better", "worse", "alike", "undecided"]
TITLES = {
    "agreement": "Right label",
    "tpr": "Passed, of what is right to pass",
    "tnr": "Failed, of what is right to fail",
}


@dataclass(frozen=True, slots=True)
class PairedLabel:
    """One output on one criterion: the label that counts as right, and what was said first and second.

    cluster  the shopper
    right, first, second                        label values
    right_passed, first_passed, second_passed   whether these satisfy the criterion
    """

    cluster: Hashable
    right: str
    first: str
    second: str
    right_passed: bool
    first_passed: bool
    second_passed: bool


@dataclass(frozen=True, slots=True)
class PairedFigure:
    """One figure of both, and their difference (second - first, -1 to 1).

    name           agreement, tpr or tnr
    standing       better or worse: the interval of the difference lies on one side of 0; alike: it lies within ±3
                   points; undecided: neither
    labels_needed  about how many labels would tell such a difference, or one of 3 points, from none; None where it is
                   told already, or nothing is known
    """

    name: str
    first: Estimate
    second: Estimate
    difference: Estimate
    standing: Standing
    labels_needed: int | None

    @property
    def title(self) -> str:
        return TITLES[self.name]

    @property
    def sentence(self) -> str:
        """What it says in words."""
        found = self.difference
        if found.value is None or self.first.value is None or self.second.value is None:
            return f"It is not known: {found.note}."
        said = f"{percent(self.second.value)} instead of {percent(self.first.value)}"
        sure = f"{points(found.value)} points"
        if found.low is None or found.high is None:
            return f"It cannot be told apart yet: {said} ({sure}, from {found.n:,} labels); {found.note}."
        sure = f"{sure}, {points(found.low)} to {points(found.high)} with 95% confidence, from {found.n:,} labels"
        if self.standing in ("better", "worse"):
            return f"{self.standing.capitalize()}: {said} ({sure})."
        if self.standing == "alike":
            return f"Alike within {round(100 * TARGET_HALF_WIDTH)} points: {said} ({sure})."
        size = max(abs(found.value), TARGET_HALF_WIDTH)
        wanted = (
            f" A difference of {round(100 * size)} points would show from about {rounded_count(self.labels_needed):,} "
            "labels on."
            if self.labels_needed
            else ""
        )
        return f"It cannot be told apart: {said} ({sure}).{wanted}"


def paired_figures(rows: Mapping[str, Sequence[PairedLabel]]) -> dict[str, tuple[PairedFigure, ...]]:
    """Agreement, TPR and TNR of both by criterion, in the order given; one entry may be all criteria together."""
    return {name: _figures(found) for name, found in rows.items()}


def paired_difference(
    first: ArrayLike, second: ArrayLike, clusters: Clusters | None = None, level: float = LEVEL
) -> Estimate:
    """second - first, two proportions of the same rows, with the cluster-robust interval of their difference.

    first, second  (n,) 0 or 1
    clusters       (n,) ids; None makes each row its own

    The interval is that of Bonett and Price (2012, Journal of Educational and Behavioral Statistics 37, 479-488), a
    Wald interval with one row added to either kind of change, taken at the effective sample size: the variance of
    independent rows over the cluster-robust one (CR3), at most n, lowered for few clusters by (z/t)² as in
    `intervals.proportion`. Where all rows changed alike, or none did, clusters are counted as if each were one row.

    Raises ValueError for other values, or lists of different length.
    """
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"two lists of one length are compared, not {x.shape} and {y.shape}")
    if not (np.isin(x, (0, 1)).all() and np.isin(y, (0, 1)).all()):
        raise ValueError("a row is right or wrong: 0 or 1")
    n = len(x)
    if n == 0:
        return Estimate.unknown(NOTHING_COMPARED)
    codes, n_clusters = cluster_codes(clusters, n)
    change = y - x
    value = float(change.mean())
    if n_clusters == 1:
        return Estimate(value, None, None, n, 1, ONE_CLUSTER)
    gained, lost = float((change > 0).mean()), float((change < 0).mean())
    size = _effective_size(change, codes, n_clusters, gained + lost - value**2, level)
    up, down = (gained * size + 1) / (size + 2), (lost * size + 1) / (size + 2)
    half = normal_quantile(level) * math.sqrt((up + down - (up - down) ** 2) / (size + 2))
    return Estimate(value, max(-1.0, up - down - half), min(1.0, up - down + half), n, n_clusters)


def points(share: float) -> str:
    """A difference of shares in whole percentage points.

    >>> points(0.114), points(-0.03), points(0.001)
    ('+11', '−3', '0')
    """
    rounded = round(100 * share)
    return f"{rounded:+d}".replace("-", "−") if rounded else "0"


def _effective_size(change: np.ndarray, codes: np.ndarray, n_clusters: int, spread: float, level: float) -> float:
    """As how many independent rows these count."""
    n = len(change)
    if n_clusters == n:
        return n
    if spread <= 0:
        return n_clusters
    _, variance = mean_and_variance(change, np.ones(n), codes, n_clusters)
    few = (normal_quantile(level) / t_quantile(n_clusters - 1, level)) ** 2
    return few * (min(spread / variance, n) if variance > 0 else n)


def _figures(rows: Sequence[PairedLabel]) -> tuple[PairedFigure, ...]:
    passing, failing = [one for one in rows if one.right_passed], [one for one in rows if not one.right_passed]
    return (
        _figure(
            "agreement",
            [one.first == one.right for one in rows],
            [one.second == one.right for one in rows],
            [one.cluster for one in rows],
            "nothing was labelled by both sides",
        ),
        _figure(
            "tpr",
            [one.first_passed for one in passing],
            [one.second_passed for one in passing],
            [one.cluster for one in passing],
            "none of it is right to pass",
        ),
        _figure(
            "tnr",
            [not one.first_passed for one in failing],
            [not one.second_passed for one in failing],
            [one.cluster for one in failing],
            "none of it is right to fail",
        ),
    )


def _figure(
    name: str, first: Sequence[bool], second: Sequence[bool], clusters: Sequence[Hashable], why_none: str
) -> PairedFigure:
    if not first:
        none = Estimate.unknown(why_none)
        return PairedFigure(name, none, none, none, "undecided", None)
    found = paired_difference(first, second, clusters)
    standing = _standing(found)
    return PairedFigure(
        name, proportion(first, clusters), proportion(second, clusters), found, standing, _needed(found, standing)
    )


def _standing(found: Estimate) -> Standing:
    if found.low is None or found.high is None:
        return "undecided"
    if found.low > 0:
        return "better"
    if found.high < 0:
        return "worse"
    return "alike" if max(-found.low, found.high) < TARGET_HALF_WIDTH else "undecided"


def _needed(found: Estimate, standing: Standing) -> int | None:
    """The interval's half width falls with the root of the number of labels."""
    if standing != "undecided" or found.half_width is None or found.value is None:
        return None
    needed = math.ceil(found.n * (found.half_width / max(abs(found.value), TARGET_HALF_WIDTH)) ** 2)
    return needed if needed > found.n else None
