"""Several chats as one sequence of tokens, without padding and without repeating a shared beginning.

Chats with the same instruction, or about the same history, begin with the same tokens. A pack holds them as a tree:
each token attends to its ancestors only and has its depth as position, so every chat is computed exactly as if it
stood alone. That halves the work for judge examples, which share a history of some 400 tokens.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Encoded:
    """One chat as tokens; the loss counts those from `answer_start` on, by their weights (one each; () is all 1)."""

    tokens: tuple[int, ...]
    answer_start: int
    task: str
    weights: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Segment:
    """Tokens `start` to `end` (excluded) of a pack, each the child of the one before.

    They look at their ancestors, which are the first `n_lead` places and those in `seen`, and at each other causally:
    mask (end - start, ancestors + own), added to the scores.
    """

    start: int
    end: int
    n_lead: int
    seen: Tensor
    mask: Tensor


@dataclass(frozen=True, slots=True)
class Pack:
    """A tree of chats, laid out depth first.

    tokens, positions  (L,)
    segments           stretches without a branch, see Segment
    targets            (N,) next tokens to predict, sources (N,) where they are predicted from
    weights            (N,) what each of them counts
    """

    tokens: Tensor
    positions: Tensor
    segments: tuple["Segment", ...]
    sources: Tensor
    targets: Tensor
    weights: Tensor
    n_chats: int


def pack(chats: Sequence[Encoded]) -> Pack:
    """The tree of these chats."""
    tokens: list[int] = []
    parents: list[int] = []
    positions: list[int] = []
    index: dict[tuple[int, int], int] = {}  # (place of the parent, token) -> place
    sources, targets, weights = [], [], []
    for chat in chats:
        place = -1
        for depth, token in enumerate(chat.tokens):
            if depth >= chat.answer_start:
                sources.append(place)
                targets.append(token)
                weights.append(chat.weights[depth - chat.answer_start] if chat.weights else 1.0)
            child = index.get((place, token))
            if child is None:
                child = len(tokens)
                index[place, token] = child
                tokens.append(token)
                parents.append(place)
                positions.append(depth)
            place = child
    return Pack(
        tokens=torch.tensor(tokens),
        positions=torch.tensor(positions),
        segments=_segments(parents),
        sources=torch.tensor(sources),
        targets=torch.tensor(targets),
        weights=torch.tensor(weights),
        n_chats=len(chats),
    )


def packs(groups: Iterable[Sequence[Encoded]], max_tokens: int) -> Iterator[list[Encoded]]:
    """Chats in packs of at most `max_tokens` distinct tokens; those of one group stay together where they fit."""
    current: list[Encoded] = []
    seen: set[int] = set()
    for group in groups:
        for chat in group:
            prefixes = _prefix_hashes(chat.tokens)
            if current and len(seen) + len(prefixes - seen) > max_tokens:
                yield current
                current, seen = [], set()
            current.append(chat)
            seen |= prefixes
    if current:
        yield current


def _prefix_hashes(tokens: Sequence[int]) -> set[int]:
    """One number per prefix: two chats share as many of them as they share tokens from the start."""
    hashes, value = set(), 0
    for token in tokens:
        value = hash((value, token))
        hashes.add(value)
    return hashes


def _segments(parents: Sequence[int]) -> tuple[Segment, ...]:
    """The tree cut where it branches, or where a token does not follow its parent in the layout."""
    children = [0] * len(parents)
    for parent in parents:
        if parent >= 0:
            children[parent] += 1
    starts = [
        place
        for place, parent in enumerate(parents)
        if parent < 0 or parent != place - 1 or (parent >= 0 and children[parent] > 1)
    ]
    ends = [*starts[1:], len(parents)]
    return tuple(_segment(start, end, parents) for start, end in zip(starts, ends, strict=True))


def _segment(start: int, end: int, parents: Sequence[int]) -> Segment:
    seen, place = [], parents[start]
    while place >= 0:
        seen.append(place)
        place = parents[place]
    seen.reverse()
    n_lead = next((index for index, place in enumerate(seen) if index != place), len(seen))
    n = end - start
    own = torch.full((n, n), torch.finfo(torch.bfloat16).min, dtype=torch.bfloat16).triu(1)
    mask = torch.cat([torch.zeros(n, len(seen), dtype=torch.bfloat16), own], dim=1)
    return Segment(start, end, n_lead, torch.tensor(seen[n_lead:], dtype=torch.long), mask)
