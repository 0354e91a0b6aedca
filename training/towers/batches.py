"""What the losses are fed: positives, what the shopper took before, and sampled negatives. Pure numpy.

A positive is the first time that a shopper takes an item: what comes back is told by co-occurrence already, and where
much does it would outnumber what is new. Before it lies everything that the shopper took at earlier moments.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from recommend.towers.features import CATEGORY
from recommend.towers.log import Log
from recommend.towers.served import SEQUENCE


@dataclass(frozen=True)
class Batch:
    """One step's rows.

    shoppers, items  (B,) of the positives; shoppers from 1, and 0 where the towers are not told who it is
    bags, offsets    of each kind the items of all sequences one after the other, and where each row's begin (B,)
    likes            (B,) another item of the positive's category; the item itself where there is no other
    negatives        (N,) items
    is_taken         (B, N) whether the shopper takes the negative at any time: then it is none
    is_alike         (B, N) whether the negative is of the positive's category
    """

    shoppers: np.ndarray
    items: np.ndarray
    bags: list[np.ndarray]
    offsets: list[np.ndarray]
    likes: np.ndarray
    negatives: np.ndarray
    is_taken: np.ndarray
    is_alike: np.ndarray


class Batches:
    """Draws batches of a log, the same for the same seed."""

    def __init__(self, log: Log, *, size: int, n_negatives: int, unnamed: float, seed: int) -> None:
        self._log, self._size, self._n_negatives, self._unnamed = log, size, n_negatives, unnamed
        self._rng = np.random.default_rng(seed)
        self._sequences = Sequences(log)
        keys = log.shoppers * len(log.codes) + log.items
        self._taken, first = np.unique(keys, return_index=True)  # the log is in order of time
        started = self._sequences.began[first] > self._sequences.starts[log.shoppers[first]]
        self.positives = np.sort(first[started])  # without anything before it there is nobody to learn from
        self._by_category = np.argsort(log.codes[:, CATEGORY], kind="stable")
        sorted_codes = log.codes[self._by_category, CATEGORY]
        self._low = np.searchsorted(sorted_codes, log.codes[:, CATEGORY], side="left")
        self._high = np.searchsorted(sorted_codes, log.codes[:, CATEGORY], side="right")

    def __iter__(self) -> Iterator[Batch]:
        """One pass over all positives, in a new order; what does not fill a batch is left out."""
        order = self._rng.permutation(self.positives)
        for at in range(0, max(len(order) - self._size, 0) + 1, self._size):
            yield self._batch(order[at : at + self._size])

    def _batch(self, events: np.ndarray) -> Batch:
        log, codes = self._log, self._log.codes[:, CATEGORY]
        shoppers, items = log.shoppers[events], log.items[events]
        n = min(self._n_negatives, len(codes))
        negatives = self._rng.choice(len(codes), n, replace=False)
        keys = shoppers[:, None] * len(codes) + negatives[None, :]
        places = np.minimum(np.searchsorted(self._taken, keys), len(self._taken) - 1)
        bags, offsets = self._sequences.before(shoppers, self._sequences.began[events])
        likes = self._by_category[self._rng.integers(self._low[items], self._high[items])]
        named = self._rng.random(len(events)) >= self._unnamed
        return Batch(
            (shoppers + 1) * named,
            items,
            bags,
            offsets,
            likes,
            negatives,
            self._taken[places] == keys,
            codes[negatives][None, :] == codes[items][:, None],
        )


class Sequences:
    """Of every shopper and kind the items in order of time."""

    def __init__(self, log: Log) -> None:
        n = np.arange(len(log.shoppers))
        is_new = np.ones(len(n), dtype=bool)
        is_new[1:] = (np.diff(log.shoppers) != 0) | (np.diff(log.moments) != 0)
        # of each event the first of its moment: what comes before that is what was known then
        self.began = np.maximum.accumulate(np.where(is_new, n, 0)) if len(n) else n
        self.starts = np.searchsorted(log.shoppers, np.arange(len(log.shopper_ids)))
        self._ends = np.searchsorted(log.shoppers, np.arange(len(log.shopper_ids)), side="right")
        self._events = [np.flatnonzero(log.how == kind) for kind in range(len(log.kinds))]
        self._items = log.items

    def before(self, shoppers: np.ndarray, ends: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Of each kind the latest items of these shoppers before these events, in one row, and where each begins."""
        bags, offsets = [], []
        for events in self._events:
            high = np.searchsorted(events, ends)
            low = np.maximum(np.searchsorted(events, self.starts[shoppers]), high - SEQUENCE)
            lengths = high - low
            begins = np.concatenate([[0], np.cumsum(lengths)])
            places = np.arange(begins[-1]) + np.repeat(low - begins[:-1], lengths)
            bags.append(self._items[events[places]])
            offsets.append(begins[:-1])
        return bags, offsets

    def whole(self, shoppers: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The same of everything that these shoppers took."""
        return self.before(shoppers, self._ends[shoppers])
