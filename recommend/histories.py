"""A shopper's behaviours as the pure modules want them, wherever they are kept."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from recommend import guests, sources
from recommend.compression import CompressedHistory, compress, estimate_tokens
from recommend.extraction import Event, Reliability, reliable
from recommend.models import Behavior, Shopper

RECENT = timedelta(days=30)  # the “past month” of the tag rules
# What `remembered` holds at most; an event takes about 200 bytes.
REMEMBERED_EVENTS = 1_000_000
# How much of a category's path tells shoppers apart. Of the sample data's 2,467 households 97 % buy most in the same
# first level, groceries; by two levels there are 144, and the largest has 18 % of them.
CATEGORY_LEVELS = 2


@dataclass(frozen=True, slots=True)
class History:
    """What one run knows of a shopper, oldest first.

    moments    ids of the items that were taken at one time, as in a basket, or in one visit (`session_gap`)
    sequences  of each kind of behaviour the ids of its items
    category   where the shopper bought most: a path of CATEGORY_LEVELS at most; empty if nothing in any was bought
    n_unknown  behaviours that are left out, since the catalogue does not have their item
    """

    events: Sequence[Event]
    moments: Sequence[Sequence[UUID]]
    sequences: Mapping[str, Sequence[UUID]]
    recent_names: frozenset[str]
    recent_item_ids: frozenset[UUID]
    category: str = ""
    n_unknown: int = 0
    _compressed: dict[tuple[Any, ...], CompressedHistory] = field(default_factory=dict, compare=False, repr=False)

    @property
    def reliable(self) -> list[Event]:
        """The behaviours that tell what the shopper wants, by the settings' rules."""
        return reliable(self.events, rules())

    def compressed(self, reference_at: datetime, max_tokens: int | None) -> CompressedHistory:
        """The reliable part of the history, compressed to at most `max_tokens`; done once for the same question."""
        key = reference_at.date(), max_tokens
        if key not in self._compressed:
            self._compressed[key] = compress(
                self.reliable,
                reference=reference_at.date(),
                max_tokens=max_tokens,
                count_tokens=estimate_tokens,
                weights=rules().weights,
            )
        return self._compressed[key]


def rules() -> Reliability:
    """Which behaviours count and how much, by the settings."""
    return Reliability(
        frozenset(settings.BEHAVIOR_KINDS), settings.DELIBERATE_CLICK_S or None, settings.BEHAVIOR_WEIGHTS
    )


def session_gap() -> timedelta:
    """The longest pause within one visit, by the settings."""
    return timedelta(minutes=settings.SESSION_GAP_MINUTES)


_remembered: ContextVar[dict[tuple[UUID, datetime], History] | None] = ContextVar("remembered", default=None)


@contextmanager
def remembered() -> Iterator[None]:
    """Within the block a history is read once, by whatever step wants it: the steps of a run then see the same, too."""
    before = _remembered.set({})
    try:
        yield
    finally:
        _remembered.reset(before)


def load(shopper: Shopper, before: datetime) -> History:
    """What `shopper` did before a moment. Raises SourceError where it cannot be read."""
    known = _remembered.get()
    if known is None:
        return _read(shopper, before)
    key = shopper.pk, before
    if key not in known:
        found = _read(shopper, before)
        n = len(found.events) + sum(len(history.events) for history in known.values())
        while known and n > REMEMBERED_EVENTS:
            n -= len(known.pop(next(iter(known))).events)  # the oldest: its run is likely to be done
        known[key] = found
    return known[key]


def _read(shopper: Shopper, before: datetime) -> History:
    read = guests.read if shopper.is_guest else sources.current().read
    found = list(read(shopper, before))
    items = guests.known_items([event.sku for event in found])
    events: list[Event] = []
    moments: list[list[UUID]] = []
    sequences: dict[str, list[UUID]] = {}
    last_at, gap = None, session_gap()
    names: set[str] = set()
    recent_items: set[UUID] = set()
    bought: Counter[str] = Counter()
    n_unknown = 0
    for event in found:
        item_id, short_text, category = items.get(event.sku, (None, event.text, []))
        if event.sku and item_id is None and not event.text:
            n_unknown += 1
            continue
        events.append(replace(event, text=short_text))
        if item_id and event.kind != Behavior.Kind.RETURN:
            if last_at is None or event.at - last_at > gap:
                moments.append([])
            moments[-1].append(item_id)
            sequences.setdefault(event.kind, []).append(item_id)
            last_at = event.at
        if event.kind == Behavior.Kind.PURCHASE and category:
            bought[" > ".join(category[:CATEGORY_LEVELS])] += event.quantity
        if event.at >= before - RECENT:
            # The narrowest category is what a tag could repeat ("potato chips"), the short text may be broader.
            names.update([short_text, *category[-1:]])
            if item_id:
                recent_items.add(item_id)
    return History(
        events, moments, sequences, frozenset(names), frozenset(recent_items), most_bought(bought), n_unknown
    )


def morning_after(moment: datetime) -> datetime:
    """The first moment of the next day, as people plan from days and not from seconds."""
    return datetime.combine(moment.date() + timedelta(days=1), time(), tzinfo=moment.tzinfo)


def most_bought(units: Mapping[str, int]) -> str:
    """The category of most units, the first by name of several; empty without any.

    >>> most_bought({"milk": 2, "cheese": 5, "bread": 5}), most_bought({})
    ('bread', '')
    """
    return min(units, key=lambda category: (-units[category], category), default="")


def as_json(history: CompressedHistory, max_tokens: int | None, loaded: History) -> dict[str, Any]:
    """What a run stores of its history: the lines that the model saw, what was left out, where most was bought."""
    return {
        "lines": [
            {"text": line.text, "contexts": line.text.partition(" | ")[0], "items": [list(item) for item in line.items]}
            for line in history.lines
        ],
        "n_events": history.n_events,
        "n_kept_events": history.n_kept_events,
        "n_dropped_events": history.n_dropped_events,
        "n_unknown_items": loaded.n_unknown,
        "dropped": [{"period": period.label, "n_events": n} for period, n in history.dropped],
        "dropped_before": history.dropped_before.isoformat() if history.dropped_before else None,
        "tokens": history.tokens,
        "max_tokens": max_tokens,
        "category": loaded.category,
    }
