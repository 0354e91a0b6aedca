"""How far raters agree: coefficients beyond chance, the confusion matrix, and the judge's two error rates.

People and judge models are both raters. No single figure is enough: raw agreement hides chance; kappa and alpha fall
where nearly all labels are the same, even if raters agree; AC1 looks good on such labels, so it wants the true negative
rate beside it. Intervals resample clusters (shoppers).

Where a function takes `weights`, give it 1 / inclusion probability for a sample that was not drawn uniformly: among
units picked because they looked doubtful, agreement is lower than in the population.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from judge.statistics.intervals import (
    LEVEL,
    NOTHING_COMPARED,
    Clusters,
    Estimate,
    FloatArray,
    bootstrap_of_sums,
    cluster_codes,
    proportion,
    wilson,
)

Label = Hashable
Weighting = Literal["unweighted", "linear", "quadratic"]
Level = Literal["nominal", "ordinal", "interval"]

ONE_LABEL = "only one label occurs"
ONE_CONSTANT_RATER = "one of the two always gave the same label, which makes it 0 by definition"
# Ours: at 80 % for one label, raters who agree on 85 of 100 rows can have a kappa as low as .32 (Feinstein and
# Cicchetti 1990), where balanced labels give .70.
PREVALENCE_LIMIT = 0.8


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often the first rater's label (row) met the second's (column), both in the order of `labels`."""

    labels: tuple[Label, ...]
    counts: tuple[tuple[int, ...], ...]

    @property
    def n(self) -> int:
        """Pairs counted."""
        return sum(self.row_totals)

    @property
    def row_totals(self) -> tuple[int, ...]:
        """How often the first rater gave each label."""
        return tuple(sum(row) for row in self.counts)

    @property
    def column_totals(self) -> tuple[int, ...]:
        """How often the second rater gave each label."""
        return tuple(sum(column) for column in zip(*self.counts, strict=True))


def confusion(first: Sequence[Label], second: Sequence[Label], labels: Sequence[Label] | None = None) -> Confusion:
    """The confusion matrix of two raters' labels for the same rows, by default over the labels that occur, sorted.

    Raises ValueError where the lists differ in length or hold a label that is not in `labels`.

    >>> confusion(["Yes", "Yes", "No"], ["Yes", "No", "No"], labels=["Yes", "No"]).counts
    ((1, 1), (0, 1))
    """
    scale = _scale(labels, first, second)
    codes = _codes(scale, first, second)
    counts = np.zeros((len(scale), len(scale)), dtype=int)
    np.add.at(counts, (codes[:, 0], codes[:, 1]), 1)
    return Confusion(scale, tuple(tuple(int(count) for count in row) for row in counts))


def raw_agreement(
    first: Sequence[Label],
    second: Sequence[Label],
    clusters: Clusters | None = None,
    *,
    weights: ArrayLike | None = None,
    level: float = LEVEL,
) -> Estimate:
    """Share of rows on which both gave the same label, 0 to 1, with the cluster-robust Wilson interval."""
    _same_length(first, second)
    if not first:
        return Estimate.unknown(NOTHING_COMPARED)
    return proportion([a == b for a, b in zip(first, second, strict=True)], clusters, weights, level)


def cohen_kappa(
    first: Sequence[Label],
    second: Sequence[Label],
    clusters: Clusters | None = None,
    *,
    labels: Sequence[Label] | None = None,
    weighting: Weighting = "unweighted",
    weights: ArrayLike | None = None,
    level: float = LEVEL,
    seed: int = 0,
) -> Estimate:
    """Cohen's kappa of two raters: 1 = always alike, 0 = as by chance, below 0 = less than that.

    weighting  how a disagreement of d steps on the scale counts: all alike, by d, or by d²
    labels     the scale in its order; needed for a weighted kappa of words, by default the labels that occur, sorted

    None where both use one and the same label throughout: chance agreement is then already complete. Where only one of
    them does, kappa is 0 by definition and has no interval.
    Sources: Cohen (1960), Educational and Psychological Measurement 20, 37–46; weighted: Cohen (1968), Psychological
    Bulletin 70, 213–220.
    """
    if not first and not second:
        return Estimate.unknown(NOTHING_COMPARED)
    scale = _scale(labels, first, second)
    codes = _codes(scale, first, second)
    k = len(scale)
    disagreement = 1 - _agreement_weights(k, weighting)
    cells = np.zeros((len(codes), k, k))
    cells[np.arange(len(codes)), codes[:, 0], codes[:, 1]] = 1

    def kappa(sums: FloatArray) -> FloatArray:
        tables = sums.reshape(-1, k, k)
        n = tables.sum(axis=(1, 2))
        expected = np.einsum("ri,rj,ij->r", tables.sum(axis=2), tables.sum(axis=1), disagreement)
        return 1 - _ratio(n * np.einsum("rij,ij->r", tables, disagreement), expected)

    if [len(np.unique(rater)) == 1 for rater in codes.T] in ([True, False], [False, True]):
        _, n_clusters = cluster_codes(clusters, len(codes))
        return Estimate(0.0, None, None, len(codes), n_clusters, ONE_CONSTANT_RATER)
    chance = float((_shares(_votes(codes, k)) ** 2).sum())
    return _estimate(_weighted(cells.reshape(len(codes), -1), weights), clusters, kappa, codes, chance, level, seed)


