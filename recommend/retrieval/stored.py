"""Fitted parts in the database: the newest of a kind serves, the one before stays as the way back."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from recommend.models import RetrievalIndex

KEPT = 2


@transaction.atomic
def store(
    kind: RetrievalIndex.Kind,
    data: bytes,
    *,
    n_items: int,
    n_behaviors: int = 0,
    figures: Mapping[str, Any] | None = None,
) -> RetrievalIndex:
    """Store a fitted part, which serves from now on, and remove what is older than the way back."""
    index = RetrievalIndex.objects.create(
        kind=kind, data=data, n_items=n_items, n_behaviors=n_behaviors, figures=dict(figures or {})
    )
    of_kind = RetrievalIndex.objects.filter(kind=kind).order_by("-created_at")
    old = of_kind.values_list("pk", flat=True)[KEPT:]
    RetrievalIndex.objects.filter(pk__in=list(old)).delete()
    return index
