"""What every source of behaviours can be asked."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple, Protocol

from recommend.extraction import Event
from recommend.models import Shopper


class SourceError(RuntimeError):
    """Behaviours cannot be read; the message says what is wrong with which file, and the remedy."""


class Totals(NamedTuple):
    """How many behaviours a shopper has, and the moment of the last one."""

    shopper: str
    n: int
    last_at: datetime


class BehaviorSource(Protocol):
    """Gives one shopper's behaviours without looking through everybody's."""

    def read(self, shopper: Shopper, before: datetime) -> Iterator[Event]:
        """What `shopper` did before a moment, oldest first.

        Items are named by their sku alone: an event's text is the query of a search, else empty. Raises SourceError.
        """
        ...

    def has_any(self, shopper: Shopper, before: datetime) -> bool:
        """Whether `read` would give anything. Raises SourceError."""
        ...

    def totals(self) -> Iterator[Totals]:
        """Every shopper with behaviours, by external id; one may come in several parts. Raises SourceError."""
        ...
