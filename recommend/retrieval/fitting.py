"""Fit what retrieval serves from: item popularity, text embeddings, and the co-occurrence of items."""

import io
from collections.abc import Callable, Iterator

import numpy as np
from django.conf import settings
from django.db import connection, transaction

from recommend import histories, sessions
from recommend.models import RetrievalIndex, TextEmbedding
from recommend.retrieval import cooccurrence, texts
from recommend.retrieval.embedding import MODEL_NAME, encoder
from recommend.retrieval.stored import store

Report = Callable[[str], None]

# The same words as Item.semantic_text, in SQL.
_SEMANTIC_TEXT = "CASE WHEN cardinality(category) > 1 THEN array_to_string(category[2:], ', ') ELSE title END"
_COPY_HEADER = 19  # bytes before the first row of COPY's binary format
# A row of two int4 and an int8: field count, then length and value of each, all big-endian.
_COPY_ROW = np.dtype(
    [
        ("fields", ">i2"),
        ("shopper_bytes", ">i4"),
        ("shopper", ">i4"),
        ("item_bytes", ">i4"),
        ("item", ">i4"),
        ("moment_bytes", ">i4"),
        ("moment", ">i8"),
    ]
)


def fit(report: Report = lambda message: None) -> RetrievalIndex:
    """Fit everything anew from the stored items and behaviours; the old index serves until this one is committed."""
    embed_item_texts(report)
    texts.index(report)
    count_popularity(report)
    return fit_cooccurrence(report)


def embed_item_texts(report: Report = lambda message: None) -> int:
    """Give every item the embedding of its text; returns how many texts were new."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT DISTINCT {_SEMANTIC_TEXT} AS text FROM recommend_item
                EXCEPT SELECT text FROM recommend_textembedding WHERE model = %s""",  # noqa: S608  # our own constant
            [MODEL_NAME],
        )
        texts = sorted(row[0] for row in cursor.fetchall())
    vectors = encoder(settings.EMBEDDING_MODEL_DIR).encode(texts)
    TextEmbedding.objects.bulk_create(
        (
            TextEmbedding(text=text, model=MODEL_NAME, embedding=vector)
            for text, vector in zip(texts, vectors, strict=True)
        ),
        ignore_conflicts=True,
        batch_size=1000,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE recommend_item AS item SET text_embedding_id = found.id FROM recommend_textembedding AS found
                WHERE found.model = %s AND found.text = {_SEMANTIC_TEXT}
                  AND item.text_embedding_id IS DISTINCT FROM found.id""",  # noqa: S608  # our own constant
            [MODEL_NAME],
        )
    report(f"{len(texts):,} item texts embedded")
    return len(texts)


def count_popularity(report: Report = lambda message: None) -> None:
    """Store how many behaviours each item has."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE recommend_item AS item SET n_behaviors = coalesce(counted.n, 0)
               FROM recommend_item AS every
               LEFT JOIN (SELECT item_id, count(*) AS n FROM recommend_behavior GROUP BY item_id) AS counted
                 ON counted.item_id = every.id
               WHERE item.id = every.id AND item.n_behaviors IS DISTINCT FROM coalesce(counted.n, 0)"""
        )
        report(f"popularity of {cursor.rowcount:,} items counted")


def fit_cooccurrence(report: Report = lambda message: None) -> RetrievalIndex:
    """Fit the collaborative arm from all behaviours with an item, and store it."""
    # One snapshot for both queries: an import that commits in between must not shift the item numbers.
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM recommend_item WHERE n_behaviors > 0 ORDER BY id")
            ids = np.array([row[0].bytes for row in cursor.fetchall()], dtype="V16")
            shoppers, items, moments = _events(cursor)
        visits = sessions.moments(shoppers, moments, histories.session_gap())
        model = cooccurrence.fit(shoppers, items, visits, ids)
        index = store(RetrievalIndex.Kind.COOCCURRENCE, model.to_bytes(), n_items=len(ids), n_behaviors=len(items))
    report(f"{len(model.followers):,} co-occurrences of {len(ids):,} items fitted from {len(items):,} behaviours")
    return index


def _events(cursor: object) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shopper, item number and time in microseconds of every event, by shopper and time: (n,) each.

    Binary COPY of integers reads straight into numpy: a million rows take a second, as Python objects ten.
    """
    query = """COPY (
        WITH numbered AS (
            SELECT id, (row_number() OVER (ORDER BY id) - 1)::int4 AS number
            FROM recommend_item WHERE n_behaviors > 0
        ), shoppers AS (SELECT id, (row_number() OVER (ORDER BY id) - 1)::int4 AS number FROM recommend_shopper)
        SELECT shoppers.number, numbered.number, (extract(epoch FROM event.occurred_at) * 1000000)::int8
        FROM recommend_behavior AS event
        JOIN numbered ON numbered.id = event.item_id
        JOIN shoppers ON shoppers.id = event.shopper_id
        WHERE event.kind NOT IN ('click', 'return')
        ORDER BY shoppers.number, event.occurred_at, event.id
    ) TO STDOUT (FORMAT binary)"""
    buffer = io.BytesIO()
    for chunk in _copy(cursor, query):
        buffer.write(chunk)
    rows = np.frombuffer(buffer.getbuffer()[_COPY_HEADER:-2], dtype=_COPY_ROW)
    return rows["shopper"].astype(np.int64), rows["item"].astype(np.int64), rows["moment"].astype(np.int64)


def _copy(cursor: object, query: str) -> Iterator[bytes]:
    with cursor.copy(query) as copy:  # type: ignore[attr-defined]  # psycopg's own, passed through by Django
        yield from copy
