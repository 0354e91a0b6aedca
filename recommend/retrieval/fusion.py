"""The two arms made one list: beta * collaborative + (1 - beta) * semantic (V1 report, section on fusion). Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import numpy as np


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that an arm brought, before scoring.

    collaborative  0 to 1, the best vote at 1
    similarities   cosine to each tag, in the tags' order
    group          what makes items alike to a shopper (the text that is embedded)
    """

    item_id: UUID
    group: str
    collaborative: float
    similarities: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """An item with its score's parts, each 0 to 1; `tag` is the number of the nearest tag, None without tags."""

    item_id: UUID
    score: float
    collaborative: float
    semantic: float
    tag: int | None


def fuse(candidates: Iterable[Candidate], *, beta: float, n: int, per_group: int = 1) -> list[Scored]:
    """The best `n` candidates, at most `per_group` of one group; ties keep the candidates' order.

    Without tags only the collaborative arm speaks, whatever beta is.

    >>> one, two = UUID(int=1), UUID(int=2)
    >>> found = fuse([Candidate(one, "a", 1.0, (0.2,)), Candidate(two, "b", 0.0, (0.9,))], beta=0.25, n=1)
    >>> found[0].item_id == two, found[0].score
    (True, 0.75)
    """
    if not 0.0 <= beta <= 1.0:
        raise ValueError(f"beta is {beta}; it weighs the collaborative arm and lies between 0 and 1.")
    pool = list(candidates)
    scored = sorted((_score(candidate, beta, best) for best in [_best(pool)] for candidate in pool), key=_descending)
    groups = {candidate.item_id: candidate.group for candidate in pool}
    taken: dict[str, int] = {}
    chosen: list[Scored] = []
    for item in scored:
        group = groups[item.item_id]
        if len(chosen) < n and taken.get(group, 0) < per_group:
            taken[group] = taken.get(group, 0) + 1
            chosen.append(item)
    return chosen


def _best(pool: list[Candidate]) -> float:
    """The highest cosine of the pool: both arms are scaled so that their best candidate has 1."""
    return max((max(candidate.similarities) for candidate in pool if candidate.similarities), default=0.0)


def _score(candidate: Candidate, beta: float, best: float) -> Scored:
    if not candidate.similarities or best <= 0.0:
        return Scored(candidate.item_id, candidate.collaborative, candidate.collaborative, 0.0, None)
    tag = int(np.argmax(candidate.similarities))
    semantic = max(0.0, candidate.similarities[tag]) / best
    score = beta * candidate.collaborative + (1 - beta) * semantic
    return Scored(candidate.item_id, score, candidate.collaborative, semantic, tag)


def _descending(item: Scored) -> float:
    return -item.score
