"""From scored items to the list that is offered: steps that are put together in any order. Pure.

A step takes scored items, best first, and returns some of them, in its own order.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import numpy as np

from recommend.retrieval.fusion import Scored

Step = Callable[[Sequence[Scored]], list[Scored]]
Taken = Literal["recent", "ever", "offered"]
TAKEN: tuple[Taken, ...] = ("recent", "ever", "offered")


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be offered.

    categories     names of any level, as the catalogue has them; only items in one of them. None: all
    taken          items that the shopper has taken already are left out if "recent" (of the past month) or "ever"
                   taken, or "offered" again
    in_stock_only  leave out items whose attribute `in_stock` is false
    diversity      0 to 1: how much likeness to what is higher in the list costs (maximal marginal relevance)

    Raises ValueError for a value outside these.
    """

    categories: tuple[str, ...] = ()
    taken: Taken = "recent"
    in_stock_only: bool = False
    diversity: float = 0.0

    def __post_init__(self) -> None:
        if self.taken not in TAKEN:
            raise ValueError(f"taken is {self.taken!r}; it is one of {', '.join(TAKEN)}.")
        if not 0.0 <= self.diversity <= 1.0:
            raise ValueError(f"diversity is {self.diversity}; it lies between 0 and 1.")


def select(items: Sequence[Scored], steps: Sequence[Step]) -> list[Scored]:
    """The items after all steps, in their order."""
    chosen = list(items)
    for step in steps:
        chosen = step(chosen)
    return chosen


def without(item_ids: Iterable[UUID]) -> Step:
    """Leave these items out, such as what is out of stock."""
    left_out = frozenset(item_ids)
    return lambda items: [item for item in items if item.item_id not in left_out]


def in_categories(names: Collection[str], paths: Mapping[UUID, Sequence[str]]) -> Step:
    """Only items with one of these names in their category path; an item without a path is in none."""
    wanted = frozenset(names)
    return lambda items: [item for item in items if not wanted.isdisjoint(paths.get(item.item_id, ()))]


def at_most_per_group(n: int, groups: Mapping[UUID, str]) -> Step:
    """At most `n` items of one group, the first of each; what makes items alike is the caller's to say."""

    def step(items: Sequence[Scored]) -> list[Scored]:
        taken: dict[str, int] = {}
        chosen: list[Scored] = []
        for item in items:
            group = groups[item.item_id]
            taken[group] = taken.get(group, 0) + 1
            if taken[group] <= n:
                chosen.append(item)
        return chosen

    return step


def diverse(weight: float, vectors: Mapping[UUID, np.ndarray], n: int) -> Step:
    """The best `n` by maximal marginal relevance: each next item by (1 - weight) score - weight likeness.

    vectors  unit vectors; likeness is the largest cosine to an item that is chosen already, 0 without a vector

    The scores stay as they were: what changes is the order. Source: Carbonell and Goldstein (1998), The use of MMR,
    with lambda = 1 - weight.
    """

    def step(items: Sequence[Scored]) -> list[Scored]:
        size = len(next(iter(vectors.values()), ()))
        nothing = np.zeros(size)
        matrix = np.array([vectors.get(item.item_id, nothing) for item in items]).reshape(len(items), size)
        scores = np.array([item.score for item in items])
        # Nothing is chosen yet, so the first is the best by score.
        likeness = np.zeros(len(items))
        order: list[int] = []
        for _ in range(min(n, len(items))):
            marginal = (1 - weight) * scores - weight * likeness
            marginal[order] = -np.inf
            best = int(np.argmax(marginal))
            cosines = matrix @ matrix[best]
            likeness = cosines if not order else np.maximum(likeness, cosines)
            order.append(best)
        return [items[number] for number in order]

    return step


def first(n: int) -> Step:
    """The first `n`."""
    return lambda items: list(items[:n])
