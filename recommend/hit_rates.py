"""How often the categories of a shopper's tags hold what the shopper takes next (V1 report, HR@30). Pure."""

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

K = 30
C = TypeVar("C", bound=Hashable)


def hit_rate(predicted: Mapping[str, Sequence[C]], actual: Mapping[str, Sequence[C]], k: int = K) -> float:
    """HR@K: share of shoppers whose next interaction is of a category among those of their first K tags.

    predicted   shopper -> category of each tag, the best tag first; a shopper left out is a miss
    actual      shopper -> category of each item of the next interaction; where a basket took several at one moment,
                nobody knows which came first, and the shopper counts by the share of them that is hit

    Returns 0 to 1. Raises ValueError where `actual` is empty, as no rate is defined then. Source: V1 report, HR@30.

    >>> hit_rate({"1": ["tents", "stoves"], "2": ["cups"]}, {"1": ["tents"], "2": ["shoes", "cups"]})
    0.75
    """
    if not actual:
        raise ValueError("There is no next interaction to be hit.")
    hits = [
        sum(category in set(predicted.get(shopper, ())[:k]) for category in taken) / len(taken)
        for shopper, taken in actual.items()
    ]
    return sum(hits) / len(hits)
