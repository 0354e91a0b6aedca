"""The categories of some texts in figures, as the page of a run shows them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from recommend.categories.serving import categories_of
from recommend.models import RetrievalIndex


@dataclass(frozen=True, slots=True)
class Summary:
    """How many texts are of which category, most first, and how far that can be trusted."""

    counts: tuple[tuple[str, int], ...]
    titles: float
    n_titles: int
    kinds: float
    n_kinds: int
    n_categories: int

    @property
    def titles_percent(self) -> float:
        return 100 * self.titles

    @property
    def kinds_percent(self) -> float:
        return 100 * self.kinds


def summary(texts: Sequence[str]) -> Summary | None:
    """None without texts, and before φ is fitted."""
    newest = RetrievalIndex.objects.newest(RetrievalIndex.Kind.CATEGORIES)
    if newest is None or not texts:
        return None
    counted = Counter(category.path[-1] for category in categories_of(texts))
    return Summary(tuple(sorted(counted.items(), key=lambda one: (-one[1], one[0]))), **newest.figures)
