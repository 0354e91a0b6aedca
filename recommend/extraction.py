"""Which behaviours say what a shopper wants (V1 report, reliable behaviour extraction)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

BehaviorKind = Literal["click", "detail_view", "review_read", "favourite", "cart", "purchase", "search", "return"]

# Intentional feedback and search queries. Ordinary clicks are too noisy. Returns are left out as well: the report does
# not mention them, and what was sent back is no evidence of liking. That choice is ours.
RELIABLE_KINDS: frozenset[str] = frozenset({"detail_view", "review_read", "favourite", "cart", "purchase", "search"})


@dataclass(frozen=True, slots=True)
class Event:
    """One behaviour of a shopper.

    text      the item's short form, or the query of a search
    quantity  units of the item; 1 for everything that is not bought by the piece
    dwell_s   seconds spent looking, where known
    """

    kind: str
    text: str
    at: datetime
    quantity: int = 1
    sku: str = ""
    dwell_s: float | None = None


def reliable(events: Iterable[Event]) -> list[Event]:
    """The events that interests are mined from, in their order: clicks and returns are dropped.

    What makes a click "deliberate" is not defined in the report; here it is its kind (a detail view, reading reviews),
    not its dwell time.
    """
    return [event for event in events if event.kind in RELIABLE_KINDS]
