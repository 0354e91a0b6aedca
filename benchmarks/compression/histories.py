"""Histories to compress: the sample's households, and shoppers of some 37,000 behaviours put together of them.

No household of the sample has anything near the 37,000 behaviours that the report names as its average, so such
shoppers are **synthesised**: 37 households of like activity count as one, each moved back by none to four years. What
was bought when within a year, and together with what, stays as it is. With kinds drawn at random, most purchases become
views and carts: the sample has purchases only.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

from recommend import sample_data
from recommend.extraction import Event

YEARS = 5
SHARES = {"detail_view": 60, "cart": 15, "purchase": 15, "review_read": 5, "favourite": 5}  # ours, not the report's


class Item(NamedTuple):
    """An item as a history names it, by its category or by its title, and all that the catalogue knows of it."""

    category: str
    title: str
    details: str


def catalogue() -> dict[str, Item]:
    """Every item that was bought: sku -> its names."""
    bought_by = [row["external_id"] for row in sample_data.shoppers()]
    return {
        row["sku"]: Item(
            row["short_text"],
            row["title"],
            f" {row['title']} | {' > '.join(row['category'])} | {row['brand']} | {row['price']}",
        )
        for row in sample_data.items(bought_by=bought_by)
    }


def households() -> list[list[Event]]:
    """The households' purchases, oldest first, those of few before those of many; events name their sku alone."""
    events: dict[str, list[Event]] = {}
    for batch in sample_data.behavior_batches():
        rows = zip(batch.shoppers, batch.skus, batch.occurred_at, batch.quantities, strict=True)
        for shopper, sku, at, quantity in rows:
            events.setdefault(shopper, []).append(Event("purchase", sku, at, quantity, sku))
    return sorted(events.values(), key=len)


def synthesised(found: Sequence[list[Event]], n: int, of: int, *, mixed_kinds: bool) -> Iterator[list[Event]]:
    """`n` shoppers of `of` neighbouring households each, evenly over the range of activity."""
    rng = random.Random(1)
    kinds, weights = list(SHARES), list(SHARES.values())
    for number in range(n):
        start = round(number * (len(found) - of) / max(n - 1, 1))
        events = [
            replace(event, at=event.at - timedelta(days=365 * (place % YEARS)))
            for place, household in enumerate(found[start : start + of])
            for event in household
        ]
        if mixed_kinds:
            drawn = rng.choices(kinds, weights, k=len(events))
            events = [replace(event, kind=kind) for event, kind in zip(events, drawn, strict=True)]
        yield sorted(events, key=lambda event: event.at)


def named(events: list[Event], items: Mapping[str, Item], by: str) -> list[Event]:
    """The same events with their items named by "category" or "title"."""
    return [replace(event, text=getattr(items[event.sku], by)) for event in events]
