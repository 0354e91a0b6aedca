"""The collaborative arm: directed item co-occurrence with recency (a sequential ItemKNN). Pure numpy.

An item votes for those that shoppers took at the same moment or within a few events after it; near ones count more,
popular ones are damped; a shopper's latest items vote loudest. What is taken at once, as in a basket, has no order.
What shoppers take again has a vote for itself besides, as large as the share of its takings that were followed by
another: milk comes back, a film does not.

How it does beside its peers is measured in benchmarks/retrieval: it is the bar that any later tower has to clear.
"""

import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self
from uuid import UUID

import numpy as np

MERGE_ABOVE = 50_000_000  # pairs held at once; 12 bytes each
MIN_COUNT = 3  # rarer items have no neighbours worth trusting
SILENT_AFTER = 13  # times the recency: older moments have no measurable vote


@dataclass(frozen=True, slots=True)
class Shape:
    """How votes are counted. How the defaults were chosen: benchmarks/retrieval/README.md.

    window       events after an item within which another one co-occurs
    damping      exponent on the follower's count: 0 leaves popular items as they are
    recency      a vote falls by 1/e per so many moments into the past
    backward     weight of the pair in the other order: 0 is directed, 1 knows no order
    loyalty      weight of the votes for what shoppers take again
    habit        such a vote falls by 1/e per so many moments into the past
    n_followers  kept for each item
    """

    window: int = 10
    damping: float = 0.25
    recency: float = 3.0
    backward: float = 0.5
    loyalty: float = 1.0
    habit: float = 30.0
    n_followers: int = 100


_DEFAULT = Shape()


@dataclass(frozen=True)
class Cooccurrence:
    """Followers of every item, best first, as a sparse matrix in rows; and what is taken again.

    items      (n,) 16-byte ids;  indptr (n + 1,);  followers (m,) row numbers;  weights (m,)
    returns    (n,) weight of an item's vote for itself
    recency, habit  of votes for followers and for itself, in moments
    """

    items: np.ndarray
    indptr: np.ndarray
    followers: np.ndarray
    weights: np.ndarray
    returns: np.ndarray
    recency: float
    habit: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rows", {bytes(item): row for row, item in enumerate(self.items.tolist())})

    def scores(self, history: Sequence[Sequence[UUID]]) -> dict[UUID, float]:
        """Votes for items after `history`, 0 to 1 with the best at 1; unknown items do not vote.

        history  the items of every moment, oldest first
        """
        total = self.votes(history)
        best = float(total.max(initial=0.0))
        if best == 0.0:
            return {}
        return {UUID(bytes=bytes(self.items[row])): float(total[row] / best) for row in np.flatnonzero(total)}

    def votes(self, history: Sequence[Sequence[UUID]]) -> np.ndarray:
        """The votes for every item, (n,), in no scale."""
        total = np.zeros(len(self.items), dtype=np.float64)
        for row, again, next_to_it in self._voters(history):
            total[row] += again
            if next_to_it:
                span = self._span(row)
                total[self.followers[span]] += next_to_it * self.weights[span]
        return total

    def votes_for(self, item: UUID, history: Sequence[Sequence[UUID]]) -> dict[UUID, float]:
        """Who in `history` votes for `item`: each with its share of all votes for it, 0 to 1, the loudest first.

        The item itself is among them where it was taken before and comes back.
        """
        wanted = self._row_of.get(item.bytes)
        if wanted is None:
            return {}
        found: dict[int, float] = defaultdict(float)
        for row, again, next_to_it in self._voters(history):
            span = self._span(row)
            vote = again if row == wanted else 0.0
            vote += next_to_it * float(self.weights[span][self.followers[span] == wanted].sum())
            if vote > 0.0:
                found[row] += vote
        total = sum(found.values())
        loudest = sorted(found.items(), key=lambda entry: -entry[1])
        return {UUID(bytes=bytes(self.items[row])): vote / total for row, vote in loudest}

    @property
    def _row_of(self) -> dict[bytes, int]:
        rows: dict[bytes, int] = self._rows  # type: ignore[attr-defined]
        return rows

    def _span(self, row: int) -> slice:
        return slice(self.indptr[row], self.indptr[row + 1])

    def _voters(self, history: Sequence[Sequence[UUID]]) -> Iterator[tuple[int, float, float]]:
        """Of each item of a history its row, its vote for itself, and what each follower's weight is to count."""
        rows = self._row_of
        for age, moment in enumerate(reversed(history[-round(SILENT_AFTER * max(self.recency, self.habit)) :])):
            for row in (rows[item.bytes] for item in moment if item.bytes in rows):
                heard = 0.0
                if age < SILENT_AFTER * self.recency:
                    # A row's own scale would let rare items shout: each item has one vote to share out.
                    total = self.weights[self._span(row)].sum()
                    heard = float(np.exp(-age / self.recency) / total) if total else 0.0
                yield row, float(np.exp(-age / self.habit) * self.returns[row]), heard

    def to_bytes(self) -> bytes:
        """A compressed archive of the arrays, as stored in the database."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **{name: getattr(self, name) for name in _STORED})
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read such an archive. One from before there were returns has none, and the recency of then."""
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in _STORED if name in stored.files}
        arrays.setdefault("returns", np.zeros(len(arrays["items"]), dtype=np.float32))
        recency, habit = (float(arrays.pop(name, np.float64(3.0))) for name in ("recency", "habit"))
        return cls(**arrays, recency=recency, habit=habit)


