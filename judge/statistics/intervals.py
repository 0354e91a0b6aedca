"""Estimates with intervals, for rows that come in clusters.

The unit that is sampled is a generation, and a shopper may have several: outputs of one shopper resemble each other, so
a formula for independent rows promises too much. Every interval here counts clusters (shoppers). All of them are
two-sided at 95 % unless `level` says otherwise.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
Clusters = Sequence[Hashable]

LEVEL = 0.95
N_RESAMPLES = 1000
# Ours: resamples of fewer clusters are too much alike, and their interval is far too short.
MIN_CLUSTERS = 10
# A percentile interval over resamples of which this share has no value would describe the others only.
MAX_UNDEFINED_SHARE = 0.2
# Resamples are drawn in batches of at most this many numbers, which bounds memory at some 100 MB.
MAX_CELLS = 4_000_000

NOTHING_COMPARED = "nothing was compared"
ONE_CLUSTER = "all of it is from one shopper, so it cannot be said how much others differ"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, how sure it is, and what it rests on; or the reason in words why there is none.

    value, low, high   the figure and its interval, in the figure's own unit; None where not computable
    n, n_clusters      rows and clusters that it rests on
    note               why a part of it is None, or what to bear in mind; may be empty where nothing is None
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    n_clusters: int
    note: str = ""

    def __post_init__(self) -> None:
        if (self.low is None) != (self.high is None):
            raise ValueError("an interval has two ends or none")
        if self.value is None and self.low is not None:
            raise ValueError("an interval needs a value")
        if self.low is None and not self.note:
            raise ValueError("what is not computable needs a reason in words")

    @classmethod
    def unknown(cls, reason: str, n: int = 0, n_clusters: int = 0) -> "Estimate":
        """No figure, and why."""
        return cls(None, None, None, n, n_clusters, reason)

    @property
    def half_width(self) -> float | None:
        """Half the length of the interval, None where there is none."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


def normal_quantile(level: float = LEVEL) -> float:
    """The z with `level` of the standard normal within ±z: 1.96 for 95 %. Raises ValueError outside (0, 1)."""
    if not 0 < level < 1:
        raise ValueError(f"a level lies between 0 and 1, not {level}")
    return NormalDist().inv_cdf((1 + level) / 2)


def t_quantile(degrees: int, level: float = LEVEL) -> float:
    """The t with `level` of Student's distribution within ±t.

    Exact for 1 and 2 degrees of freedom, else the expansion 26.7.5 of Abramowitz and Stegun (1964): at 95 % within
    0.1 % from 4 degrees on. Raises ValueError below one degree.
    """
    z = normal_quantile(level)
    if degrees < 1:
        raise ValueError(f"Student's distribution needs at least one degree of freedom, not {degrees}")
    if degrees == 1:
        return math.tan(math.pi * level / 2)
    if degrees == 2:
        return level * math.sqrt(2 / (1 - level**2))
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum((term / float(degrees) ** power for power, term in enumerate(terms, start=1)), 0.0)


def t_cdf(t: float, degrees: int) -> float:
    """The probability that Student's t is at most `t`, exact for any whole number of degrees.

    Raises ValueError below one degree. Source: Abramowitz and Stegun (1964), 26.7.3 and 26.7.4.
    """
    if degrees < 1:
        raise ValueError(f"Student's distribution needs at least one degree of freedom, not {degrees}")
    angle = math.atan(abs(t) / math.sqrt(degrees))
    cosine = math.cos(angle)
    odd = degrees % 2
    term, total = (cosine if odd else 1.0), 0.0
    for step in range(1 + odd, degrees, 2):
        total += term
        term *= cosine * cosine * step / (step + 1)
    within = 2 / math.pi * (angle + math.sin(angle) * total) if odd else math.sin(angle) * total
    return (1 + math.copysign(within, t)) / 2


def cluster_codes(clusters: Clusters | None, n: int) -> tuple[IntArray, int]:
    """Clusters numbered from 0 by first appearance: (n,) codes and how many there are; None makes each row its own.

    Raises ValueError unless there is one cluster for each of the n rows.
    """
    if clusters is None:
        return np.arange(n, dtype=np.intp), n
    if len(clusters) != n:
        raise ValueError(f"{len(clusters)} clusters for {n} rows")
    numbers: dict[Hashable, int] = {}
    codes = np.fromiter((numbers.setdefault(cluster, len(numbers)) for cluster in clusters), np.intp, n)
    return codes, len(numbers)


