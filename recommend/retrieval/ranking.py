"""HR@K and NDCG@K of one shopper's ranking, in expectation where scores are tied. Pure numpy."""

import numpy as np

MOST_PLACES = 100
_DISCOUNTS = 1.0 / np.log2(np.arange(2, MOST_PLACES + 2))


def hit_and_gain(scores: np.ndarray, targets: np.ndarray, k: int) -> tuple[float, float]:
    """Chance that a target is among the best `k`, and the expected NDCG@k; both 0 to 1.

    scores   (n,) one of each item, higher is better; -inf is not offered
    targets  numbers of the items that were taken, each once; one of n or more is outside the catalogue, a miss

    Tied items come in every order alike: who cannot tell items apart gets what guessing gets. Raises ValueError
    without targets, as nothing is defined then, and for a k outside 1 to MOST_PLACES.

    >>> hit, gain = hit_and_gain(np.array([0.0, 0.0, 1.0]), np.array([0]), 2)
    >>> hit, round(gain, 4)  # the second place or the third: half of 1 / log2(3)
    (0.5, 0.3155)
    """
    if not len(targets):
        raise ValueError("without targets no rate is defined")
    if not 1 <= k <= MOST_PLACES:
        raise ValueError(f"k is {k}; it lies between 1 and {MOST_PLACES}")
    offered = targets[targets < len(scores)]
    offered = offered[scores[offered] > -np.inf]
    above = np.array([np.count_nonzero(scores > scores[target]) for target in offered], dtype=np.int64)
    tied = np.array([np.count_nonzero(scores == scores[target]) for target in offered], dtype=np.int64)
    gain = sum(float(_DISCOUNTS[a : min(a + t, k)].sum()) / int(t) for a, t in zip(above, tied, strict=True) if a < k)
    return 1.0 - _chance_of_none(above, tied, k), gain / float(_DISCOUNTS[: min(k, len(targets))].sum())


def _chance_of_none(above: np.ndarray, tied: np.ndarray, k: int) -> float:
    """That no target falls into the first k places."""
    if np.any(above + tied <= k):
        return 0.0
    # At most one group of tied items lies across the last place; its members share the places that are left.
    across = above < k
    m = int(np.count_nonzero(across))
    if m == 0:
        return 1.0
    n, places = int(tied[across][0]), k - int(above[across][0])
    return float(np.prod([max(0, n - m - i) / (n - i) for i in range(places)]))
