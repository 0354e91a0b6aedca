"""Can the judge's confidence be read as a probability? Reliability, calibration error, Brier score, a better reading.

The judge's score is its own probability that an output passes. It is compared with what people said, and refitted to
it: by Platt's two parameters while labels are few, by isotonic regression when they are many. The refit is judged on
shoppers whom it has not seen.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from judge.statistics.intervals import (
    LEVEL,
    MIN_CLUSTERS,
    N_RESAMPLES,
    Clusters,
    Estimate,
    FloatArray,
    IntArray,
    cluster_codes,
    clustered_mean,
    proportion,
)
from judge.statistics.rates import inverse_weights, refusal_of_size
from judge.statistics.report import ReviewedLabel
from judge.statistics.wording import UNWEIGHTED, coefficient, coefficient_range, percent

N_BINS = 10
# Ours: a bin of fewer labels says nothing of its own.
MIN_PER_BIN = 20
# Two parameters are steadier below, a free monotone curve fits better above (measured: .044 against .068 with 100
# labels, .017 against .029 with 1,000).
ISOTONIC_FROM = 1000
N_FOLDS = 5
NO_PROBABILITIES = "the judge's engine gives no label probabilities"
_CLIP = 1e-6
_NEWTON_STEPS = 50

Reading = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, slots=True)
class Bin:
    """Labels with similar scores: the mean score, 0 to 1, and the share that people passed."""

    score: float
    passed: Estimate


@dataclass(frozen=True, slots=True)
class Fit:
    """Scores against people's labels.

    error  expected calibration error: mean distance between score and share passed over the bins, 0 to 1
    brier  mean squared distance between score and label, 0 to 1
    """

    bins: tuple[Bin, ...]
    error: Estimate
    brier: Estimate


@dataclass(frozen=True, slots=True)
class Calibration:
    """The judge's scores as they are, and as refitted; None with a reason in `sentence` where that cannot be computed.

    n                 labels compared: one for each person and output
    by_chance         the error that right probabilities would show on so few labels
    brier_of_average  the Brier score of always saying the average, which a useful score must beat
    method            of the refit: "Platt scaling" or "isotonic regression"
    missing           why there is no figure; empty where there is one
    """

    name: str
    n: int
    raw: Fit | None
    refitted: Fit | None
    by_chance: float
    brier_of_average: float
    method: str
    scope_warning: str
    sentence: str
    missing: str = ""


@dataclass(frozen=True, slots=True)
class _Labels:
    """score, passed and weight (n,), the weights with mean 1; shoppers as ids and as numbers."""

    score: FloatArray
    passed: FloatArray
    weight: FloatArray
    clusters: Clusters
    codes: IntArray


def calibration(name: str, rows: Sequence[ReviewedLabel], *, seed: int = 0) -> Calibration:
    """How far the judge's probabilities can be believed, on one criterion or overall.

    Weighted by 1 / inclusion probability where it is known of every output; several people's labels of an output share
    its weight. Intervals resample or count shoppers. None below 30 outputs from 10 shoppers.
    """
    scored = [row for row in rows if row.judge_probability is not None]
    refusal = NO_PROBABILITIES if rows and not scored else _refusal(scored)
    if refusal:
        sentence = f"Whether the judge's confidence can be believed is unknown: {refusal}."
        return Calibration(name, len(scored), None, None, math.nan, math.nan, "", "", sentence, refusal)
    labels, weighted = _labels(scored)
    method, fit = ("isotonic regression", isotonic) if len(scored) >= ISOTONIC_FROM else ("Platt scaling", platt)
    raw = _fit(labels, seed)
    refitted = _fit(
        replace(labels, score=cross_fitted(labels.score, labels.passed, labels.weight, labels.codes, fit)), seed
    )
    average = float(np.average(labels.passed, weights=labels.weight))
    by_chance = float(errors_by_chance(labels.score, labels.passed, labels.weight, labels.clusters).mean())
    of_average = average * (1 - average)
    promised = float(np.average(labels.score, weights=labels.weight))
    return Calibration(
        name=name,
        n=len(scored),
        raw=raw,
        refitted=refitted,
        by_chance=by_chance,
        brier_of_average=of_average,
        method=method,
        scope_warning="" if weighted else UNWEIGHTED,
        sentence=" ".join(
            (
                _error_sentence(raw.error, by_chance, promised, average),
                _brier_sentence(raw.brier, of_average),
                f"Refitted to people's labels ({method}, tried on shoppers it has not seen) it would be off by "
                f"{_points(refitted.error.value or 0.0)}.",
            )
        ),
    )


def bin_codes(score: FloatArray, weight: FloatArray, n_bins: int) -> IntArray:
    """(n,) the bin of each score, bins holding about the same weight each; equal scores share a bin."""
    values, place = np.unique(score, return_inverse=True)
    mass = np.bincount(place, weights=weight, minlength=len(values))
    middle = (np.cumsum(mass) - mass / 2) / mass.sum()
    # Ties can leave bins empty; the others are numbered without gaps.
    used = np.minimum((middle * n_bins).astype(np.intp), n_bins - 1)
    return np.asarray(np.unique(used, return_inverse=True)[1][place], dtype=np.intp)


def calibration_error(
    score: FloatArray, passed: FloatArray, weight: FloatArray, clusters: Clusters | None, *, seed: int = 0
) -> Estimate:
    """Expected calibration error over equal-mass bins, 0 to 1, with a bootstrap interval by cluster.

    The bootstrap multiplies what each cluster adds to the bins' sums by a normal number, which for sums comes to
    drawing them from a normal distribution with their cluster-robust covariance: the page cannot wait for resamples.
    Noise can only add to an error of absolute values, to a resampled one more so. So the lower end is that of the basic
    interval, 2 * error - percentile, which takes this back, and 0 unless the error is more than right probabilities
    would show in 39 of 40 samples (ours); the upper end is the percentile. Simulated, it covers at least 90 %. Sources:
    Naeini, Cooper and Hauskrecht (2015), AAAI 29; van der Vaart and Wellner (1996), Weak Convergence, 2.9 (multiplier
    bootstrap); Davison and Hinkley (1997), Bootstrap Methods, 5.2 (basic interval).
    """
    bins = bin_codes(score, weight, _n_bins(len(score)))
    shopper, n_shoppers = cluster_codes(clusters, len(score))
    sums = np.zeros((n_shoppers, bins.max() + 2))
    np.add.at(sums, (shopper, bins), weight * (passed - score))
    sums[:, -1] = np.bincount(shopper, weights=weight)
    total = sums.sum(axis=0)
    value = float(np.abs(total[:-1]).sum() / total[-1])
    if n_shoppers < MIN_CLUSTERS:
        few = f"an interval takes {MIN_CLUSTERS} shoppers, and these are {n_shoppers}"
        return Estimate(value, None, None, len(score), n_shoppers, few)
    spread = np.linalg.svd((sums - sums.mean(axis=0)) * math.sqrt(n_shoppers / (n_shoppers - 1)), full_matrices=False)
    noise = np.random.default_rng(seed).normal(size=(N_RESAMPLES, len(spread.S))) @ (spread.S[:, None] * spread.Vh)
    draws = np.abs((total + noise)[:, :-1]).sum(axis=1) / np.maximum(total[-1] + noise[:, -1], total[-1] / 10)
    high = float(np.quantile(draws, (1 + LEVEL) / 2))
    by_chance = float(np.quantile(errors_by_chance(score, passed, weight, clusters), (1 + LEVEL) / 2))
    low = max(0.0, 2 * value - high) if value > by_chance else 0.0
    return Estimate(value, low, max(value, high), len(score), n_shoppers)


def errors_by_chance(
    score: FloatArray, passed: FloatArray, weight: FloatArray, clusters: Clusters | None
) -> FloatArray:
    """Calibration errors that right probabilities could show on labels like these: draws of it, 0 to 1.

    In each bin the distance is drawn from a normal distribution around 0 with its cluster-robust standard error.
    """
    codes = bin_codes(score, weight, _n_bins(len(score)))
    shopper, n_shoppers = cluster_codes(clusters, len(score))
    share = weight / weight.sum()
    spread = []
    for one in range(codes.max() + 1):
        rows = codes == one
        distance = passed[rows] - score[rows]
        pull = share[rows] * (distance - np.average(distance, weights=share[rows]))
        spread.append(math.sqrt(float((np.bincount(shopper[rows], weights=pull, minlength=n_shoppers) ** 2).sum())))
    noise = np.random.default_rng(0).normal(size=(N_RESAMPLES, len(spread))) * spread
    return np.asarray(np.abs(noise).sum(axis=1), dtype=np.float64)


def cross_fitted(
    score: FloatArray,
    passed: FloatArray,
    weight: FloatArray,
    codes: IntArray,
    fit: Callable[[FloatArray, FloatArray, FloatArray], Reading],
) -> FloatArray:
    """(n,) refitted scores, each by a reading that was fitted without the shopper of that score."""
    fold = np.random.default_rng(0).permutation(codes.max() + 1)[codes] % N_FOLDS
    result = np.empty_like(score)
    for one in np.unique(fold):
        held_out = fold == one
        result[held_out] = fit(score[~held_out], passed[~held_out], weight[~held_out])(score[held_out])
    return result


def platt(score: FloatArray, passed: FloatArray, weight: FloatArray) -> Reading:
    """A logistic curve over the score's log-odds, fitted by maximum likelihood.

    Labels are drawn in a little, (n+ + 1) / (n+ + 2) for a pass and 1 / (n- + 2) for a fail, so that scores that part
    passes from fails perfectly do not become certainties. Source: Platt (1999), Probabilistic Outputs for Support
    Vector Machines, with log-odds in place of margins.
    """
    passes, fails = float((weight * passed).sum()), float((weight * (1 - passed)).sum())
    target = passed * (passes + 1) / (passes + 2) + (1 - passed) / (fails + 2)
    features = np.column_stack([_log_odds(score), np.ones_like(score)])
    mean = float(np.average(target, weights=weight))
    curve = np.array([0.0, math.log(mean / (1 - mean))])
    for _ in range(_NEWTON_STEPS):
        now = _logistic(features @ curve)
        slope = features.T @ (weight * (target - now))
        # The ridge only decides where all scores are the same and any slope fits as well.
        curvature = (features * (weight * now * (1 - now))[:, None]).T @ features + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, slope)
        curve = curve + step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        if float(np.abs(step).max()) < 1e-10:
            break
    return lambda other: _logistic(np.column_stack([_log_odds(other), np.ones_like(other)]) @ curve)


def isotonic(score: FloatArray, passed: FloatArray, weight: FloatArray) -> Reading:
    """The monotone curve closest to the labels, joined by straight lines and flat beyond the ends.

    Source: pool adjacent violators, Barlow et al. (1972), Statistical Inference under Order Restrictions.
    """
    values, place = np.unique(score, return_inverse=True)
    mass = np.bincount(place, weights=weight)
    means = np.bincount(place, weights=weight * passed) / mass
    blocks: list[tuple[float, float, int]] = []  # mean, weight, how many values
    for mean, w in zip(means.tolist(), mass.tolist(), strict=True):
        block = (mean, w, 1)
        while blocks and blocks[-1][0] >= block[0]:
            before = blocks.pop()
            together = before[1] + block[1]
            block = ((before[0] * before[1] + block[0] * block[1]) / together, together, before[2] + block[2])
        blocks.append(block)
    fitted = np.repeat([mean for mean, _, _ in blocks], [n for _, _, n in blocks])
    return lambda other: np.interp(other, values, fitted)


def _refusal(scored: Sequence[ReviewedLabel]) -> str:
    return refusal_of_size(len({row.output for row in scored}), len({row.cluster for row in scored}))


def _labels(rows: Sequence[ReviewedLabel]) -> tuple[_Labels, bool]:
    """The rows as arrays, and whether they are weighted by inclusion probability."""
    per_output = Counter(row.output for row in rows)
    known = inverse_weights([row.inclusion_probability for row in rows])
    weight = np.array(known or [1.0] * len(rows)) / np.array([per_output[row.output] for row in rows])
    clusters = [row.cluster for row in rows]
    labels = _Labels(
        score=np.array([row.judge_probability for row in rows], dtype=np.float64),
        passed=np.array([row.human_passed for row in rows], dtype=np.float64),
        weight=np.asarray(weight / weight.mean(), dtype=np.float64),
        clusters=clusters,
        codes=cluster_codes(clusters, len(rows))[0],
    )
    return labels, known is not None


def _n_bins(n: int) -> int:
    return min(N_BINS, max(2, n // MIN_PER_BIN))


def _fit(labels: _Labels, seed: int) -> Fit:
    codes = bin_codes(labels.score, labels.weight, _n_bins(len(labels.score)))
    bins = []
    for one in range(codes.max() + 1):
        rows = codes == one
        score = float(np.average(labels.score[rows], weights=labels.weight[rows]))
        bins.append(Bin(score, proportion(labels.passed[rows], labels.codes[rows].tolist(), labels.weight[rows])))
    return Fit(
        bins=tuple(bins),
        error=calibration_error(labels.score, labels.passed, labels.weight, labels.clusters, seed=seed),
        brier=clustered_mean((labels.score - labels.passed) ** 2, labels.clusters, labels.weight),
    )


def _log_odds(score: FloatArray) -> FloatArray:
    clipped = np.clip(score, _CLIP, 1 - _CLIP)
    return np.asarray(np.log(clipped / (1 - clipped)), dtype=np.float64)


def _logistic(x: FloatArray) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -500, 500))), dtype=np.float64)


def _points(share: float) -> str:
    points = round(100 * share)
    return "1 point" if points == 1 else f"{points} points"


def _error_sentence(error: Estimate, by_chance: float, promised: float, average: float) -> str:
    if error.low is None or error.high is None:
        sure = f"from {error.n:,}; {error.note}"
    else:
        sure = f"{round(100 * error.low)} to {round(100 * error.high)}, from {error.n:,}"
    said = f"The judge's probability is off by {_points(error.value or 0.0)} on average ({sure})"
    if error.low is not None and error.low <= 0:
        return f"{said}, no more than chance can do: right ones would look {_points(by_chance)} off with so few labels."
    lean = "too sure" if promised > average else "too doubtful"
    return (
        f"{said}; right ones would look {_points(by_chance)} off by chance. On the whole it is {lean}: it promises "
        f"{percent(promised)}, people pass {percent(average)}."
    )


def _brier_sentence(brier: Estimate, of_average: float) -> str:
    if brier.value is None:
        return f"There is no Brier score: {brier.note}."
    sure = f" ({coefficient_range(brier)})" if brier.low is not None else ""
    better = "less than" if brier.value < of_average else "no better than"
    return (
        f"Its Brier score is {coefficient(brier.value)}{sure}, {better} the {coefficient(of_average)} of always saying "
        "the average."
    )