def gwet_ac(
    ratings: Sequence[Sequence[Label | None]],
    clusters: Clusters | None = None,
    *,
    labels: Sequence[Label] | None = None,
    weighting: Weighting = "unweighted",
    weights: ArrayLike | None = None,
    level: float = LEVEL,
    seed: int = 0,
) -> Estimate:
    """Gwet's AC1 (unweighted) or AC2 (weighted), for two or more raters: 1 = always alike, 0 = as by chance.

    ratings  a row for each unit, holding one label for each rater, None where missing
    labels   the whole scale in its order; chance agreement depends on how many labels there are, used or not

    Keeps its meaning where one label is rare; on constant labels it is 1 and the note says so.
    Source: Gwet (2008), British Journal of Mathematical and Statistical Psychology 61, 29–48, with missing ratings
    as in Gwet (2014), Handbook of Inter-Rater Reliability, 4th edition.
    """
    scale = _scale(labels, *ratings)
    codes = _codes(scale, *zip(*ratings, strict=True)) if ratings else np.empty((0, 0), dtype=np.intp)
    votes = _votes(codes, len(scale))
    k = max(len(scale), 2)
    votes = np.pad(votes, ((0, 0), (0, k - votes.shape[1])))
    n_votes = votes.sum(axis=1)
    if not (n_votes >= 2).any():
        return Estimate.unknown(NOTHING_COMPARED, len(votes))
    partial = _agreement_weights(k, weighting)
    alike = _ratio((votes * (votes @ partial - 1)).sum(axis=1), n_votes * (n_votes - 1))
    contributions = np.column_stack([np.nan_to_num(alike), n_votes >= 2, votes / np.maximum(n_votes, 1)[:, None]])

    def ac(sums: FloatArray) -> FloatArray:
        observed = _ratio(sums[:, 0], sums[:, 1])
        shares = sums[:, 2:] / sums[:, 2:].sum(axis=1, keepdims=True)
        chance = partial.sum() / (k * (k - 1)) * (shares * (1 - shares)).sum(axis=1)
        return _ratio(observed - chance, 1 - chance)

    shares = _shares(votes)
    chance = float(partial.sum() / (k * (k - 1)) * (shares * (1 - shares)).sum())
    return _estimate(_weighted(contributions, weights), clusters, ac, codes, chance, level, seed)


