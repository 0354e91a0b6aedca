"""The towers that serve, asked about a shopper and about tags. Without any, retrieval goes on as it does without."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from uuid import UUID

import numpy as np

from recommend.models import RetrievalIndex
from recommend.towers.blending import blend
from recommend.towers.served import Person, Towers

N_ITEMS_PER_TAG = 8  # nearest items of a tag


def newest() -> Towers | None:
    """The towers that were loaded last; None before the first."""
    found = RetrievalIndex.objects.newest(RetrievalIndex.Kind.TOWERS)
    return _load(found.pk) if found else None


def blended(
    towers: Towers, person: Person, taken: Collection[UUID], votes: Mapping[UUID, float], n: int
) -> tuple[dict[UUID, float], set[UUID]]:
    """The collaborative score of items by co-occurrence and user tower, the best at 1; and whom the tower brought.

    taken  what the person took before
    votes  of co-occurrence, 0 to 1
    n      the tower's best new items that join those with a vote

    Of somebody who took nothing that the towers know, they say nothing: the votes stay as they are.
    """
    if not towers.weight or not any(
        item.bytes in towers.row_of for items in person.sequences.values() for item in items
    ):
        return dict(votes), set()
    voted = np.zeros(len(towers.items))
    for item, vote in votes.items():
        if item.bytes in towers.row_of:
            voted[towers.row_of[item.bytes]] = vote
    is_taken = np.zeros(len(voted), dtype=bool)
    is_taken[[towers.row_of[item.bytes] for item in taken if item.bytes in towers.row_of]] = True
    scores = towers.user_scores(person)
    mixed = blend(voted, scores, is_taken, towers.weight)
    brought = {row for row in np.argsort(-np.where(is_taken, -np.inf, scores))[:n].tolist() if not is_taken[row]}
    # What came into the catalogue after the towers has no row, and keeps its votes.
    found = dict(votes)
    found |= {_id(towers, row): float(mixed[row]) for row in brought | set(np.flatnonzero(voted).tolist())}
    best = max(found.values(), default=0.0) or 1.0
    return {item: score / best for item, score in found.items()}, {_id(towers, row) for row in brought}


def near(towers: Towers, tags: Sequence[str]) -> set[UUID]:
    """The items that the tag tower puts nearest to each tag."""
    scores = towers.tag_scores(tags)
    best = np.argsort(-scores, axis=1)[:, :N_ITEMS_PER_TAG]
    return {_id(towers, row) for row in best.ravel().tolist()}


def _id(towers: Towers, row: int) -> UUID:
    return UUID(bytes=bytes(towers.items[row]))


@lru_cache(maxsize=1)
def _load(pk: UUID) -> Towers:
    return Towers.from_bytes(bytes(RetrievalIndex.objects.get(pk=pk).data))
