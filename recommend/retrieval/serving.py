"""Turn a shopper's last items and tags into a list of items with their score's parts."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from uuid import UUID

import numpy as np
from django.conf import settings
from django.db import connection

from recommend.models import Item, RetrievalIndex, TextEmbedding
from recommend.retrieval.cooccurrence import Cooccurrence
from recommend.retrieval.embedding import encoder
from recommend.retrieval.errors import NotFittedError
from recommend.retrieval.fusion import Arm, Candidate, Scored, fuse
from recommend.retrieval.selection import (
    Rules,
    Step,
    at_most_per_group,
    diverse,
    first,
    in_categories,
    select,
    without,
)
from recommend.retrieval.texts import nearest
from recommend.retrieval.vectors.versions import NoVersionError
from recommend.towers import asking
from recommend.towers.served import Person

N_COLLABORATIVE = 200  # candidates from the collaborative arm
N_TEXTS = 8  # nearest item texts per tag
N_ITEMS_PER_TEXT = 3  # most popular items of a text
PER_GROUP = 1  # items of one text in a list: they differ in size and brand only


def recommend(
    *,
    history: Sequence[Sequence[UUID]],
    tags: Sequence[str],
    recent: Collection[UUID],
    beta: float,
    n: int,
    person: Person | None = None,
    rules: Rules | None = None,
) -> list[Scored]:
    """The best `n` items for a shopper.

    history  ids of the items that the shopper took, by moment (a basket), oldest first
    tags     item tags in words; none leaves the collaborative arm alone
    recent   items that were taken in the past month
    beta     weight of the collaborative arm, 0 to 1
    person   whom the user tower is asked about, where towers serve; None: it is not asked
    rules    what may be offered; None: RETRIEVAL_RULES

    Raises NotFittedError before the first fit, ValueError for a beta outside 0 to 1.
    """
    asked = Rules(**settings.RETRIEVAL_RULES) if rules is None else rules
    votes = _index().scores(history)
    towers = asking.newest()
    by_vote, by_user, by_tag = _best(votes), set[UUID](), set[UUID]()
    if towers and person:
        taken = {item for moment in history for item in moment}
        votes, by_user = asking.blended(towers, person, taken, votes, N_COLLABORATIVE)
    if towers:
        by_tag = asking.near(towers, tags)
    vectors = encoder(settings.EMBEDDING_MODEL_DIR).encode(tags)
    if asked.categories:
        votes = _in(asked.categories, votes)
    voted = _best(votes)
    near = _near(vectors, asked.categories)
    left_out = _taken(asked, history, recent)
    items = _items((voted | near | by_tag) - left_out)
    unit = {item.text_embedding_id: _vector(item.text_embedding) for item in items if item.text_embedding}
    nothing = np.zeros(len(vectors), dtype=np.float32)
    similarity = {key: vectors @ vector for key, vector in unit.items()}
    candidates = [
        Candidate(
            item_id=item.pk,
            arm=_arm(item.pk in voted, item.pk in near, item.pk in by_tag, is_by_tower=item.pk in by_user - by_vote),
            collaborative=votes.get(item.pk, 0.0),
            similarities=tuple(float(value) for value in similarity.get(item.text_embedding_id, nothing)),
        )
        for item in items
    ]
    return select(fuse(candidates, beta=beta, by=settings.RETRIEVAL_FUSION), _steps(asked, items, unit, n))


def votes_for(item: UUID, history: Sequence[Sequence[UUID]]) -> dict[UUID, float]:
    """Which of the shopper's items vote for `item` in the collaborative arm, each with its share; the loudest first.

    Raises NotFittedError before the first fit.
    """
    return _index().votes_for(item, history)


def fitted_at() -> datetime | None:
    """When the collaborative arm that serves now was fitted; None before the first fit."""
    newest = RetrievalIndex.objects.newest(RetrievalIndex.Kind.COOCCURRENCE)
    return newest.created_at if newest else None


def _taken(rules: Rules, history: Sequence[Sequence[UUID]], recent: Collection[UUID]) -> set[UUID]:
    """What the shopper has taken and is not to be offered again."""
    if rules.taken == "offered":
        return set()
    return set(recent) | ({item for moment in history for item in moment} if rules.taken == "ever" else set())


def _steps(rules: Rules, items: Sequence[Item], unit: Mapping[int | None, np.ndarray], n: int) -> list[Step]:
    """From scored items to the list, in the order in which it is narrowed."""
    steps: list[Step] = []
    if rules.categories:
        steps.append(in_categories(rules.categories, {item.pk: item.category for item in items}))
    if rules.in_stock_only:
        steps.append(without(item.pk for item in items if item.attributes.get("in_stock") is False))
    steps.append(at_most_per_group(PER_GROUP, {item.pk: item.semantic_text for item in items}))
    if rules.diversity > 0:
        vectors = {item.pk: unit[item.text_embedding_id] for item in items if item.text_embedding_id in unit}
        steps.append(diverse(rules.diversity, vectors, n))
    return [*steps, first(n)]


def _in(categories: Collection[str], votes: Mapping[UUID, float]) -> dict[UUID, float]:
    """The votes for items in one of the categories, the best at 1 again."""
    wanted = Item.objects.filter(pk__in=list(votes), category__overlap=list(categories)).values_list("pk", flat=True)
    kept = {item: votes[item] for item in wanted}
    best = max(kept.values(), default=1.0)
    return {item: vote / best for item, vote in kept.items()}


def _best(votes: Mapping[UUID, float]) -> set[UUID]:
    return set(sorted(votes, key=lambda item: -votes[item])[:N_COLLABORATIVE])


def _arm(is_voted: bool, is_near: bool, is_near_by_tower: bool, *, is_by_tower: bool) -> Arm:
    if is_voted and (is_near or is_near_by_tower):
        return "both"
    if is_voted:
        return "user_tower" if is_by_tower else "collaborative"
    return "semantic" if is_near else "tag_tower"


def _index() -> Cooccurrence:
    newest = RetrievalIndex.objects.newest(RetrievalIndex.Kind.COOCCURRENCE)
    if newest is None:
        raise NotFittedError("Retrieval is not fitted yet. Run `manage.py fit_retrieval` after importing behaviours.")
    return _load(newest.pk)


@lru_cache(maxsize=1)
def _load(pk: UUID) -> Cooccurrence:
    return Cooccurrence.from_bytes(bytes(RetrievalIndex.objects.get(pk=pk).data))


def _near(vectors: np.ndarray, categories: Collection[str]) -> set[UUID]:
    """The most popular items of the texts nearest to each vector, in one of the categories where there are any."""
    try:
        texts = nearest(vectors, N_TEXTS, categories)
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


def _items(ids: Collection[UUID]) -> list[Item]:
    return list(Item.objects.filter(pk__in=ids).select_related("text_embedding").order_by("pk"))


def _vector(embedding: TextEmbedding) -> np.ndarray:
    return np.asarray(embedding.embedding, dtype=np.float32)