def krippendorff_alpha(
    ratings: Sequence[Sequence[Label | None]],
    clusters: Clusters | None = None,
    *,
    measure: Level = "nominal",
    labels: Sequence[Label] | None = None,
    weights: ArrayLike | None = None,
    level: float = LEVEL,
    seed: int = 0,
) -> Estimate:
    """Krippendorff's alpha for any number of raters, with missing ratings: 1 = always alike, 0 = as by chance.

    ratings  a row for each unit, holding one label for each rater, None where missing
    measure  what the labels are: names, ranks in the order of `labels` (default: sorted), or numbers

    He calls .8 and above reliable, .667 to .8 good for tentative conclusions. None where only one label occurs or no
    unit has two ratings. Raises ValueError for interval labels that are not numbers.
    Source: Krippendorff (2011), Computing Krippendorff's Alpha-Reliability.
    """
    scale = _scale(labels, *ratings)
    numbers = np.asarray(scale, dtype=np.float64) if measure == "interval" else np.arange(len(scale), dtype=np.float64)
    codes = _codes(scale, *zip(*ratings, strict=True)) if ratings else np.empty((0, 0), dtype=np.intp)
    votes, k = _votes(codes, len(scale)), len(scale)
    n_votes = votes.sum(axis=1)
    if not (n_votes >= 2).any():
        return Estimate.unknown(NOTHING_COMPARED, len(votes))
    # The coincidence matrix adds up over units: each ordered pair of ratings of one unit, weighted 1 / (ratings - 1).
    pairs = votes[:, :, None] * votes[:, None, :] - np.einsum("uk,kl->ukl", votes, np.eye(k))
    pairs /= np.maximum(n_votes - 1, 1)[:, None, None]
    contributions = _weighted(pairs.reshape(len(votes), -1), weights)
    if weights is not None:
        # The correction for small samples counts ratings, so weighted ones must add up to as many as there are.
        contributions *= pairs.sum() / contributions.sum()

    def alpha(sums: FloatArray) -> FloatArray:
        coincidences = sums.reshape(-1, k, k)
        totals = coincidences.sum(axis=2)
        distance = _distances(totals, numbers, measure)
        expected = np.einsum("ri,rj,rij->r", totals, totals, distance)
        observed = np.einsum("rij,rij->r", coincidences, distance)
        return 1 - _ratio((totals.sum(axis=1) - 1) * observed, expected)

    chance = float((_shares(votes) ** 2).sum())
    return _estimate(contributions, clusters, alpha, codes, chance, level, seed)


def true_positive_rate(
    human_passed: ArrayLike,
    judge_passed: ArrayLike,
    clusters: Clusters | None = None,
    *,
    weights: ArrayLike | None = None,
    level: float = LEVEL,
) -> Estimate:
    """TPR: of what people passed, the share that the judge passed too, 0 to 1; cluster-robust Wilson interval."""
    return _rate_where(human_passed, True, judge_passed, clusters, weights, level, "people passed none of it")


def true_negative_rate(
    human_passed: ArrayLike,
    judge_passed: ArrayLike,
    clusters: Clusters | None = None,
    *,
    weights: ArrayLike | None = None,
    level: float = LEVEL,
) -> Estimate:
    """TNR: of what people failed, the share that the judge failed too, 0 to 1; cluster-robust Wilson interval."""
    return _rate_where(human_passed, False, judge_passed, clusters, weights, level, "people failed none of it")


def prevalence_warning(table: Confusion) -> str:
    """What to bear in mind where labels are so one-sided that kappa and alpha mislead; empty where they do not.

    One-sided: a single label makes up PREVALENCE_LIMIT or more of what both raters gave together.
    """
    if table.n == 0:
        return ""
    shares = [(row + column) / (2 * table.n) for row, column in zip(table.row_totals, table.column_totals, strict=True)]
    commonest = max(range(len(shares)), key=shares.__getitem__)
    if shares[commonest] < PREVALENCE_LIMIT:
        return ""
    # Rounded down: "100%" must mean all of them.
    return (
        f"{math.floor(100 * shares[commonest])}% of all labels are “{table.labels[commonest]}”. On labels this "
        "one-sided, kappa and alpha are low even where raters agree: read AC1 and the true negative rate instead."
    )


def _estimate(
    contributions: FloatArray,
    clusters: Clusters | None,
    statistic: Callable[[FloatArray], FloatArray],
    codes: NDArray[np.intp],
    chance: float,
    level: float,
    seed: int,
) -> Estimate:
    """The bootstrapped coefficient, with the cases that a bootstrap cannot see.

    codes   (units, raters) what was compared
    chance  share of agreement that the coefficient expects by chance, for the interval at perfect agreement
    """
    estimate = bootstrap_of_sums(contributions, clusters, statistic, level=level, seed=seed)
    n, n_clusters = estimate.n, estimate.n_clusters
    given = np.where(codes < 0, codes.max(axis=1, keepdims=True), codes)
    one_label = len(np.unique(given[given >= 0])) == 1
    if estimate.value is None:
        return Estimate.unknown(ONE_LABEL if one_label else estimate.note, n, n_clusters)
    if n_clusters == 1 or not (given == given[:, :1]).all():
        return estimate
    # Resampling perfect agreement gives perfect agreement, an interval of no length. Its low end is taken instead where
    # raw agreement would stand at its own Wilson limit, each cluster counted as one row.
    limit = wilson(n_clusters, n_clusters, level)[0]
    why = f"{ONE_LABEL}, so agreement says little" if one_label else "no disagreement was seen"
    return Estimate(estimate.value, (limit - chance) / (1 - chance), 1.0, n, n_clusters, why)


