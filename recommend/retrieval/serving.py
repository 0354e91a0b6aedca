"""Turn a shopper's last items and tags into a list of items with their score's parts."""

from collections.abc import Collection, Sequence
from functools import lru_cache
from uuid import UUID

import numpy as np
from django.conf import settings
from django.db import connection

from recommend.models import Item, RetrievalIndex
from recommend.retrieval.cooccurrence import Cooccurrence
from recommend.retrieval.embedding import encoder
from recommend.retrieval.fusion import Candidate, Scored, fuse
from recommend.retrieval.texts import nearest
from recommend.retrieval.vectors.versions import NoVersionError

N_COLLABORATIVE = 200  # candidates from the collaborative arm
N_TEXTS = 8  # nearest item texts per tag
N_ITEMS_PER_TEXT = 3  # most popular items of a text


class NotFittedError(RuntimeError):
    """There is no fitted index to serve from."""


def recommend(
    *, history: Sequence[Sequence[UUID]], tags: Sequence[str], exclude: Collection[UUID], beta: float, n: int
) -> list[Scored]:
    """The best `n` items for a shopper.

    history  ids of the items that the shopper took, by moment (a basket), oldest first
    tags     item tags in words; none leaves the collaborative arm alone
    exclude  items that must not be offered (bought just now)
    beta     weight of the collaborative arm, 0 to 1

    Raises NotFittedError before the first fit, ValueError for a beta outside 0 to 1.
    """
    votes = _index().scores(history)
    vectors = encoder(settings.EMBEDDING_MODEL_DIR).encode(tags)
    wanted = set(sorted(votes, key=lambda item: -votes[item])[:N_COLLABORATIVE]) | _near(vectors)
    candidates = _candidates(sorted(wanted - set(exclude)), votes, vectors)
    return fuse(candidates, beta=beta, n=n)


def _index() -> Cooccurrence:
    newest = RetrievalIndex.objects.order_by("-created_at").values_list("pk", flat=True).first()
    if newest is None:
        raise NotFittedError("Retrieval is not fitted yet. Run `manage.py fit_retrieval` after importing behaviours.")
    return _load(newest)


@lru_cache(maxsize=1)
def _load(pk: UUID) -> Cooccurrence:
    return Cooccurrence.from_bytes(bytes(RetrievalIndex.objects.get(pk=pk).data))


def _near(vectors: np.ndarray) -> set[UUID]:
    """The most popular items of the texts nearest to each vector."""
    try:
        texts = nearest(vectors, N_TEXTS)
    except NoVersionError as error:
        raise NotFittedError(f"{error} Run `manage.py fit_retrieval`.") from error
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT item.id FROM unnest(%s::bigint[]) AS near (id) CROSS JOIN LATERAL (
                   SELECT id FROM recommend_item WHERE text_embedding_id = near.id
                   ORDER BY n_behaviors DESC, id LIMIT %s
               ) AS item""",
            [sorted(texts), N_ITEMS_PER_TEXT],
        )
        return {row[0] for row in cursor.fetchall()}


def _candidates(ids: Sequence[UUID], votes: dict[UUID, float], vectors: np.ndarray) -> list[Candidate]:
    items = Item.objects.filter(pk__in=ids).select_related("text_embedding").order_by("pk")
    texts = {item.text_embedding_id: item.text_embedding.embedding for item in items if item.text_embedding}
    similarity = {key: vectors @ np.asarray(vector, dtype=np.float32) for key, vector in texts.items()}
    nothing = np.zeros(len(vectors), dtype=np.float32)
    return [
        Candidate(
            item_id=item.pk,
            group=item.semantic_text,
            collaborative=votes.get(item.pk, 0.0),
            similarities=tuple(float(value) for value in similarity.get(item.text_embedding_id, nothing)),
        )
        for item in items
    ]