_STORED = ("items", "indptr", "followers", "weights", "returns", "recency", "habit")


def fit(
    shoppers: np.ndarray, items: np.ndarray, moments: np.ndarray, ids: np.ndarray, *, shape: Shape = _DEFAULT
) -> Cooccurrence:
    """Count who follows whom.

    shoppers  (n,) any integer per event, events of one shopper together and in order of time
    items     (n,) row number of the event's item in `ids`
    moments   (n,) any integer per event, the same for events of one shopper that happened at once
    ids       (k,) 16-byte ids of the items ("S16" would strip zero bytes: dtype "V16")

    >>> ids = np.array([bytes([i] * 16) for i in (1, 2, 3)], dtype="V16")
    >>> shoppers, items, moments = np.array([7, 7, 8, 8]), np.array([0, 1, 0, 1]), np.array([1, 2, 1, 2])
    >>> model = fit(shoppers, items, moments, ids, shape=Shape(backward=0.0))
    >>> [int(row) for row in model.followers]
    [1]
    """
    n = len(ids)
    counts = np.bincount(items, minlength=n)
    keep = counts[items] >= min(MIN_COUNT, counts.max(initial=0))
    steps = _steps(shoppers, moments)
    keys, weights = _pairs(shoppers[keep], items[keep].astype(np.int64), steps[keep], n, shape)
    sources, followers = keys // n, keys % n
    weights = weights * np.maximum(counts[followers], 1) ** -shape.damping
    order = np.lexsort((-weights, sources))
    sources, followers, weights = sources[order], followers[order], weights[order]
    indptr = np.searchsorted(sources, np.arange(n + 1))
    # Only each item's best followers are kept: the tail is long, and adds noise rather than reach.
    rank = np.arange(len(sources)) - indptr[sources]
    top = rank < shape.n_followers
    return Cooccurrence(
        ids,
        np.searchsorted(sources[top], np.arange(n + 1)),
        followers[top].astype(np.int32),
        weights[top].astype(np.float32),
        (shape.loyalty * _returns(shoppers, items, steps, counts)).astype(np.float32),
        shape.recency,
        shape.habit,
    )


def _returns(shoppers: np.ndarray, items: np.ndarray, steps: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The share of each item's takings after which the same shopper took it at a later moment: (n_items,), 0 to 1."""
    order = np.lexsort((steps, items, shoppers))
    last = order[1:]
    again = (
        (shoppers[order[:-1]] == shoppers[last])
        & (items[order[:-1]] == items[last])
        & (steps[order[:-1]] != steps[last])
    )
    returned = np.bincount(items[order[:-1]], weights=again, minlength=len(counts))
    share: np.ndarray = returned / np.maximum(counts, 1)
    return share


def _steps(shoppers: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """A number per event that rises by one with each new moment of a shopper."""
    if not len(shoppers):
        return np.empty(0, dtype=np.int64)
    is_new = (np.diff(shoppers) != 0) | (np.diff(moments) != 0)
    return np.concatenate([[0], np.cumsum(is_new)])


def _pairs(
    shoppers: np.ndarray, items: np.ndarray, steps: np.ndarray, n: int, shape: Shape
) -> tuple[np.ndarray, np.ndarray]:
    """Keys source * n + follower, each once, with its summed weight: 1 / moments between, 1 within a moment."""
    keys, weights = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.float32)]
    for distance in range(1, shape.window + 1):
        apart = steps[distance:] - steps[:-distance]
        pairs = (shoppers[:-distance] == shoppers[distance:]) & (items[:-distance] != items[distance:])
        first, second, apart = items[:-distance][pairs], items[distance:][pairs], apart[pairs]
        weight = (1.0 / np.maximum(apart, 1)).astype(np.float32)
        back = weight * np.where(apart == 0, 1.0, shape.backward).astype(np.float32)
        keys += [first * n + second, (second * n + first)[back > 0]]
        weights += [weight, back[back > 0]]
        # One sort for all is fastest; merged on the way once the pairs seen would fill the memory.
        if sum(map(len, keys)) > MERGE_ABOVE:
            merged, summed = _merged(keys, weights)
            keys, weights = [merged], [summed]
    return _merged(keys, weights)


def _merged(keys: list[np.ndarray], weights: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    every = np.concatenate(keys)
    order = np.argsort(every, kind="stable")
    every, values = every[order], np.concatenate(weights)[order]
    first = np.flatnonzero(np.diff(every, prepend=-1))
    return every[first], np.add.reduceat(values, first) if len(first) else values
