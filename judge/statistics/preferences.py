"""Which of two populations' answers people prefer, and how far the side that an answer stood on moved them.

A row is one person's choice between the answers of one pair. Where several people compared a pair, it counts once, with
the mean of their choices; a pair weighs 1 / its inclusion probability. Intervals count shoppers, as everywhere.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from judge.statistics.agreement import krippendorff_alpha
from judge.statistics.intervals import Estimate, FloatArray, bootstrap_of_sums, proportion, wilson
from judge.statistics.rates import inverse_weights

Choice = Literal["a", "b", "both", "neither"]
CHOICES: tuple[Choice, ...] = ("a", "b", "both", "neither")

NOTHING = "nothing was compared yet"
ALIKE = "every pair says the same, so there is no spread to go by"
ALL_TIES = "every choice was a tie"
NO_SECOND = "no pair was compared by two people"
NOT_DRAWN = "it is not known how probable it was to draw some of these pairs, so they stand for no population"


@dataclass(frozen=True, slots=True)
class Compared:
    """One person's choice.

    inclusion  the pair's inclusion probability, above 0 and at most 1; None where it is not known
    """

    pair: Hashable
    rater: Hashable
    cluster: Hashable
    choice: Choice
    a_was_left: bool
    inclusion: float | None


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the choices of a campaign come to; shares are 0 to 1.

    win_rate       of A over B, a tie as half a win for each
    win_decided    of A over B, among the choices that were no tie
    ties           share of choices that were one: both good, or both bad
    left           share of the choices that were no tie that fell on the left answer; .5 without a position bias
    same           two people on one pair: share that chose the same of the four
    alpha          Krippendorff's alpha of the four choices
    counts         choices by what was chosen
    """

    n_pairs: int
    n_choices: int
    n_shoppers: int
    n_raters: int
    counts: dict[Choice, int]
    win_rate: Estimate
    win_decided: Estimate
    ties: Estimate
    left: Estimate
    same: Estimate
    alpha: Estimate


def preferences(rows: Iterable[Compared], seed: int = 0) -> Preferences:
    """All figures of some choices. Without an inclusion probability of each pair nothing is estimated of a population;
    how far people agree among themselves is said all the same.
    """
    found = list(rows)
    pairs = _by_pair(found)
    clusters = [of_pair[0].cluster for of_pair in pairs]
    weights = _weights(pairs)

    def ratio(of: Sequence[tuple[float, float]], undefined: str) -> Estimate:
        if not pairs:
            return Estimate.unknown(NOTHING)
        n_clusters = len(set(clusters))
        if weights is None:
            return Estimate.unknown(NOT_DRAWN, len(pairs), n_clusters)
        parts = np.asarray(of, dtype=np.float64) * np.asarray(weights)[:, None]
        if not parts[:, 1].any():
            return Estimate.unknown(undefined, len(pairs), n_clusters)
        counted = {cluster for cluster, part in zip(clusters, parts, strict=True) if part[1] > 0}
        return _with_spread(bootstrap_of_sums(parts, clusters, _ratio, seed=seed), len(counted))

    return Preferences(
        n_pairs=len(pairs),
        n_choices=len(found),
        n_shoppers=len(set(clusters)),
        n_raters=len({one.rater for one in found}),
        counts={choice: sum(one.choice == choice for one in found) for choice in CHOICES},
        win_rate=ratio([(_share(one, "a") + _tied(one) / 2, 1.0) for one in pairs], NOTHING),
        win_decided=ratio([(_share(one, "a"), 1 - _tied(one)) for one in pairs], ALL_TIES),
        ties=ratio([(_tied(one), 1.0) for one in pairs], NOTHING),
        left=ratio([(_left(one), 1 - _tied(one)) for one in pairs], ALL_TIES),
        same=_same(pairs),
        alpha=_alpha(pairs, seed),
    )


def _with_spread(found: Estimate, n_clusters: int) -> Estimate:
    """Where every pair says the same, resamples do too, and would promise certainty. Of a share that is 0 or 1 Wilson's
    interval then counts each shopper as one row, as `proportion` does; of any other there is none.
    """
    if found.value is None or found.low is None or found.low != found.high:
        return found
    if found.value in (0, 1):
        low, high = wilson(found.value * n_clusters, n_clusters)
        return replace(found, low=low, high=high)
    return replace(found, low=None, high=None, note=ALIKE)


def _by_pair(rows: Iterable[Compared]) -> list[list[Compared]]:
    found: defaultdict[Hashable, list[Compared]] = defaultdict(list)
    for one in rows:
        found[one.pair].append(one)
    return list(found.values())


def _share(of_pair: Sequence[Compared], choice: Choice) -> float:
    return sum(one.choice == choice for one in of_pair) / len(of_pair)


def _tied(of_pair: Sequence[Compared]) -> float:
    return _share(of_pair, "both") + _share(of_pair, "neither")


def _left(of_pair: Sequence[Compared]) -> float:
    return sum(one.choice == ("a" if one.a_was_left else "b") for one in of_pair) / len(of_pair)


def _ratio(sums: FloatArray) -> FloatArray:
    found: FloatArray = np.divide(sums[:, 0], sums[:, 1], out=np.full(len(sums), np.nan), where=sums[:, 1] > 0)
    return found


def _same(pairs: Sequence[Sequence[Compared]]) -> Estimate:
    """Each pair counts once, by the share of its couples of people who chose the same."""
    twice = [one for one in pairs if len(one) > 1]
    if not twice:
        return Estimate.unknown(NO_SECOND)
    counts = [Counter(one.choice for one in of_pair) for of_pair in twice]
    shares = [sum(n * (n - 1) for n in one.values()) / (one.total() * (one.total() - 1)) for one in counts]
    return proportion(shares, [one[0].cluster for one in twice], _weights(twice))


def _alpha(pairs: Sequence[Sequence[Compared]], seed: int) -> Estimate:
    twice = [one for one in pairs if len(one) > 1]
    if not twice:
        return Estimate.unknown(NO_SECOND)
    most = max(len(one) for one in twice)
    # Nominal alpha asks only how often each choice was made of a pair, not by whom: so the columns need be nobody's.
    ratings = [[one.choice for one in of_pair] + [None] * (most - len(of_pair)) for of_pair in twice]
    clusters = [one[0].cluster for one in twice]
    return krippendorff_alpha(ratings, clusters, labels=CHOICES, weights=_weights(twice), seed=seed)


def _weights(pairs: Sequence[Sequence[Compared]]) -> list[float] | None:
    return inverse_weights([of_pair[0].inclusion for of_pair in pairs])
