"""What is held out of a log, and how well scores find it. Pure numpy."""

from dataclasses import dataclass, replace

import numpy as np

from recommend.retrieval.ranking import hit_and_gain
from recommend.towers.log import Log

K = 10


@dataclass(frozen=True)
class Holdout:
    """A log without every shopper's last moment, and the new items of that: what the shopper had not taken before.

    targets  of every shopper the numbers of such items; none where all are known
    """

    known: Log
    targets: list[np.ndarray]


def hold_out(log: Log) -> Holdout:
    """Cut off every shopper's last moment."""
    last = np.full(len(log.shopper_ids), np.iinfo(np.int64).min)
    np.maximum.at(last, log.shoppers, log.moments)
    is_last = log.moments == last[log.shoppers]
    parts = {name: getattr(log, name)[~is_last] for name in ("shoppers", "items", "how", "moments")}
    known = replace(log, **parts)
    taken = np.unique(known.shoppers * len(log.codes) + known.items)
    keys = np.unique(log.shoppers[is_last] * len(log.codes) + log.items[is_last])
    keys = keys[~np.isin(keys, taken)]
    owners, items = keys // len(log.codes), keys % len(log.codes)
    return Holdout(known, np.split(items, np.searchsorted(owners, np.arange(1, len(log.shopper_ids)))))


def taken_by(log: Log) -> list[np.ndarray]:
    """Of every shopper the numbers of the items taken, in order of time."""
    return np.split(log.items, np.searchsorted(log.shoppers, np.arange(1, len(log.shopper_ids))))


def gains(scores: np.ndarray, held: Holdout) -> np.ndarray:
    """NDCG@10 of new items, for every shopper who has a target: (n,), 0 to 1. What is known is left out of the list.

    scores  (shoppers, items)
    """
    found = []
    for row, taken, targets in zip(scores, taken_by(held.known), held.targets, strict=True):
        if len(targets):
            offered = row.astype(np.float64)
            offered[taken] = -np.inf
            found.append(hit_and_gain(offered, targets, K)[1])
    return np.array(found)
