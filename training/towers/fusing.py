"""How much the user tower is to say beside co-occurrence: learned on what is held out. Pure numpy."""

from dataclasses import dataclass
from uuid import UUID

import numpy as np

from recommend.retrieval import cooccurrence
from recommend.towers.blending import blend
from recommend.towers.log import Log
from training.towers.holdout import Holdout, gains, taken_by

WEIGHTS = tuple(round(0.1 * n, 1) for n in range(11))


@dataclass(frozen=True, slots=True)
class Fusion:
    """The best weight, and the NDCG@10 of new items at every weight: 0 is co-occurrence alone, 1 the towers alone."""

    weight: float
    ndcg: dict[float, float]


def learn(held: Holdout, scores: np.ndarray) -> Fusion:
    """Try all WEIGHTS; of equal ones the smallest is taken.

    scores  (shoppers, items) of a user tower that did not see what is held out
    """
    votes = votes_of(held.known)
    is_taken = np.zeros(votes.shape, dtype=bool)
    for row, taken in zip(is_taken, taken_by(held.known), strict=True):
        row[taken] = True
    found = {weight: float(gains(blend(votes, scores, is_taken, weight), held).mean()) for weight in WEIGHTS}
    return Fusion(max(found, key=lambda weight: (found[weight], -weight)), found)


def votes_of(log: Log) -> np.ndarray:
    """What co-occurrence, fitted to a log, says after it: (shoppers, items)."""
    model = cooccurrence.fit(log.shoppers, log.items, log.moments, log.item_ids)
    ids = [UUID(bytes=bytes(item)) for item in log.item_ids.tolist()]
    histories: list[dict[int, list[UUID]]] = [{} for _ in log.shopper_ids]
    for shopper, item, moment in zip(log.shoppers.tolist(), log.items.tolist(), log.moments.tolist(), strict=True):
        histories[shopper].setdefault(moment, []).append(ids[item])
    return np.array([model.votes(list(moments.values())) for moments in histories], dtype=np.float32)
