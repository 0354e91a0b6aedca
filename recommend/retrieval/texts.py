"""Item texts as vectors: the index that the semantic arm searches, kept as the catalogue is."""

from collections.abc import Callable, Collection, Iterator

import numpy as np
from django.conf import settings
from django.db import connection

from recommend.models import EMBEDDING_DIMENSIONS, Output, TextEmbedding, VectorVersion
from recommend.retrieval.embedding import MODEL_NAME, encoder
from recommend.retrieval.vectors import versions
from recommend.retrieval.vectors.exact import ExactIndex
from recommend.retrieval.vectors.hnsw import HnswIndex

ALIAS = "item-texts"
N_PROBES = 100  # searches that the recall is measured on
BATCH_SIZE = 2000

# Of every text that an item has: its labels, which are the categories of its items.
_LABELLED = """SELECT item.text_embedding_id,
        coalesce(array_agg(DISTINCT level ORDER BY level) FILTER (WHERE level IS NOT NULL), '{}')
    FROM recommend_item AS item
    JOIN recommend_textembedding AS text ON text.id = item.text_embedding_id AND text.model = %s
    LEFT JOIN LATERAL unnest(item.category) AS level ON true
    GROUP BY item.text_embedding_id"""


def nearest(vectors: np.ndarray, k: int, categories: Collection[str] = ()) -> set[int]:
    """Ids of the texts that are among the `k` nearest to one of the vectors (q, dimensions).

    categories  names of any level; only texts of items in one of them. None: all
    """
    if not len(vectors):
        return set()
    return {hit.key for hits in versions.serving(ALIAS).search(vectors, k, labels=categories) for hit in hits}


def index(report: Callable[[str], None] = lambda message: None, *, anew: bool = False) -> VectorVersion:
    """Bring the index up to the stored texts, and have it searched once it is measured.

    A new version is made where the settings or the embedding model ask for another one, or with `anew`; else the
    present one gets what has changed. Raises LowRecallError, and leaves the old version serving, where the new one
    finds too little.
    """
    labelled = _labels()
    kind, options = versions.wanted(len(labelled))
    version = versions.current(ALIAS)
    is_new = anew or version is None or (version.model, version.kind, version.options) != (MODEL_NAME, kind, options)
    if is_new or version is None:
        version = VectorVersion.objects.create(
            model=MODEL_NAME, dimensions=EMBEDDING_DIMENSIONS, kind=kind, options=options
        )
    found = versions.open_version(version)
    n_changed = _bring_up(found, labelled)
    if is_new and isinstance(found, HnswIndex):
        found.build()
    if is_new or n_changed:
        versions.measure(version, _probes(found))
        versions.switch(ALIAS, version)
    report(f"{n_changed:,} of {version.n_vectors:,} vectors new in the index ({version.get_kind_display().lower()})")
    if version.n_probes:
        report(f"it finds {version.recall:.1%} of the {versions.RECALL_AT} nearest")
    return version


def measure() -> VectorVersion:
    """Measure the recall of the version that is searched, and store it. Raises NoVersionError."""
    found = versions.serving(ALIAS)
    versions.measure(found.version, _probes(found))
    return found.version


def _bring_up(found: ExactIndex | HnswIndex, labelled: dict[int, list[str]]) -> int:
    """Store what is new or has other labels, take out what no item has any more; how many of both."""
    stored = dict(found.version.vectors.values_list("key", "labels"))
    stale = stored.keys() - labelled.keys()
    if stale:
        found.delete(stale)
    changed = sorted(key for key, labels in labelled.items() if stored.get(key) != labels)
    for keys, vectors in _stored_vectors(changed):
        found.upsert(keys, vectors, labelled)
    return len(stale) + len(changed)


def _labels() -> dict[int, list[str]]:
    with connection.cursor() as cursor:
        cursor.execute(_LABELLED, [MODEL_NAME])
        return dict(cursor.fetchall())


def _stored_vectors(ids: list[int]) -> Iterator[tuple[list[int], np.ndarray]]:
    for start in range(0, len(ids), BATCH_SIZE):
        rows = TextEmbedding.objects.filter(pk__in=ids[start : start + BATCH_SIZE]).values_list("pk", "embedding")
        keys, vectors = zip(*rows, strict=True)
        yield list(keys), np.array([np.asarray(vector, dtype=np.float32) for vector in vectors])


def _probes(found: ExactIndex | HnswIndex) -> np.ndarray:
    """What the recall is measured on: the latest tags, which is what is searched for, and item texts without them.

    An exact search needs no measuring: none.
    """
    if isinstance(found, ExactIndex):
        return np.empty((0, EMBEDDING_DIMENSIONS))
    tags = list(
        Output.objects.kept()
        .filter(kind=Output.Kind.TAG)
        .order_by("-created_at")
        .values_list("text", flat=True)[:N_PROBES]
    )
    if tags:
        return encoder(settings.EMBEDDING_MODEL_DIR).encode(tags)
    some = sorted(found.version.vectors.order_by("?").values_list("key", flat=True)[:N_PROBES])
    return np.concatenate([np.empty((0, EMBEDDING_DIMENSIONS)), *(vectors for _, vectors in _stored_vectors(some))])
