"""Behaviours from our own table."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count, Max

from recommend.extraction import Event
from recommend.models import Behavior, Shopper
from recommend.sources.base import Totals

ROWS_AT_ONCE = 5_000


class TableSource:
    """What `import_behaviors` has loaded into PostgreSQL."""

    def read(self, shopper: Shopper, before: datetime) -> Iterator[Event]:
        """See BehaviorSource."""
        rows = (
            Behavior.objects.filter(shopper=shopper, occurred_at__lt=before)
            .order_by("occurred_at", "id")
            .values_list("kind", "query", "occurred_at", "quantity", "item__sku", "dwell_s")
        )
        for kind, query, at, quantity, sku, dwell_s in rows.iterator(chunk_size=ROWS_AT_ONCE):
            yield Event(kind, query, at, quantity, sku or "", dwell_s)

    def has_any(self, shopper: Shopper, before: datetime) -> bool:
        """See BehaviorSource."""
        return Behavior.objects.filter(shopper=shopper, occurred_at__lt=before).exists()

    def totals(self) -> Iterator[Totals]:
        """See BehaviorSource."""
        rows = Behavior.objects.values_list("shopper__external_id").annotate(Count("id"), Max("occurred_at"))
        for shopper, n, last_at in rows.order_by().iterator(chunk_size=ROWS_AT_ONCE):
            yield Totals(shopper, n, last_at)
