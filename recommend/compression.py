"""A long history as few lines of text (V1 report, hierarchical behaviour compression).

Item level: an event carries its item's short form already. Sequence level, two steps: events are first grouped by
(period, behaviour), then turned round, so that items with the same contexts share a line:

    2 months ago (purchased), 5 days ago (purchased) | baby foods ×8, diapers ×2

Days up to a month back, months of 30 days up to a year, years of 365 days beyond. The set of (item, period, behaviour)
can be read back from the lines (`decode`); beside it each item keeps how many units it stands for. What does not fit is
dropped by whole periods, oldest first, and counted. Boundaries, order and counts are ours: the report leaves them open.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import total_ordering
from typing import Literal

from recommend.extraction import Event

BEHAVIOR_LABELS = {
    "purchase": "purchased",
    "cart": "added to cart",
    "favourite": "favourited",
    "detail_view": "viewed",
    "review_read": "read reviews",
    "search": "searched",
    "click": "clicked",
    "return": "returned",
}
DAY_GRAIN_DAYS = 30
MONTH_DAYS = 30
YEAR_DAYS = 365
_MARKS = str.maketrans(",|×<>", ";/x‹›")


@total_ordering
@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time counted back from the reference date; a smaller one is more recent."""

    grain: Literal["day", "month", "year"]
    n: int

    @property
    def label(self) -> str:
        """What the line says: "today", "1 day ago", "2 months ago"."""
        if self.n == 0:
            return "today"
        return f"{self.n} {self.grain}{'' if self.n == 1 else 's'} ago"

    @property
    def oldest_age_days(self) -> int:
        """How many days before the reference date the period begins."""
        if self.grain == "day":
            return self.n
        if self.grain == "month":
            return min((self.n + 1) * MONTH_DAYS - 1, YEAR_DAYS)
        return (self.n + 1) * YEAR_DAYS - 1

    def __lt__(self, other: "Period") -> bool:
        return self.oldest_age_days < other.oldest_age_days


@dataclass(frozen=True, slots=True)
class Line:
    """Items that share their contexts: (period, behaviour labels), oldest first; items with units, most first."""

    contexts: tuple[tuple[Period, tuple[str, ...]], ...]
    items: tuple[tuple[str, int], ...]
    text: str


@dataclass(frozen=True, slots=True)
class CompressedHistory:
    """What the model reads of a history, most recent lines first, and what it does not.

    dropped_before  first day that is still there; None where nothing was dropped
    tokens          of the text, by the counter that `compress` was given
    """

    lines: tuple[Line, ...]
    n_events: int
    n_kept_events: int
    n_dropped_events: int
    dropped_before: date | None
    tokens: int
    reference: date

    @property
    def text(self) -> str:
        """The lines as the model reads them."""
        return "\n".join(line.text for line in self.lines)

    def counts(self) -> dict[str, int]:
        """item -> units over all lines."""
        return {item: count for line in self.lines for item, count in line.items}


def compress(
    events: Iterable[Event],
    *,
    reference: date,
    max_tokens: int | None = None,
    count_tokens: Callable[[str], int] | None = None,
) -> CompressedHistory:
    """The history as lines of at most `max_tokens` (None: no limit).

    Whole periods go, oldest first, until the rest fits; where even the newest alone does not, its items with the
    fewest units go. Raises ValueError for an event after the reference date: it would leak the future.
    """
    counted = count_tokens or estimate_tokens
    by_period: dict[Period, list[Event]] = defaultdict(list)
    for event in events:
        by_period[period_of(event.at.date(), reference)].append(event)
    n_events = sum(map(len, by_period.values()))
    kept = sorted(by_period)
    lines = _lines(by_period, kept)
    while max_tokens is not None and len(kept) > 1 and _tokens(lines, counted) > max_tokens:
        kept.pop()
        lines = _lines(by_period, kept)
    n_kept = sum(len(by_period[period]) for period in kept)
    if max_tokens is not None and _tokens(lines, counted) > max_tokens:
        lines = _shortened(lines, max_tokens, counted)
        left = {item for line in lines for item, _ in line.items}
        n_kept = sum(clean_item(event.text) in left for period in kept for event in by_period[period])
    dropped = len(kept) < len(by_period)
    return CompressedHistory(
        lines=lines,
        n_events=n_events,
        n_kept_events=n_kept,
        n_dropped_events=n_events - n_kept,
        dropped_before=reference - timedelta(days=kept[-1].oldest_age_days) if dropped else None,
        tokens=_tokens(lines, counted),
        reference=reference,
    )


def decode(lines: Iterable[str]) -> set[tuple[str, str, str]]:
    """The (item, period label, behaviour label) triples that the lines stand for.

    >>> sorted(decode(["2 months ago (purchased, viewed) | diapers ×2, soup"]))[:2]
    [('diapers', '2 months ago', 'purchased'), ('diapers', '2 months ago', 'viewed')]
    """
    triples = set()
    for line in lines:
        contexts, _, items = line.partition(" | ")
        names = [re.sub(r" ×\d+$", "", item) for item in items.split(", ")]
        for period, behaviors in re.findall(r"([^(),]+) \(([^)]*)\)", contexts):
            triples |= {(name, period.strip(), label) for name in names for label in behaviors.split(", ")}
    return triples


