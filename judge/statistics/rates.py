"""How much passes: by the judge alone, by people, and the corrected rate that may be quoted.

The judge's own rate is biased by its errors. People see only a sample, but theirs is known: each sampled output carries
the probability with which it was drawn. The corrected rate takes the judge's rate over everything and corrects it by
what people found on the sample; its interval holds however good or bad the judge is, a better one makes it shorter.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from judge.statistics.intervals import (
    LEVEL,
    MIN_CLUSTERS,
    ONE_CLUSTER,
    Clusters,
    Estimate,
    FloatArray,
    cluster_codes,
    mean_and_variance,
    normal_quantile,
    proportion,
    proportion_interval,
    t_quantile,
)

# Ours. Below this, an interval on values so few and so skewed is guesswork; PRECISE (arXiv 2606.05308) works from 30.
MIN_LABELS = 30
MIN_EFFECTIVE_CLUSTERS = 6
# A single cluster that decides the estimate alone would make its variance infinite; it is held at this share instead.
MIN_REST = 0.1
# Standard errors by which sample and population may differ; chance exceeds it once in 15,000 samples.
MISMATCH_ERRORS = 4


@dataclass(frozen=True, slots=True)
class ClusterTotal:
    """What the judge found on all outputs of one cluster (shopper): how many it judged, and the sum of its verdicts."""

    judged: int
    passed: float


Population = Mapping[Hashable, ClusterTotal]


def population(clusters: Clusters, judge: ArrayLike) -> Population:
    """The judged population from one cluster and one verdict (0, 1, or a probability of passing) for each output.

    A `GROUP BY` gives the same without reading every output. Raises ValueError where the lists differ in length.
    """
    verdicts = np.asarray(judge, dtype=np.float64)
    codes, n_clusters = cluster_codes(clusters, len(verdicts))
    judged = np.bincount(codes, minlength=n_clusters)
    passed = np.bincount(codes, weights=verdicts, minlength=n_clusters)
    # dict keeps the first appearance of each cluster, as the codes do.
    return {
        cluster: ClusterTotal(int(judged[code]), float(passed[code]))
        for code, cluster in enumerate(dict.fromkeys(clusters))
    }


def judge_rate(judged: Population, level: float = LEVEL) -> Estimate:
    """The share that the judge alone passes, 0 to 1. Biased by its errors: never a headline."""
    if not judged:
        return Estimate.unknown("the judge has judged nothing")
    totals = _totals(judged)
    sizes, n, n_clusters = totals[:, 0], int(totals[:, 0].sum()), len(totals)
    # The mean over outputs is the mean over clusters weighted by their size.
    mean, variance = mean_and_variance(totals[:, 1] / sizes, sizes, np.arange(n_clusters), n_clusters)
    if n_clusters == 1:
        return Estimate(mean, None, None, n, 1, ONE_CLUSTER)
    return Estimate(mean, *proportion_interval(mean, variance, n, n_clusters, level), n, n_clusters)


def human_rate(
    human: ArrayLike, inclusion: Sequence[float | None], clusters: Clusters, level: float = LEVEL
) -> Estimate:
    """The share that people pass, 0 to 1, from the sample alone, each output weighted by 1 / inclusion probability.

    human      (n,) 0 or 1; a share where several people rated one output
    inclusion  (n,) probability with which the output was drawn for review, above 0 and at most 1
    clusters   (n,) ids of shoppers

    None without labels or where an inclusion probability is unknown. Source: the Hájek estimator (1971).
    """
    y = np.asarray(human, dtype=np.float64)
    refusal = _refusal_of_inclusion(inclusion) if len(y) else "nobody has labelled anything"
    if refusal:
        return Estimate.unknown(refusal, len(y), len(set(clusters)))
    return proportion(y, clusters, 1 / np.asarray(inclusion, dtype=np.float64), level)


def corrected_rate(
    human: ArrayLike,
    judge: ArrayLike,
    inclusion: Sequence[float | None],
    clusters: Clusters,
    judged: Population,
    level: float = LEVEL,
) -> Estimate:
    """The share of judged outputs that people would pass, 0 to 1: the rate to quote.

    human      (n,) labels of the reviewed outputs: 0 or 1, or a share where several people rated one output
    judge      (n,) the judge's verdicts on the same outputs: 0 or 1, or its probability of passing
    inclusion  (n,) probability with which each was drawn for review, above 0 and at most 1
    clusters   (n,) their shoppers, each of which occurs in `judged`
    judged     the verdicts on everything the judge judged, the reviewed outputs included

    The estimate is  l * mean(judge, all) + weighted mean(human - l * judge, reviewed)  with weights 1 / inclusion, the
    prediction-powered mean (Angelopoulos, Duchi and Zrnic 2023, arXiv 2311.01453) in the weighted form of active
    inference (Zrnic and Candès 2024, arXiv 2403.03208). l is tuned to the shortest interval and kept within 0 to 1,
    so a useless judge gets 0 and leaves the human rate. The variance is that of the linearised estimate over both
    samples together, summed within clusters, each cluster's part divided by 1 - its leverage on the mean and on l
    (CR3, Cameron and Miller 2015), with two degrees of freedom taken for these. It is never taken to be below 2 / (n G)
    for n labels from G clusters, about what one mistake either way that the sample happened to miss would add ("rule
    of three", ours). Where weights differ, n and G are the effective numbers (Kish).

    The note warns where the judge's rate on the reviewed outputs is not that of its population. None, with the reason,
    where an inclusion probability is unknown or 0, or with fewer than MIN_LABELS labels from
    MIN_CLUSTERS shoppers, or weights so uneven that these count like fewer than MIN_EFFECTIVE_CLUSTERS (Kish). Raises
    ValueError for lists of different length and for shoppers whom the judge never judged.
    """
    y, f = np.asarray(human, dtype=np.float64), np.asarray(judge, dtype=np.float64)
    if not len(y) == len(f) == len(inclusion) == len(clusters):
        raise ValueError("human, judge, inclusion and clusters need one entry for each reviewed output")
    n, n_clusters = len(y), len(set(clusters))
    refusal = _refusal_of_inclusion(inclusion) or refusal_of_size(n, n_clusters)
    if refusal:
        return Estimate.unknown(refusal, n, n_clusters)
    w = 1 / np.asarray(inclusion, dtype=np.float64)
    w /= w.sum()
    pulls = _pulls(y, f, w, clusters, judged)
    n_effective, clusters_effective = float(1 / (w**2).sum()), float(1 / (pulls.share**2).sum())
    if clusters_effective < MIN_EFFECTIVE_CLUSTERS:
        return Estimate.unknown(_refusal_of_weights(n_clusters, clusters_effective), n, n_clusters)
    tuning, leverage = _tuning(pulls)
    jackknifed = (pulls.people + tuning * pulls.machine) / np.maximum(1 - pulls.share - leverage, MIN_REST)
    variance = max(float((jackknifed**2).sum()), 2 / (n_effective * clusters_effective))
    half = t_quantile(int(clusters_effective) - 2, level) * math.sqrt(variance)
    value = min(1.0, max(0.0, float((w * y).sum()) + tuning * pulls.gap))
    return Estimate(value, max(0.0, value - half), min(1.0, value + half), n, n_clusters, _mismatch(pulls))


def labels_needed(
    half_width: float, *, rate: float = 0.5, correlation: float = 0.0, design_effect: float = 1.0, level: float = LEVEL
) -> int:
    """Labels that a uniform sample needs for an interval of ± half_width, before there are any data.

    half_width     0.03 for ±3 points
    rate           the expected rate; 0.5 is the worst case
    correlation    between the judge's verdict and the human label; the judge saves a share correlation² of the labels
    design_effect  variance against independent outputs, above 1 where a shopper's outputs resemble each other

    Raises ValueError for a half_width outside 0 to 0.5. Source: z² p(1-p)(1-r²) d / h², PPI++ with a large population.

    >>> labels_needed(0.03), labels_needed(0.03, rate=0.8, correlation=0.65)
    (1068, 395)
    """
    if not 0 < half_width <= 0.5:
        raise ValueError(f"half_width is a share between 0 and 0.5, not {half_width}")
    variance = rate * (1 - rate) * (1 - correlation**2) * design_effect
    return math.ceil(normal_quantile(level) ** 2 * variance / half_width**2)


def more_labels_needed(half_width: float, estimate: Estimate) -> int | None:
    """About how many labels more would bring an estimate's interval to ± half_width, going by the data so far.

    The width falls with the root of the labels; what the judge saves and how alike a shopper's outputs are is already
    in it. 0 where it is narrow enough, None without an interval. Raises ValueError for a half_width outside 0 to 0.5.
    """
    if not 0 < half_width <= 0.5:
        raise ValueError(f"half_width is a share between 0 and 0.5, not {half_width}")
    if estimate.half_width is None:
        return None
    return max(0, math.ceil(estimate.n * (estimate.half_width / half_width) ** 2) - estimate.n)


def inverse_weights(inclusion: Sequence[float | None]) -> list[float] | None:
    """1 / inclusion probability of each row, so that a sample speaks for its population; None where one is unknown."""
    known = [p for p in inclusion if p]
    return [1 / p for p in known] if len(known) == len(inclusion) else None


class _Pulls(NamedTuple):
    """What each cluster of the population adds to the error of the two means, (clusters,) each."""

    people: FloatArray  # on the human mean
    machine: FloatArray  # on mean(judge, all) - mean(judge, reviewed)
    share: FloatArray  # of the reviewed outputs' weight
    gap: float  # mean(judge, all) - mean(judge, reviewed) itself
    judge_all: float


def _pulls(y: FloatArray, f: FloatArray, w: FloatArray, clusters: Clusters, judged: Population) -> _Pulls:
    """Linearised contributions by cluster; w sums to 1."""
    places = {cluster: place for place, cluster in enumerate(judged)}
    strangers = {cluster for cluster in clusters if cluster not in places}
    if strangers:
        raise ValueError(f"reviewed but never judged: {', '.join(sorted(map(str, strangers)))}")
    totals = _totals(judged)
    codes = np.array([places[cluster] for cluster in clusters], dtype=np.intp)
    y_mean, f_mean = (w * y).sum(), (w * f).sum()
    n_all = totals[:, 0].sum()
    f_all = totals[:, 1].sum() / n_all
    people, reviewed, share = (
        np.bincount(codes, weights=part, minlength=len(totals)).astype(np.float64)
        for part in (w * (y - y_mean), w * (f - f_mean), w)
    )
    everything = (totals[:, 1] - totals[:, 0] * f_all) / n_all
    return _Pulls(people, everything - reviewed, share, float(f_all - f_mean), float(f_all))


def _tuning(pulls: _Pulls) -> tuple[float, FloatArray]:
    """The share 0 to 1 of the judge's correction that makes the variance smallest, and each cluster's leverage on it.

    The variance is quadratic in that share. At 0 or 1 no cluster alone decides it.
    """
    power = float((pulls.machine**2).sum())
    best = -float((pulls.people * pulls.machine).sum()) / power if power > 0 else 0.0
    if not 0 < best < 1:
        return min(1.0, max(0.0, best)), np.zeros_like(pulls.machine)
    return best, pulls.machine**2 / power


def _mismatch(pulls: _Pulls) -> str:
    """A warning where the reviewed outputs cannot be a sample of that population; empty where they can.

    By its inclusion probabilities the sample must reproduce what the judge said about everything.
    """
    # Where everything was reviewed both are the same but for rounding.
    if abs(pulls.gap) <= MISMATCH_ERRORS * math.sqrt(float((pulls.machine**2).sum())) + 1e-9:
        return ""
    return (
        f"the judge passed {pulls.judge_all:.0%} of all outputs but {pulls.judge_all - pulls.gap:.0%} of the reviewed "
        "ones, more than chance allows: check the inclusion probabilities and the population"
    )


def _totals(judged: Population) -> FloatArray:
    """(clusters, 2) outputs judged and verdicts summed, a row for each cluster."""
    rows = [(total.judged, total.passed) for total in judged.values()]
    if any(n <= 0 for n, _ in rows):
        raise ValueError("a cluster of the population has at least one judged output")
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


def _refusal_of_inclusion(inclusion: Sequence[float | None]) -> str:
    """Why these probabilities cannot carry an estimate; empty where they can."""
    missing = sum(p is None or math.isnan(p) or p <= 0 for p in inclusion)
    if missing:
        return (
            f"it is not known how probable it was to draw {missing} of the {len(inclusion)} labelled outputs for review"
        )
    if any(p is not None and p > 1 for p in inclusion):
        raise ValueError("an inclusion probability is at most 1")
    return ""


def _refusal_of_weights(n_clusters: int, effective: float) -> str:
    return (
        f"a few labels stand for most outputs: {n_clusters} shoppers count like {effective:.1f}, "
        f"and it takes {MIN_EFFECTIVE_CLUSTERS}"
    )


def refusal_of_size(n: int, n_clusters: int) -> str:
    """Why so many labelled outputs from so many shoppers are too few for an estimate; empty where they are not."""
    if n >= MIN_LABELS and n_clusters >= MIN_CLUSTERS:
        return ""
    return (
        f"it takes {MIN_LABELS} labelled outputs from {MIN_CLUSTERS} shoppers; so far there are {n} from {n_clusters}"
    )