def wilson(successes: float, n: float, level: float = LEVEL) -> tuple[float, float]:
    """Wilson's score interval for a proportion: (low, high) within 0 to 1.

    `n` need not be whole: an effective number of independent rows is one. Raises ValueError unless
    0 <= successes <= n and n > 0. Source: Wilson (1927), JASA 22, 209–212.
    """
    if n <= 0 or not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is not a proportion")
    z2 = normal_quantile(level) ** 2
    p = successes / n
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def proportion(
    values: ArrayLike, clusters: Clusters | None = None, weights: ArrayLike | None = None, level: float = LEVEL
) -> Estimate:
    """Mean of values within 0 to 1, with a cluster-robust Wilson interval.

    values    (n,) 0 or 1, or a share where several people rated one output
    clusters  (n,) ids; None makes each row its own cluster, which gives Wilson's interval itself
    weights   (n,) above 0, such as 1 / inclusion probability; None weighs all the same

    Wilson's interval is taken at the effective sample size p(1-p)/v, where v is the cluster-robust variance of the
    mean, at most n, lowered for few clusters by (z/t)² with one degree of freedom less than (effective) clusters (Korn
    and Graubard 1998, Survey Methodology 24, 193–201). Where all are 0 or all are 1, v says nothing; then clusters are
    counted as if each were one row.

    Raises ValueError for values outside 0 to 1 or weights not above 0.
    """
    x, w = _checked(values, weights)
    if ((x < 0) | (x > 1)).any():
        raise ValueError("a proportion needs values within 0 to 1")
    n = len(x)
    if n == 0:
        return Estimate.unknown("nothing was counted")
    codes, n_clusters = cluster_codes(clusters, n)
    mean, variance = mean_and_variance(x, w, codes, n_clusters)
    if n_clusters == 1:
        return Estimate(mean, None, None, n, 1, ONE_CLUSTER)
    if n_clusters == n and (w == w[0]).all() and np.isin(x, (0, 1)).all():
        return Estimate(mean, *wilson(float(x.sum()), n, level), n, n)
    n_kish = float(w.sum() ** 2 / (w**2).sum())
    interval = proportion_interval(mean, variance, n_kish, effective_clusters(w, codes), level)
    return Estimate(mean, *interval, n, n_clusters)


def proportion_interval(
    mean: float, variance: float, n: float, n_clusters: float, level: float = LEVEL
) -> tuple[float, float]:
    """Wilson's interval for a mean within 0 to 1 of known cluster-robust variance: (low, high); see `proportion`.

    n, n_clusters  rows and clusters, or their effective numbers where weights differ
    """
    few = (normal_quantile(level) / t_quantile(max(1, int(n_clusters - 1)), level)) ** 2
    if not 0 < mean < 1:
        n_effective = min(n_clusters, n)
    else:
        n_effective = few * (min(mean * (1 - mean) / variance, n) if variance > 0 else n)
    return wilson(min(mean * n_effective, n_effective), n_effective, level)


def clustered_mean(
    values: ArrayLike, clusters: Clusters | None = None, weights: ArrayLike | None = None, level: float = LEVEL
) -> Estimate:
    """Weighted mean sum(w x) / sum(w) with the cluster-robust (sandwich) interval.

    values (n,) in any unit, which the estimate keeps; clusters and weights as in `proportion`.

    The variance is that of the linearised ratio, summed within clusters, each cluster's part divided by 1 - its share
    of the weight (CR3, the jackknife over clusters: Cameron and Miller 2015, Journal of Human Resources 50, 317–372).
    The interval has one degree of freedom less than (effective) clusters. Without any spread it is None.

    Raises ValueError for weights not above 0.
    """
    x, w = _checked(values, weights)
    n = len(x)
    if n == 0:
        return Estimate.unknown("nothing was measured")
    codes, n_clusters = cluster_codes(clusters, n)
    mean, variance = mean_and_variance(x, w, codes, n_clusters)
    if n_clusters == 1:
        return Estimate(mean, None, None, n, 1, ONE_CLUSTER)
    if variance == 0:
        return Estimate(mean, None, None, n, n_clusters, "all values are the same, so there is no spread to go by")
    half = t_quantile(max(1, int(effective_clusters(w, codes) - 1)), level) * math.sqrt(variance)
    return Estimate(mean, mean - half, mean + half, n, n_clusters)