def _shares(votes: FloatArray) -> FloatArray:
    """(k,) share of each label among all that were given."""
    return np.asarray(votes.sum(axis=0) / votes.sum(), dtype=np.float64)


def _rate_where(
    human_passed: ArrayLike,
    human: bool,
    judge_passed: ArrayLike,
    clusters: Clusters | None,
    weights: ArrayLike | None,
    level: float,
    why: str,
) -> Estimate:
    people, judge = np.asarray(human_passed, dtype=bool), np.asarray(judge_passed, dtype=bool)
    _same_length(people, judge)
    if not len(people):
        return Estimate.unknown(NOTHING_COMPARED)
    codes, _ = cluster_codes(clusters, len(people))
    rows = people == human
    if not rows.any():
        return Estimate.unknown(why)
    kept = None if weights is None else np.asarray(weights, dtype=np.float64)[rows]
    return proportion(judge[rows] == human, codes[rows].tolist(), kept, level)


def _weighted(contributions: FloatArray, weights: ArrayLike | None) -> FloatArray:
    if weights is None:
        return contributions
    w = np.asarray(weights, dtype=np.float64)
    if w.shape != (len(contributions),) or not (np.isfinite(w).all() and (w > 0).all()):
        raise ValueError("weights are one finite number above 0 for each row")
    return np.asarray(contributions * w[:, None], dtype=np.float64)


def _same_length(first: Sequence[object] | NDArray[np.bool_], second: Sequence[object] | NDArray[np.bool_]) -> None:
    if len(first) != len(second):
        raise ValueError(f"{len(first)} labels of one rater, {len(second)} of the other")


def _scale(labels: Sequence[Label] | None, *rated: Sequence[Label | None]) -> tuple[Label, ...]:
    """The labels in order: those given, or those that occur, sorted (by their text where they cannot be compared)."""
    if labels is not None:
        if len(set(labels)) != len(labels):
            raise ValueError("a scale names each label once")
        return tuple(labels)
    seen = {label for row in rated for label in row if label is not None}
    try:
        return tuple(sorted(seen))  # type: ignore[type-var]
    except TypeError:
        return tuple(sorted(seen, key=str))


def _codes(scale: Sequence[Label], *raters: Sequence[Label | None]) -> NDArray[np.intp]:
    """(units, raters) positions on the scale, -1 where missing."""
    for other in raters[1:]:
        _same_length(raters[0], other)
    places = {label: place for place, label in enumerate(scale)}
    unknown = {label for rater in raters for label in rater if label is not None and label not in places}
    if unknown:
        raise ValueError(f"{', '.join(sorted(map(repr, unknown)))} is not on the scale {list(scale)}")
    return np.array([[-1 if x is None else places[x] for x in rater] for rater in raters], dtype=np.intp).T


def _votes(codes: NDArray[np.intp], k: int) -> FloatArray:
    """(units, k) how many raters gave each label."""
    return np.asarray((codes[:, :, None] == np.arange(k)).sum(axis=1), dtype=np.float64)


def _agreement_weights(k: int, weighting: Weighting) -> FloatArray:
    """(k, k): 1 for the same label, down to 0 for the two ends of the scale (or for any other, unweighted)."""
    if weighting == "unweighted":
        return np.eye(k)
    steps = np.abs(np.subtract.outer(np.arange(k), np.arange(k))) / max(k - 1, 1)
    return np.asarray(1 - (steps if weighting == "linear" else steps**2), dtype=np.float64)


def _distances(totals: FloatArray, numbers: FloatArray, measure: Level) -> FloatArray:
    """(r, k, k) squared distances between labels; ordinal ones depend on how often each label occurs."""
    r, k = totals.shape
    if measure == "nominal":
        return np.broadcast_to(1 - np.eye(k), (r, k, k))
    if measure == "interval":
        return np.broadcast_to(np.subtract.outer(numbers, numbers) ** 2, (r, k, k))
    # From the middle of one label's ranks to the middle of the other's.
    middles = np.cumsum(totals, axis=1) - totals / 2
    return np.asarray((middles[:, :, None] - middles[:, None, :]) ** 2, dtype=np.float64)


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Element by element, NaN where the denominator is 0."""
    ratio = np.full(len(denominator), np.nan)
    np.divide(numerator, denominator, out=ratio, where=np.abs(denominator) > 1e-12)
    return ratio
