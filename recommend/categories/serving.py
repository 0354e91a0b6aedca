"""Ask the newest φ."""

from collections.abc import Sequence
from functools import lru_cache
from uuid import UUID

from django.conf import settings

from recommend.categories.model import Category, CategoryModel
from recommend.models import RetrievalIndex
from recommend.retrieval.embedding import encoder
from recommend.retrieval.errors import NotFittedError


def categories_of(texts: Sequence[str]) -> list[Category]:
    """The most probable category of each text, such as an item tag. Raises NotFittedError before the first fit.

    An item's own category in the same terms is `category_at(item.category)`.
    """
    newest = RetrievalIndex.objects.newest(RetrievalIndex.Kind.CATEGORIES)
    if newest is None:
        raise NotFittedError("No model tells categories yet. Run `manage.py fit_categories` after importing items.")
    return _load(newest.pk).predict(encoder(settings.EMBEDDING_MODEL_DIR).encode(texts))


@lru_cache(maxsize=1)
def _load(pk: UUID) -> CategoryModel:
    return CategoryModel.from_bytes(bytes(RetrievalIndex.objects.get(pk=pk).data))
