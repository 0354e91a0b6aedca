"""Exact search: the vectors of a version in memory, one matrix product a search. Up to some 100,000 vectors."""

from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from uuid import UUID

import numpy as np

from recommend.models import VectorVersion
from recommend.retrieval.vectors.contract import Hit, checked
from recommend.retrieval.vectors.store import Store, read


class ExactIndex(Store):
    """Finds the nearest, always. A process holds the vectors of the version it searched last: 4 bytes a number."""

    def search(self, queries: np.ndarray, k: int, *, labels: Collection[str] = ()) -> list[list[Hit]]:
        if k < 1:
            raise ValueError(f"k is {k}; at least 1 vector is searched for")
        wanted = checked(queries, self.version.dimensions)
        self.version.refresh_from_db(fields=["changed_at"])
        keys, vectors = _loaded(self.version.pk, self.version.changed_at)
        if labels:
            labelled = self.version.vectors.filter(labels__overlap=list(labels)).values_list("key", flat=True)
            kept = np.isin(keys, np.fromiter(labelled, dtype=np.int64))
            keys, vectors = keys[kept], vectors[kept]
        return [_nearest(keys, cosines, k) for cosines in wanted @ vectors.T]


def _nearest(keys: np.ndarray, cosines: np.ndarray, k: int) -> list[Hit]:
    best = np.argpartition(-cosines, k - 1)[:k] if len(cosines) > k else np.arange(len(cosines))
    best = best[np.lexsort((keys[best], -cosines[best]))]
    return [Hit(int(keys[one]), float(cosines[one])) for one in best]


@lru_cache(maxsize=1)
def _loaded(version: UUID, changed_at: datetime) -> tuple[np.ndarray, np.ndarray]:
    """Keys and vectors as they are since `changed_at`."""
    return read(VectorVersion.objects.get(pk=version))
