"""The two arms made one list: beta * collaborative + (1 - beta) * semantic (V1 report, section on fusion). Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

import numpy as np

# Who brought an item. Both: one of each side. A tower is named where it alone of its side did.
Arm = Literal["collaborative", "semantic", "both", "user_tower", "tag_tower"]
Measure = Literal["value", "rank"]
MEASURES: tuple[Measure, ...] = ("value", "rank")
RANK_CONSTANT = 60  # of reciprocal rank fusion, as its authors chose it


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that an arm brought, before scoring.

    collaborative  0 to 1, the best vote at 1
    similarities   cosine to each tag, in the tags' order
    """

    item_id: UUID
    arm: Arm
    collaborative: float
    similarities: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """An item with its score's parts, each 0 to 1; `tag` is the number of the nearest tag, None without tags."""

    item_id: UUID
    arm: Arm
    score: float
    collaborative: float
    semantic: float
    tag: int | None


def fuse(candidates: Iterable[Candidate], *, beta: float, by: Measure = "value") -> list[Scored]:
    """All candidates, best first; ties keep the candidates' order.

    by  "value": what an arm says of an item is its vote or cosine, the best at 1. "rank": its place in the arm's order,
        (K + 1) / (K + place), the best at 1 and without a vote 0 (reciprocal rank fusion, Cormack et al. 2009, scaled);
        it does not depend on how an arm's values are spread

    Without tags only the collaborative arm speaks, whatever beta is. Raises ValueError for a beta outside 0 to 1.

    >>> one, two = UUID(int=1), UUID(int=2)
    >>> pool = [Candidate(one, "both", 1.0, (0.2,)), Candidate(two, "semantic", 0.0, (0.9,))]
    >>> found = fuse(pool, beta=0.25)
    >>> found[0].item_id == two, found[0].score
    (True, 0.75)
    """
    if not 0.0 <= beta <= 1.0:
        raise ValueError(f"beta is {beta}; it weighs the collaborative arm and lies between 0 and 1.")
    pool = list(candidates)
    best = max((max(candidate.similarities) for candidate in pool if candidate.similarities), default=0.0)
    scored = [_valued(candidate, best) for candidate in pool]
    if by == "rank":
        scored = _by_rank(scored)
    return sorted((_weighed(item, beta) for item in scored), key=lambda item: -item.score)


def _valued(candidate: Candidate, best: float) -> Scored:
    """What the arms say, both scaled so that their best candidate has 1; the score is still to come."""
    if not candidate.similarities or best <= 0.0:
        return Scored(candidate.item_id, candidate.arm, 0.0, candidate.collaborative, 0.0, None)
    tag = int(np.argmax(candidate.similarities))
    semantic = max(0.0, candidate.similarities[tag]) / best
    return Scored(candidate.item_id, candidate.arm, 0.0, candidate.collaborative, semantic, tag)


def _by_rank(items: Sequence[Scored]) -> list[Scored]:
    collaborative = _places(items, lambda item: item.collaborative)
    semantic = _places(items, lambda item: item.semantic)
    return [
        replace(item, collaborative=col, semantic=sem)
        for item, col, sem in zip(items, collaborative, semantic, strict=True)
    ]


def _places(items: Sequence[Scored], value: Callable[[Scored], float]) -> list[float]:
    """(K + 1) / (K + place) by one arm's values; equal values share the best place of theirs, 0 stays 0."""
    values = sorted((value(item) for item in items), reverse=True)
    place = {one: number for number, one in reversed(list(enumerate(values, start=1)))}
    return [(RANK_CONSTANT + 1) / (RANK_CONSTANT + place[value(item)]) if value(item) > 0 else 0.0 for item in items]


def _weighed(item: Scored, beta: float) -> Scored:
    score = item.collaborative if item.tag is None else beta * item.collaborative + (1 - beta) * item.semantic
    return replace(item, score=score)
