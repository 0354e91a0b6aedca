"""Approximate search by pgvector's HNSW over half-precision vectors.

Each version has a partial index of its own, which casts to its dimensions: versions of different models lie in one
table. pgvector filters after it has searched; with an iterative scan it goes on until enough vectors with the wanted
labels are found, or `max_scan_tuples` were read (from 0.8.0 on; below 0.8.4 HNSW has known defects).
"""

from collections.abc import Collection

import numpy as np
from django.db import connection, transaction

from recommend.models import VectorVersion
from recommend.retrieval.vectors.contract import Hit, checked
from recommend.retrieval.vectors.store import Store

MAX_EF_SEARCH = 1000  # pgvector's own limit


class HnswIndex(Store):
    """Finds nearly all of the nearest, in a time that hardly grows; how many is measured (VectorVersion.recall)."""

    def build(self) -> None:
        """Make the version's index, once its vectors are there: that is much faster than adding them one by one."""
        options = self.version.options
        with connection.cursor() as cursor:
            # Foreign keys are checked at the end of a transaction, and a table with checks to come cannot be indexed.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(
                f"""CREATE INDEX {index_name(self.version)} ON recommend_vector
                    USING hnsw ((vector::halfvec({int(self.version.dimensions)})) halfvec_cosine_ops)
                    WITH (m = {int(options["m"])}, ef_construction = {int(options["ef_construction"])})
                    WHERE version_id = '{self.version.pk}'"""
            )

    def search(self, queries: np.ndarray, k: int, *, labels: Collection[str] = ()) -> list[list[Hit]]:
        return self._search(queries, k, labels=labels, is_exact=False)

    def search_all(self, queries: np.ndarray, k: int) -> list[list[Hit]]:
        """What an exact search finds, by reading every vector: slow, to measure the index against."""
        return self._search(queries, k, labels=(), is_exact=True)

    def _search(self, queries: np.ndarray, k: int, *, labels: Collection[str], is_exact: bool) -> list[list[Hit]]:
        if k < 1:
            raise ValueError(f"k is {k}; at least 1 vector is searched for")
        wanted = checked(queries, self.version.dimensions)
        half = f"halfvec({int(self.version.dimensions)})"
        # The version is written into the statement: a partial index is only used where its condition is seen to hold.
        query = f"""SELECT key, 1 - (vector::{half} <=> %s::{half}) AS cosine FROM recommend_vector
                    WHERE version_id = '{self.version.pk}' {"AND labels && %s::text[]" if labels else ""}
                    ORDER BY vector::{half} <=> %s::{half} LIMIT %s"""  # noqa: S608  # numbers and an id of our own
        settings = {
            "enable_indexscan": "off" if is_exact else "on",
            # No fewer than k can be found with less; the scan goes on where a filter leaves too few.
            "hnsw.ef_search": str(min(MAX_EF_SEARCH, max(k, int(self.version.options["ef_search"])))),
            "hnsw.iterative_scan": "relaxed_order",
            "hnsw.max_scan_tuples": str(int(self.version.options["max_scan_tuples"])),
        }
        found: list[list[Hit]] = []
        with transaction.atomic(), connection.cursor() as cursor:
            # Loads the extension, so that its settings are known.
            cursor.execute("SELECT '[1]'::halfvec(1) <=> '[1]'::halfvec(1)")
            for name, value in settings.items():
                cursor.execute("SELECT set_config(%s, %s, true)", [name, value])
            for vector in wanted:
                text = literal(vector)
                limits = [list(labels)] if labels else []
                cursor.execute(query, [text, *limits, text, k])
                hits = [Hit(key, float(cosine)) for key, cosine in cursor.fetchall()]
                found.append(sorted(hits, key=lambda hit: (-hit.cosine, hit.key)))
        return found


def literal(vector: np.ndarray) -> str:
    """A vector as pgvector reads it."""
    return "[" + ",".join(f"{value:.6f}" for value in vector) + "]"


def index_name(version: VectorVersion) -> str:
    return f"vector_hnsw_{version.pk.hex}"


def drop(version: VectorVersion) -> None:
    """Remove a version's index, if it has one."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX IF EXISTS {index_name(version)}")
