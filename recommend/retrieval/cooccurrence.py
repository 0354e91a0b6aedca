"""The collaborative arm: directed item co-occurrence with recency (a sequential ItemKNN). Pure numpy.

An item votes for those that shoppers took within a few steps after it; near ones count more, popular ones are damped;
a shopper's latest items vote loudest. On public leave-one-out data this plain model holds its own against published
neural ones, so it is the bar that any later tower has to clear.
"""

import io
from dataclasses import dataclass
from typing import Self
from uuid import UUID

import numpy as np

WINDOW = 10  # steps after an item within which another one co-occurs
POPULARITY_DAMPING = 0.25  # exponent on the follower's count
RECENCY_STEPS = 3.0  # an item's vote falls by 1/e per so many steps into the past
HISTORY_STEPS = 40  # older items have no measurable vote at that decay
MERGE_ABOVE = 50_000_000  # pairs held at once; 12 bytes each
MIN_COUNT = 3  # rarer items have no neighbours worth trusting


@dataclass(frozen=True)
class Cooccurrence:
    """Followers of every item, best first, as a sparse matrix in rows.

    items     (n,) 16-byte ids;  indptr (n + 1,);  followers (m,) row numbers;  weights (m,)
    """

    items: np.ndarray
    indptr: np.ndarray
    followers: np.ndarray
    weights: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rows", {bytes(item): row for row, item in enumerate(self.items.tolist())})

    def scores(self, history: list[UUID]) -> dict[UUID, float]:
        """Votes for items after `history` (oldest first), 0 to 1 with the best at 1; unknown items do not vote."""
        rows: dict[bytes, int] = self._rows  # type: ignore[attr-defined]
        total = np.zeros(len(self.items), dtype=np.float64)
        for age, item in enumerate(reversed(history[-HISTORY_STEPS:])):
            row = rows.get(item.bytes)
            if row is not None:
                span = slice(self.indptr[row], self.indptr[row + 1])
                # A row's own scale would let rare items shout: each item has one vote to share out.
                votes = self.weights[span]
                total[self.followers[span]] += np.exp(-age / RECENCY_STEPS) * votes / votes.sum()
        best = float(total.max(initial=0.0))
        if best == 0.0:
            return {}
        return {UUID(bytes=bytes(self.items[row])): float(total[row] / best) for row in np.flatnonzero(total)}

    def to_bytes(self) -> bytes:
        """A compressed archive of the arrays, as stored in the database."""
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer, items=self.items, indptr=self.indptr, followers=self.followers, weights=self.weights
        )
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return cls(arrays["items"], arrays["indptr"], arrays["followers"], arrays["weights"])


def fit(
    shoppers: np.ndarray, items: np.ndarray, ids: np.ndarray, *, n_followers: int = 50, window: int = WINDOW
) -> Cooccurrence:
    """Count who follows whom.

    shoppers  (n,) any integer per event, events of one shopper together and in order of time
    items     (n,) row number of the event's item in `ids`
    ids       (k,) 16-byte ids of the items ("S16" would strip zero bytes: dtype "V16")

    >>> ids = np.array([bytes([i] * 16) for i in (1, 2, 3)], dtype="V16")
    >>> model = fit(np.array([7, 7, 8, 8]), np.array([0, 1, 0, 1]), ids)
    >>> [int(row) for row in model.followers]
    [1]
    """
    n = len(ids)
    counts = np.bincount(items, minlength=n)
    keep = counts[items] >= min(MIN_COUNT, counts.max(initial=0))
    shoppers, items = shoppers[keep], items[keep].astype(np.int64)
    keys, weights = _pairs(shoppers, items, n, window)
    sources, followers = keys // n, keys % n
    weights = weights * np.maximum(counts[followers], 1) ** -POPULARITY_DAMPING
    order = np.lexsort((-weights, sources))
    sources, followers, weights = sources[order], followers[order], weights[order]
    indptr = np.searchsorted(sources, np.arange(n + 1))
    # Only each item's best followers are kept: the tail is long, and adds noise rather than reach.
    rank = np.arange(len(sources)) - indptr[sources]
    top = rank < n_followers
    indptr = np.searchsorted(sources[top], np.arange(n + 1))
    return Cooccurrence(ids, indptr, followers[top].astype(np.int32), weights[top].astype(np.float32))


def _pairs(shoppers: np.ndarray, items: np.ndarray, n: int, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Keys source * n + follower, each once, with its summed weight 1 / distance."""
    keys, weights = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.float32)]
    for distance in range(1, window + 1):
        same = (shoppers[:-distance] == shoppers[distance:]) & (items[:-distance] != items[distance:])
        keys.append(items[:-distance][same] * n + items[distance:][same])
        weights.append(np.full(len(keys[-1]), 1.0 / distance, dtype=np.float32))
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
