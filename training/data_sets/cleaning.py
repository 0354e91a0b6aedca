"""What of the rows is kept, and in which split: pure, each drop with its reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256

from training.data_sets.balancing import balanced
from training.data_sets.near import near_duplicates
from training.data_sets.rows import TRAIN, VALIDATION, Row
from training.data_sets.wanted import Wanted

_CHINESE = re.compile(r"[\u3400-\u9fff]")
_LETTER = re.compile(r"[^\W\d_]")
# Reasons, in the order in which rows are dropped for them.
REASONS = {
    "held_out": "of an evaluation set",
    "too_long": "longer than asked for",
    "script": "not written in its language’s script",
    "duplicate": "the same chat and answer as another row",
    "near_duplicate": "nearly the same as another row",
    "between": "of neither split: a training shopper too late, or one held out too early",
    "capped": "beyond the most rows of one shopper",
    "one_label": "of a criterion with one label alone",
    "balanced": "of a label that outnumbers another of its criterion",
}


@dataclass(frozen=True, slots=True)
class HeldOut:
    """An evaluation set as rows are held against it: whom it names, and from which day on; None: ever."""

    name: str
    shoppers: frozenset[str]
    starts_on: date | None

    def holds(self, row: Row) -> bool:
        return row.shopper in self.shoppers and (self.starts_on is None or row.at >= self.starts_on)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The rows that are kept, newest first as they came, and {reason: rows} of the others.

    held_out  {evaluation set: rows of it that were found}
    """

    rows: tuple[Row, ...]
    dropped: dict[str, int]
    held_out: dict[str, int]


def cleaned(rows: Sequence[Row], wanted: Wanted, sets: Iterable[HeldOut]) -> Cleaned:
    """Drop what may not or should not be learned, split, and balance the labels of a judge.

    rows  newest first: of duplicates, and of a shopper with too many, the newest stay
    """
    dropped: Counter[str] = Counter()
    contaminated: Counter[str] = Counter({one.name: 0 for one in sets})
    named = list(sets)

    def is_free(row: Row) -> bool:
        found = [one.name for one in named if one.holds(row)]
        contaminated.update(found)
        return not found

    left = _kept(rows, "held_out", is_free, dropped)
    left = _kept(left, "too_long", lambda row: row.prompt_tokens + row.answer_tokens <= wanted.max_tokens, dropped)
    left = _kept(left, "script", in_script, dropped)
    left = _without_repetitions(left, wanted.near, dropped)
    # Before the split, so that no row of validation is nearly one of training.
    left = _split(left, wanted, dropped)
    left = balanced(_capped(left, wanted.per_shopper, dropped), wanted.half_life_days, wanted.seed, dropped)
    return Cleaned(tuple(left), dict(dropped), dict(contaminated))


def in_script(row: Row) -> bool:
    """Whether the answer is written as its language is: Chinese with Chinese signs, any other without many.

    People say why in whatever language, so a judge's row always is.
    """
    if row.label:
        return True
    letters, chinese = len(_LETTER.findall(row.answer)), len(_CHINESE.findall(row.answer))
    return chinese > 0 if row.language == "zh" else 2 * chinese <= letters


def split_of(row: Row, wanted: Wanted) -> str | None:
    """The split of a row, by its shopper and its day; None for what would let one see the other.

    A shopper is held out by a lot of the seed and the external id, the same for ever; what is nobody's is by itself.
    With `split_at`, training sees days before it and validation days from it on: who is held out has no row in
    training, and no day is in both.
    """
    lot = int.from_bytes(sha256(f"{wanted.seed}:{row.shopper or row.key}".encode()).digest()[:8]) / 2**64
    is_held_out = lot < wanted.validation_share
    if wanted.split_at is not None and is_held_out != (row.at >= wanted.split_at):
        return None
    return VALIDATION if is_held_out else TRAIN


def _kept(rows: Iterable[Row], reason: str, keeps: Callable[[Row], bool], dropped: Counter[str]) -> list[Row]:
    found = []
    for row in rows:
        if keeps(row):
            found.append(row)
        else:
            dropped[reason] += 1
    return found


def _without_repetitions(rows: Sequence[Row], near: float, dropped: Counter[str]) -> list[Row]:
    seen: set[str] = set()
    once = _kept(rows, "duplicate", lambda row: not (row.key in seen or seen.add(row.key)), dropped)  # type: ignore[func-returns-value]
    if near == 1:
        return once
    repeats = near_duplicates([row.essence for row in once], near)
    dropped["near_duplicate"] += len(repeats)
    return [row for place, row in enumerate(once) if place not in repeats]


def _split(rows: Iterable[Row], wanted: Wanted, dropped: Counter[str]) -> list[Row]:
    placed = [(row, split_of(row, wanted)) for row in rows]
    dropped["between"] += sum(split is None for _, split in placed)
    return [replace(row, split=split) for row, split in placed if split is not None]


def _capped(rows: Iterable[Row], most: int, dropped: Counter[str]) -> list[Row]:
    """At most so many rows of one shopper in training. Validation keeps all: it is weighed by shopper anyway."""
    of_shopper: Counter[str] = Counter()

    def has_room(row: Row) -> bool:
        of_shopper[row.shopper] += row.split == TRAIN and row.shopper != ""
        return of_shopper[row.shopper] <= most

    return _kept(rows, "capped", has_room, dropped)
