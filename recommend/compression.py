"""A long history as few lines of text (V1 report, hierarchical behaviour compression).

Item level: an event carries its item's short form already. Sequence level, two steps: events are first grouped by
(period, behaviour), then turned round, so that items with the same contexts share a line:

    2 months ago (purchased), 5 days ago (purchased) | baby foods ×8, diapers ×2

Days up to a month back, months of 30 days up to a year, years of 365 days beyond. The set of (item, period, behaviour)
can be read back from the lines (`decode`); beside it each item keeps how many units it stands for. What does not fit is
dropped, oldest first, and counted (`overflow`). Boundaries, order and counts are ours: the report leaves them open.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from recommend.extraction import Event
from recommend.overflow import Cell, Cells, fitting
from recommend.periods import Period, period_of

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
_MARKS = str.maketrans(",|×<>", ";/x‹›")


@dataclass(frozen=True, slots=True)
class Line:
    """Items that share their contexts: (period, behaviour labels), oldest first; items with units, most first."""

    contexts: tuple[tuple[Period, tuple[str, ...]], ...]
    items: tuple[tuple[str, int], ...]
    text: str


@dataclass(frozen=True, slots=True)
class CompressedHistory:
    """What the model reads of a history, most recent lines first, and what it does not.

    dropped         period -> events of it that were left out, oldest first
    dropped_before  first day of the oldest period that is wholly there; None where nothing was dropped, or none is
    tokens          of the text, by the counter that `compress` was given
    """

    lines: tuple[Line, ...]
    n_events: int
    dropped: tuple[tuple[Period, int], ...]
    dropped_before: date | None
    tokens: int
    reference: date

    @property
    def n_dropped_events(self) -> int:
        """How many events the model does not read."""
        return sum(n for _, n in self.dropped)

    @property
    def n_kept_events(self) -> int:
        """How many events the lines stand for."""
        return self.n_events - self.n_dropped_events

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
    weights: Mapping[str, float] | None = None,
) -> CompressedHistory:
    """The history as lines of at most `max_tokens` (None: no limit); `overflow` says what goes where they are more.

    weights   kind -> how much a unit of it weighs there, 1 for any other

    Raises ValueError for an event after the reference date: it would leak the future.
    """
    counted = count_tokens or estimate_tokens
    cells = _cells(events, reference, weights or {})
    kept = cells if max_tokens is None else fitting(cells, max_tokens, lambda some: _tokens(_lines(some), counted))
    lines = _lines(kept)
    dropped: Counter[Period] = Counter()
    for (item, period), cell in cells.items():
        if (item, period) not in kept:
            dropped[period] += cell.n_events
    whole = [period for period in {period for _, period in kept} if period not in dropped]
    return CompressedHistory(
        lines=lines,
        n_events=sum(cell.n_events for cell in cells.values()),
        dropped=tuple(sorted(dropped.items(), reverse=True)),
        dropped_before=reference - timedelta(days=max(whole).oldest_age_days) if dropped and whole else None,
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
    wide = len(re.findall(r"[^\x00-\x7f×]", text))
    return math.ceil(1.1 * (words + signs + 2 * wide + text.count("\n")))


def _cells(events: Iterable[Event], reference: date, weights: Mapping[str, float]) -> dict[tuple[str, Period], Cell]:
    """Step 1: what was done with each item in each period."""
    cells: dict[tuple[str, Period], Cell] = defaultdict(Cell)
    # A long history has few days and few texts: each is looked at once.
    periods: dict[date, Period] = {}
    items: dict[str, str] = {}
    for event in events:
        day, text = event.at.date(), event.text
        period = periods.get(day) or periods.setdefault(day, period_of(day, reference))
        item = items.get(text) or items.setdefault(text, clean_item(text))
        cell = cells[item, period]
        cell.labels.add(BEHAVIOR_LABELS.get(event.kind, event.kind))
        cell.n_events += 1
        cell.units += event.quantity
        cell.weight += event.quantity * weights.get(event.kind, 1.0)
    return dict(cells)


def _lines(cells: Cells) -> tuple[Line, ...]:
    """Step 2: item -> its (period, behaviour) pairs -> the items that share them, most recent first."""
    periods = {period.oldest_age_days: period for _, period in cells}
    contexts: dict[str, list[tuple[int, str]]] = defaultdict(list)
    units: Counter[str] = Counter()
    for (item, period), cell in cells.items():
        contexts[item] += [(period.oldest_age_days, label) for label in cell.labels]
        units[item] += cell.units
    groups: dict[tuple[tuple[int, str], ...], list[str]] = defaultdict(list)
    for item, pairs in contexts.items():
        groups[tuple(sorted(pairs))].append(item)
    return tuple(
        _line([(periods[age], label) for age, label in pairs], {item: units[item] for item in items})
        for pairs, items in sorted(groups.items())
    )


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
