"""How far raters agree on sets, such as the tags of a list that each would keep: alpha with a distance between sets.

Whoever keeps nine of ten tags and whoever keeps all ten nearly agree: label by label they differ on one tag, as lists
they differ altogether. A distance between the sets says how much.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence, Set
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from judge.statistics.intervals import (
    LEVEL,
    NOTHING_COMPARED,
    Clusters,
    Estimate,
    FloatArray,
    bootstrap_of_sums,
    proportion,
)

Chosen = Set[Hashable]
# Of common members and both sizes to a distance; numbers or arrays of one shape.
Distance = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]
# Ours: more different sets than these make a table of distances that a page cannot wait for.
MAX_SETS = 2_000


@dataclass(frozen=True, slots=True)
class SetAgreement:
    """Both alphas, and the share of common members: 1 - Jaccard's distance, over the pairs of raters on a unit, 0 to 1.

    n_units   that two raters or more chose from
    n_raters  who did
    """

    masi: Estimate
    jaccard: Estimate
    overlap: Estimate
    n_units: int
    n_raters: int


def jaccard_distance(a: Chosen, b: Chosen) -> float:
    """1 - the share of common members among all: 0 for the same set, 1 for sets with none in common.

    Two empty sets are the same. Source: Jaccard (1912), New Phytologist 11, 37–50.

    >>> jaccard_distance({1, 2, 3, 4}, {1, 2})
    0.5
    """
    return _between(a, b, jaccard)


def masi_distance(a: Chosen, b: Chosen) -> float:
    """1 - Jaccard's similarity times 1 for the same set, 2/3 where one holds the other, 1/3 where they overlap, else 0.

    So leaving something out counts less than choosing something else. Two empty sets are the same; one empty set has
    nothing in common with another.
    Source: Passonneau (2006), Measuring Agreement on Set-valued Items (MASI), LREC, 831–836.

    >>> round(masi_distance({1, 2, 3, 4}, {1, 2}), 4)
    0.6667
    """
    return _between(a, b, masi)


def jaccard(common: FloatArray, a: FloatArray, b: FloatArray) -> FloatArray:
    """Jaccard's distance from the number of common members and both sizes."""
    union = a + b - common
    return np.asarray(1 - np.where(union > 0, common, 1) / np.maximum(union, 1), dtype=np.float64)


def masi(common: FloatArray, a: FloatArray, b: FloatArray) -> FloatArray:
    """The MASI distance from the number of common members and both sizes."""
    same, nested = (common == a) & (common == b), common == np.minimum(a, b)
    monotonicity = np.where(same, 1.0, np.where(nested, 2 / 3, 1 / 3))
    return np.asarray(1 - (1 - jaccard(common, a, b)) * monotonicity, dtype=np.float64)


def set_agreement(
    ratings: Sequence[Sequence[Chosen | None]],
    clusters: Clusters | None = None,
    *,
    weights: Sequence[float] | None = None,
) -> SetAgreement:
    """Agreement on sets, as alpha with either distance, and as the share of common members.

    ratings  a row for each unit, holding one set for each rater, None where missing
    weights  1 / inclusion probability for units that were not drawn uniformly
    """
    shared = [[one for one in row if one is not None] for row in ratings]
    rows = [place for place, sets in enumerate(shared) if len(sets) > 1]
    n_raters = len({rater for place in rows for rater, one in enumerate(ratings[place]) if one is not None})
    kept = [shared[place] for place in rows]
    of = None if clusters is None else [clusters[place] for place in rows]
    heavy = None if weights is None else [weights[place] for place in rows]
    return SetAgreement(
        masi=set_alpha(kept, masi, of, weights=heavy),
        jaccard=set_alpha(kept, jaccard, of, weights=heavy),
        overlap=_overlap(kept, of, heavy),
        n_units=len(rows),
        n_raters=n_raters,
    )


def set_alpha(
    units: Sequence[Sequence[Chosen]],
    distance: Distance,
    clusters: Clusters | None = None,
    *,
    weights: Sequence[float] | None = None,
    level: float = LEVEL,
    seed: int = 0,
) -> Estimate:
    """Krippendorff's alpha of sets: 1 - the mean distance within units over that between any two of all sets.

    units  the sets that raters chose from each unit, in any order; those with fewer than two say nothing

    Sets of different units are only comparable where they are chosen from the same things; where each unit has tags of
    its own, chance agreement is near 0 and alpha comes close to the plain mean. None where all sets are the same or no
    unit has two. Intervals resample clusters.
    Source: Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, with the distance in the place of his.
    """
    pairable = [place for place, sets in enumerate(units) if len(sets) > 1]
    if not pairable:
        return Estimate.unknown(NOTHING_COMPARED, len(units))
    kept = [units[place] for place in pairable]
    of = None if clusters is None else [clusters[place] for place in pairable]
    values = list(dict.fromkeys(frozenset(one) for sets in kept for one in sets))
    if len(values) == 1:
        return Estimate.unknown("all sets are the same", len(kept), len(set(of)) if of is not None else len(kept))
    if len(values) > MAX_SETS:
        return Estimate.unknown(f"there are {len(values):,} different sets, more than {MAX_SETS:,}", len(kept))
    between = _distances(values, distance)
    places = {value: place for place, value in enumerate(values)}
    w = np.ones(len(kept)) if weights is None else np.array([weights[place] for place in pairable], dtype=np.float64)
    votes = np.zeros((len(kept), len(values)))
    for row, sets in enumerate(kept):
        for one in sets:
            votes[row, places[frozenset(one)]] += 1
    n = votes.sum(axis=1)
    # Within a unit each ordered pair counts 1 / (sets - 1), so that a unit weighs as much as it has sets.
    within = np.einsum("uv,vw,uw->u", votes, between, votes) / (n - 1)
    if weights is not None:
        # The correction for small samples counts sets, so weighted ones must add up to as many as there are.
        w = w * n.sum() / (w * n).sum()
    contributions = np.column_stack([within, n, votes]) * w[:, None]

    def alpha(sums: FloatArray) -> FloatArray:
        totals = sums[:, 2:]
        expected = np.einsum("rv,vw,rw->r", totals, between, totals)
        result = np.full(len(sums), np.nan)
        np.divide((sums[:, 1] - 1) * sums[:, 0], expected, out=result, where=expected > 1e-12)
        return 1 - result

    return bootstrap_of_sums(contributions, of, alpha, level=level, seed=seed)


def _between(a: Chosen, b: Chosen, distance: Distance) -> float:
    common, n_a, n_b = (np.array(float(len(one))) for one in (a & b, a, b))
    return float(distance(common, n_a, n_b))


def _distances(values: Sequence[Chosen], distance: Distance) -> FloatArray:
    """(v, v) distances between all sets."""
    members = {member: place for place, member in enumerate({member for value in values for member in value})}
    holds = np.zeros((len(values), max(len(members), 1)))
    for row, value in enumerate(values):
        holds[row, [members[member] for member in value]] = 1
    sizes = holds.sum(axis=1)
    shape = (len(values), len(values))
    return distance(holds @ holds.T, np.broadcast_to(sizes[:, None], shape), np.broadcast_to(sizes, shape))


def _overlap(units: Sequence[Sequence[Chosen]], clusters: Clusters | None, weights: Sequence[float] | None) -> Estimate:
    if not units:
        return Estimate.unknown(NOTHING_COMPARED)
    shares = [float(np.mean([1 - jaccard_distance(a, b) for a, b in combinations(sets, 2)])) for sets in units]
    return proportion(shares, clusters, weights)
