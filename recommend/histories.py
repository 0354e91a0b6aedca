"""A shopper's behaviours, stored or given with the request, as the pure modules want them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from recommend import guests
from recommend.compression import CompressedHistory, compress, estimate_tokens
from recommend.extraction import Event, reliable
from recommend.models import Behavior, Shopper

RECENT = timedelta(days=30)  # the “past month” of the tag rules
# How much of a category's path tells shoppers apart. Of the sample data's 2,467 households 97 % buy most in the same
# first level, groceries; by two levels there are 144, and the largest has 18 % of them.
CATEGORY_LEVELS = 2


@dataclass(frozen=True, slots=True)
class History:
    """What one run knows of a shopper, oldest first.

    moments   ids of the items that were taken at one time, as in a basket
    category  where the shopper bought most: a path of CATEGORY_LEVELS at most; empty if nothing in any was bought
    """

    events: Sequence[Event]
    moments: Sequence[Sequence[UUID]]
    recent_names: frozenset[str]
    recent_item_ids: frozenset[UUID]
    category: str = ""

    def compressed(self, reference_at: datetime, max_tokens: int | None) -> CompressedHistory:
        """The reliable part of the history, compressed to at most `max_tokens`."""
        return compress(
            reliable(self.events), reference=reference_at.date(), max_tokens=max_tokens, count_tokens=estimate_tokens
        )


def load(shopper: Shopper, before: datetime) -> History:
    """The behaviours of `shopper` that happened before a moment."""
    rows = guests.rows(shopper, before) if shopper.is_guest else _stored(shopper, before)
    events: list[Event] = []
    moments: dict[datetime, list[UUID]] = {}
    names: set[str] = set()
    recent_items: set[UUID] = set()
    bought: Counter[str] = Counter()
    for kind, item_id, sku, short_text, category, query, at, quantity, dwell_s in rows:
        text = str(short_text) if item_id else query
        events.append(Event(kind=kind, text=text, at=at, quantity=quantity, sku=sku or "", dwell_s=dwell_s))
        if item_id and kind != Behavior.Kind.RETURN:
            moments.setdefault(at, []).append(item_id)
        if kind == Behavior.Kind.PURCHASE and category:
            bought[" > ".join(category[:CATEGORY_LEVELS])] += quantity
        if at >= before - RECENT:
            # The narrowest category is what a tag could repeat ("potato chips"), the short text may be broader.
            names.update([text, *(category or [])[-1:]])
            if item_id:
                recent_items.add(item_id)
    return History(events, list(moments.values()), frozenset(names), frozenset(recent_items), most_bought(bought))


def _stored(shopper: Shopper, before: datetime) -> Iterator[guests.Row]:
    rows = (
        Behavior.objects.filter(shopper=shopper, occurred_at__lt=before)
        .order_by("occurred_at", "id")
        .values_list(
            "kind",
            "item_id",
            "item__sku",
            "item__short_text",
            "item__category",
            "query",
            "occurred_at",
            "quantity",
            "dwell_s",
        )
    )
    return rows.iterator(chunk_size=5000)


def morning_after(moment: datetime) -> datetime:
    """The first moment of the next day, as people plan from days and not from seconds."""
    return datetime.combine(moment.date() + timedelta(days=1), time(), tzinfo=moment.tzinfo)


def most_bought(units: Mapping[str, int]) -> str:
    """The category of most units, the first by name of several; empty without any.

    >>> most_bought({"milk": 2, "cheese": 5, "bread": 5}), most_bought({})
    ('bread', '')
    """
    return min(units, key=lambda category: (-units[category], category), default="")


def as_json(history: CompressedHistory, max_tokens: int | None, category: str) -> dict[str, Any]:
    """What a run stores of its history: the lines that the model saw, what was left out, where most was bought."""
    return {
        "lines": [
            {"text": line.text, "contexts": line.text.partition(" | ")[0], "items": [list(item) for item in line.items]}
            for line in history.lines
        ],
        "n_events": history.n_events,
        "n_kept_events": history.n_kept_events,
        "n_dropped_events": history.n_dropped_events,
        "dropped": [{"period": period.label, "n_events": n} for period, n in history.dropped],
        "dropped_before": history.dropped_before.isoformat() if history.dropped_before else None,
        "tokens": history.tokens,
        "max_tokens": max_tokens,
        "category": category,
    }