def bootstrap_of_sums(
    contributions: FloatArray,
    clusters: Clusters | None,
    statistic: Callable[[FloatArray], FloatArray],
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> Estimate:
    """The cluster bootstrap of a statistic that depends on the rows only through sums.

    contributions  (n, m) what each row adds to the m sums
    statistic      (r, m) sums of r resamples -> (r,) values, NaN where not defined

    Clusters that add the same are interchangeable, so a resample draws how often each *pattern* occurs (one multinomial
    draw) rather than each cluster; the distribution is exactly that of resampling clusters one by one. The same seed
    gives the same interval; below MIN_CLUSTERS there is none. Source: Efron and Tibshirani (1993), chapters 8 and 13.
    """
    n = len(contributions)
    codes, n_clusters = cluster_codes(clusters, n)
    if n == 0:
        return Estimate.unknown(NOTHING_COMPARED)
    totals = np.zeros((n_clusters, contributions.shape[1]))
    np.add.at(totals, codes, contributions)
    value = float(statistic(totals.sum(axis=0, keepdims=True))[0])
    if n_clusters < MIN_CLUSTERS:
        return _percentile(value, np.empty(0), n, n_clusters, level)
    patterns, counts = np.unique(totals, axis=0, return_counts=True)
    rng = np.random.default_rng(seed)
    batch = max(1, MAX_CELLS // len(patterns))
    draws = [
        statistic(rng.multinomial(n_clusters, counts / n_clusters, size=min(batch, n_resamples - start)) @ patterns)
        for start in range(0, n_resamples, batch)
    ]
    return _percentile(value, np.concatenate(draws), n, n_clusters, level)


def _percentile(value: float, draws: FloatArray, n: int, n_clusters: int, level: float) -> Estimate:
    """The estimate whose interval holds the middle `level` of the draws that have a value."""
    if math.isnan(value):
        return Estimate.unknown("not defined for these rows", n, n_clusters)
    if n_clusters == 1:
        return Estimate(value, None, None, n, 1, ONE_CLUSTER)
    if n_clusters < MIN_CLUSTERS:
        few = f"an interval takes {MIN_CLUSTERS} shoppers, and these are {n_clusters}"
        return Estimate(value, None, None, n, n_clusters, few)
    defined = draws[~np.isnan(draws)]
    if len(defined) < (1 - MAX_UNDEFINED_SHARE) * len(draws):
        return Estimate(value, None, None, n, n_clusters, "too few different rows for an interval")
    low, high = np.quantile(defined, ((1 - level) / 2, (1 + level) / 2))
    return Estimate(value, float(low), float(high), n, n_clusters)


def _checked(values: ArrayLike, weights: ArrayLike | None) -> tuple[FloatArray, FloatArray]:
    x = np.asarray(values, dtype=np.float64)
    w = np.ones_like(x) if weights is None else np.asarray(weights, dtype=np.float64)
    if x.ndim != 1 or w.shape != x.shape:
        raise ValueError(f"values and weights are two lists of one length, not {x.shape} and {w.shape}")
    if not np.isfinite(x).all():
        raise ValueError("values must be finite numbers")
    if not (np.isfinite(w).all() and (w > 0).all()):
        raise ValueError("weights must be finite and above 0")
    return x, w


def mean_and_variance(x: FloatArray, w: FloatArray, codes: IntArray, n_clusters: int) -> tuple[float, float]:
    """Weighted mean and its cluster-robust variance (CR3); the variance is 0 for a single cluster."""
    # Rounding must not turn equal values into a tiny spread.
    if np.ptp(x) == 0:
        return float(x[0]), 0.0
    mean = float((w * x).sum() / w.sum())
    if n_clusters < 2:
        return mean, 0.0
    share = np.bincount(codes, weights=w / w.sum(), minlength=n_clusters)
    pull = np.bincount(codes, weights=w / w.sum() * (x - mean), minlength=n_clusters)
    return mean, float((n_clusters - 1) / n_clusters * ((pull / (1 - share)) ** 2).sum())


def effective_clusters(w: FloatArray, codes: IntArray) -> float:
    """As how many clusters of one weight these count (Kish); at most the number of clusters."""
    totals = np.bincount(codes, weights=w)
    return float(totals.sum() ** 2 / (totals**2).sum())
