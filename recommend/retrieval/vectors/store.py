"""Vectors of a version in PostgreSQL: written one way for every kind of index, read as arrays."""

import io
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from django.db import connection, transaction
from django.utils import timezone

from recommend.models import Vector, VectorVersion
from recommend.retrieval.vectors.contract import checked

_BATCH = 2000
_COPY_HEADER = 19  # bytes before the first row of COPY's binary format


class Store:
    """The rows of one version; the indexes are made of it and add how to search."""

    def __init__(self, version: VectorVersion) -> None:
        self.version = version

    def __len__(self) -> int:
        return self.version.vectors.count()

    def upsert(
        self, keys: Sequence[int], vectors: np.ndarray, labels: Mapping[int, Collection[str]] | None = None
    ) -> None:
        unit = checked(vectors, self.version.dimensions)
        if len(keys) != len(unit):
            raise ValueError(f"{len(keys)} keys for {len(unit)} vectors")
        named = labels or {}
        with transaction.atomic():
            Vector.objects.bulk_create(
                (
                    Vector(version=self.version, key=key, vector=vector, labels=sorted(named.get(key, ())))
                    for key, vector in zip(keys, unit, strict=True)
                ),
                update_conflicts=True,
                unique_fields=["version", "key"],
                update_fields=["vector", "labels"],
                batch_size=_BATCH,
            )
            self._changed()

    def delete(self, keys: Collection[int]) -> None:
        with transaction.atomic():
            self.version.vectors.filter(key__in=list(keys)).delete()
            self._changed()

    def _changed(self) -> None:
        """Note the change, by which other processes see that what they have read is old."""
        self.version.n_vectors = len(self)
        self.version.changed_at = timezone.now()
        self.version.save(update_fields=["n_vectors", "changed_at"])


def read(version: VectorVersion) -> tuple[np.ndarray, np.ndarray]:
    """Keys (n,) and unit vectors (n, dimensions) of a version, by key.

    Binary COPY reads straight into numpy, without a Python object for each number.
    """
    row = np.dtype(
        [
            ("fields", ">i2"),
            ("key_bytes", ">i4"),
            ("key", ">i8"),
            ("vector_bytes", ">i4"),
            ("dimensions", ">i2"),
            ("unused", ">i2"),
            ("vector", ">f2", (version.dimensions,)),
        ]
    )
    buffer = io.BytesIO()
    # The id stands in the statement: COPY takes no parameters from Django's cursor while DEBUG is on.
    query = f"""COPY (SELECT key, vector FROM recommend_vector WHERE version_id = '{version.pk}' ORDER BY key)
                TO STDOUT (FORMAT binary)"""  # noqa: S608  # an id of our own
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        for chunk in copy:
            buffer.write(chunk)
    rows = np.frombuffer(buffer.getbuffer()[_COPY_HEADER:-2], dtype=row)
    return rows["key"].astype(np.int64), rows["vector"].astype(np.float32)
