"""Versions of an index: made, measured, and switched to behind an alias, with a way back."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from recommend.models import VectorAlias, VectorVersion
from recommend.retrieval.vectors import hnsw
from recommend.retrieval.vectors.exact import ExactIndex
from recommend.retrieval.vectors.hnsw import HnswIndex

RECALL_AT = 100


class NoVersionError(LookupError):
    """The alias names no version yet."""


class LowRecallError(RuntimeError):
    """A version finds too little to be switched to."""


def open_version(version: VectorVersion) -> ExactIndex | HnswIndex:
    """The index that searches a version."""
    return HnswIndex(version) if version.kind == VectorVersion.Kind.HNSW else ExactIndex(version)


def serving(alias: str) -> ExactIndex | HnswIndex:
    """The index that the alias names. Raises NoVersionError before the first switch."""
    version = current(alias)
    if version is None:
        raise NoVersionError(f"The vector index {alias} has no version yet.")
    return open_version(version)


def current(alias: str) -> VectorVersion | None:
    """The version that the alias names."""
    found = VectorAlias.objects.filter(name=alias).select_related("version").first()
    return found.version if found else None


def wanted(n_vectors: int) -> tuple[VectorVersion.Kind, Mapping[str, Any]]:
    """What the settings ask for at this size: the kind of index and its options."""
    kind = settings.VECTOR_INDEX
    if kind == "auto":
        kind = "exact" if n_vectors <= settings.VECTOR_EXACT_UP_TO else "hnsw"
    return VectorVersion.Kind(kind), settings.VECTOR_HNSW if kind == "hnsw" else {}


def measure(version: VectorVersion, queries: np.ndarray) -> float:
    """Measure and store recall@100: of the exact nearest to each query, the share that a search finds."""
    index = open_version(version)
    version.recall, version.n_probes, version.probed_at = 1.0, 0, timezone.now()
    if isinstance(index, HnswIndex) and len(queries):
        shares = [
            len({hit.key for hit in found} & {hit.key for hit in exact}) / len(exact)
            for found, exact in zip(index.search(queries, RECALL_AT), index.search_all(queries, RECALL_AT), strict=True)
            if exact
        ]
        version.recall, version.n_probes = (float(np.mean(shares)) if shares else 1.0), len(shares)
    version.save(update_fields=["recall", "n_probes", "probed_at"])
    return version.recall


def switch(alias: str, version: VectorVersion) -> None:
    """Have the alias name this version; the one before stays as the way back, older ones are removed.

    Raises LowRecallError where the version was measured to find less than VECTOR_MIN_RECALL.
    """
    if version.recall is not None and version.recall < settings.VECTOR_MIN_RECALL:
        raise LowRecallError(
            f"{version} finds {version.recall:.1%} of the {RECALL_AT} nearest, and VECTOR_MIN_RECALL is "
            f"{settings.VECTOR_MIN_RECALL:.1%}. Raise ef_search, m or ef_construction in VECTOR_HNSW, or lower the bar."
        )
    with transaction.atomic():
        found = VectorAlias.objects.select_for_update().filter(name=alias).first()
        if found is None:
            VectorAlias.objects.create(name=alias, version=version)
        elif found.version_id != version.pk:
            found.previous, found.version = found.version, version
            found.save(update_fields=["version", "previous", "switched_at"])
        _remove_older(version)


def back(alias: str) -> VectorVersion:
    """Have the alias name the version before, and keep the present one; returns it. Raises NoVersionError."""
    with transaction.atomic():
        found = VectorAlias.objects.select_for_update().filter(name=alias).first()
        if found is None or found.previous is None:
            raise NoVersionError(f"The vector index {alias} has no version to go back to.")
        found.version, found.previous = found.previous, found.version
        found.save(update_fields=["version", "previous", "switched_at"])
        return found.version


def _remove_older(version: VectorVersion) -> None:
    """Remove what was made before this version and is not named; what is newer may be in the making."""
    named = VectorAlias.objects.values_list("version", "previous")
    kept = {pk for pair in named for pk in pair if pk}
    for older in VectorVersion.objects.filter(created_at__lt=version.created_at).exclude(pk__in=kept):
        hnsw.drop(older)
        older.delete()
