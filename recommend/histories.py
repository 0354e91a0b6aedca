"""A shopper's stored behaviours as the pure modules want them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from recommend.compression import CompressedHistory, compress, estimate_tokens
from recommend.extraction import Event, reliable
from recommend.models import Behavior, Shopper

RECENT = timedelta(days=30)  # the “past month” of the tag rules


@dataclass(frozen=True, slots=True)
class History:
    """What one run knows of a shopper, oldest first."""

    events: Sequence[Event]
    item_ids: Sequence[UUID]
    recent_names: frozenset[str]
    recent_item_ids: frozenset[UUID]

    def compressed(self, reference_at: datetime, max_tokens: int | None) -> CompressedHistory:
        """The reliable part of the history, compressed to at most `max_tokens`."""
        return compress(
            reliable(self.events), reference=reference_at.date(), max_tokens=max_tokens, count_tokens=estimate_tokens
        )


def load(shopper: Shopper, before: datetime) -> History:
    """The behaviours of `shopper` that happened before a moment."""
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
    events: list[Event] = []
    item_ids: list[UUID] = []
    names: set[str] = set()
    recent_items: set[UUID] = set()
    for kind, item_id, sku, short_text, category, query, at, quantity, dwell_s in rows.iterator(chunk_size=5000):
        text = short_text if item_id else query
        events.append(Event(kind=kind, text=text, at=at, quantity=quantity, sku=sku or "", dwell_s=dwell_s))
        if item_id and kind != Behavior.Kind.RETURN:
            item_ids.append(item_id)
        if at >= before - RECENT:
            # The narrowest category is what a tag could repeat ("potato chips"), the short text may be broader.
            names.update([text, *(category or [])[-1:]])
            if item_id:
                recent_items.add(item_id)
    return History(events, item_ids, frozenset(names), frozenset(recent_items))


def as_json(history: CompressedHistory, max_tokens: int | None) -> dict[str, Any]:
    """What a run stores of its history: the lines that the model saw, and what was left out."""
    return {
        "lines": [
            {"text": line.text, "contexts": line.text.partition(" | ")[0], "items": [list(item) for item in line.items]}
            for line in history.lines
        ],
        "n_events": history.n_events,
        "n_kept_events": history.n_kept_events,
        "n_dropped_events": history.n_dropped_events,
        "dropped_before": history.dropped_before.isoformat() if history.dropped_before else None,
        "tokens": history.tokens,
        "max_tokens": max_tokens,
    }