def recent_items(events: Iterable[Event], *, reference: date, days: int = 28, max_items: int = 60) -> tuple[str, ...]:
    """Items of the last `days` with their units ("soup ×3"), most units first: what tags should not repeat."""
    units: Counter[str] = Counter()
    for event in events:
        if 0 <= (reference - event.at.date()).days <= days:
            units[clean_item(event.text)] += event.quantity
    ranked = sorted(units.items(), key=lambda entry: (-entry[1], entry[0]))
    return tuple(_counted(item, count) for item, count in ranked[:max_items])


def period_of(day: date, reference: date) -> Period:
    """The period of a day. Raises ValueError for a day after the reference date.

    >>> [period_of(date(2018, 1, 1) - timedelta(days=age), date(2018, 1, 1)).label for age in (0, 1, 30, 31, 75, 400)]
    ['today', '1 day ago', '30 days ago', '1 month ago', '2 months ago', '1 year ago']
    """
    age = (reference - day).days
    if age < 0:
        raise ValueError(f"an event on {day} lies after the reference date {reference}")
    if age <= DAY_GRAIN_DAYS:
        return Period("day", age)
    if age <= YEAR_DAYS:
        return Period("month", age // MONTH_DAYS)
    return Period("year", age // YEAR_DAYS)


def clean_item(text: str) -> str:
    """An item's text without the characters that lines and prompts use as marks.

    >>> clean_item("Tea, green | <b>100 ×2</b>")
    'Tea; green / ‹b›100 x2‹/b›'
    """
    return " ".join(text.translate(_MARKS).split())


def estimate_tokens(text: str) -> int:
    """How many tokens the embedded model needs for a text, at most: counted without its tokenizer.

    Calibrated on compressed histories of the sample data: the true counts by SmolLM2's tokenizer lay between 0.84 and
    1.00 of it. Digits and signs count 1 each, a word 1 per 6 letters begun, anything beyond ASCII 2 more per character,
    and a tenth is added to the sum.
    """
    words = sum((len(word) + 5) // 6 for word in re.findall(r"[A-Za-z]+", text))
    signs = len(re.findall(r"[0-9]|[^\sA-Za-z0-9]", text))
    wide = sum(2 for character in text if ord(character) > 127 and character != "×")
    return math.ceil(1.1 * (words + signs + wide + text.count("\n")))


def _lines(by_period: dict[Period, list[Event]], kept: Sequence[Period]) -> tuple[Line, ...]:
    # Step 1: (period, behaviour) -> items. Step 2: item -> its (period, behaviour) pairs -> items that share them.
    contexts: dict[str, set[tuple[Period, str]]] = defaultdict(set)
    units: Counter[str] = Counter()
    for period in kept:
        for event in by_period[period]:
            item = clean_item(event.text)
            contexts[item].add((period, BEHAVIOR_LABELS.get(event.kind, event.kind)))
            units[item] += event.quantity
    groups: dict[frozenset[tuple[Period, str]], list[str]] = defaultdict(list)
    for item, pairs in contexts.items():
        groups[frozenset(pairs)].append(item)
    ordered = sorted(groups.items(), key=lambda group: _recency(group[0]))
    return tuple(_line(pairs, {item: units[item] for item in items}) for pairs, items in ordered)


def _recency(pairs: frozenset[tuple[Period, str]]) -> tuple[tuple[int, str], ...]:
    return tuple(sorted((period.oldest_age_days, label) for period, label in pairs))


def _line(pairs: Iterable[tuple[Period, str]], units: dict[str, int]) -> Line:
    labels: dict[Period, list[str]] = defaultdict(list)
    for period, label in sorted(pairs, key=lambda pair: (-pair[0].oldest_age_days, pair[1])):
        labels[period].append(label)
    contexts = tuple((period, tuple(names)) for period, names in labels.items())
    items = tuple(sorted(units.items(), key=lambda entry: (-entry[1], entry[0])))
    when = ", ".join(f"{period.label} ({', '.join(names)})" for period, names in contexts)
    return Line(contexts, items, f"{when} | {', '.join(_counted(item, count) for item, count in items)}")


def _counted(item: str, count: int) -> str:
    return f"{item} ×{count}" if count > 1 else item


def _tokens(lines: Sequence[Line], counted: Callable[[str], int]) -> int:
    return counted("\n".join(line.text for line in lines)) if lines else 0


def _shortened(lines: tuple[Line, ...], max_tokens: int, counted: Callable[[str], int]) -> tuple[Line, ...]:
    units = {item: count for line in lines for item, count in line.items}
    kept = sorted(units, key=lambda item: (-units[item], item))
    while kept:
        kept.pop()
        left = set(kept)
        fitting = tuple(_only(line, left) for line in lines if any(item in left for item, _ in line.items))
        if _tokens(fitting, counted) <= max_tokens:
            return fitting
    return ()


def _only(line: Line, left: set[str]) -> Line:
    pairs = [(period, label) for period, labels in line.contexts for label in labels]
    return _line(pairs, {item: count for item, count in line.items if item in left})
