"""Which behaviours say what a shopper wants (V1 report, reliable behaviour extraction)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class Reliability:
    """Which behaviours count, and how much.

    kinds         those that always do
    deliberate_s  seconds of dwell from which a click counts as well, as a deliberate one; None: no click does
    weights       kind -> how much a unit of it weighs where not all fit; 1 for a kind that it does not name

    What makes a click "deliberate" is not defined in the report. Unless told otherwise, it is its kind here (a detail
    view, reading reviews) and not its dwell time: a long look at an open tab is none. Weights are ours altogether.
    """

    kinds: frozenset[str] = RELIABLE_KINDS
    deliberate_s: float | None = None
    weights: Mapping[str, float] = field(default_factory=dict)

    def counts(self, event: Event) -> bool:
        """Whether interests are mined from an event."""
        if event.kind in self.kinds:
            return True
        is_long = self.deliberate_s is not None and event.dwell_s is not None and event.dwell_s >= self.deliberate_s
        return event.kind == "click" and is_long


def reliable(events: Iterable[Event], rules: Reliability | None = None) -> list[Event]:
    """The events that interests are mined from, in their order; without rules of one's own no clicks, no returns."""
    counts = (rules or Reliability()).counts
    return [event for event in events if counts(event)]
