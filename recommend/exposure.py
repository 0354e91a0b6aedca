"""How popular a run's items are and how broad their categories, beside a list of nothing but the most popular items.

The V1 report shows exposure by popularity and names the diversity of categories exposed and clicked (EICD, CICD), but
gives no formula. Here a category is two levels of a path, and a list has two figures: how many different categories,
and how many even ones would be as mixed (exp of the entropy, Hill 1973). The tail is all but the head, which is the
fewest items that have 80 % of all behaviours between them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from django.db.models import Count
from django.utils import timezone

from recommend import sources
from recommend.histories import CATEGORY_LEVELS
from recommend.models import Behavior, Item, PipelineRun
from recommend.retrieval import serving
from recommend.retrieval.errors import NotFittedError
from recommend.services import MAX_ITEMS

HEAD_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Placed:
    """An item with its place by popularity, 1 for the most popular; equal ones share the first place of theirs."""

    rank: int
    item: Item
    place: int
    is_tail: bool


@dataclass(frozen=True, slots=True)
class Diversity:
    """How many categories a list has, and how many even ones would be as mixed."""

    n: int
    effective: float


@dataclass(frozen=True, slots=True)
class Exposed:
    """A list of items as it meets the eye. tail_share is None for an empty one."""

    name: str
    items: tuple[Placed, ...]
    exposed: Diversity

    @property
    def tail_share(self) -> float | None:
        return sum(one.is_tail for one in self.items) / len(self.items) if self.items else None

    @property
    def median_place(self) -> int | None:
        places = sorted(one.place for one in self.items)
        return places[(len(places) - 1) // 2] if places else None


@dataclass(frozen=True, slots=True)
class Exposure:
    """A run's list beside the most popular items, of which there are as many.

    n_items  items of the catalogue with behaviours;  n_head  those of them that are the head
    clicked  of the listed items that the shopper did something with after the moment that the run looks from; None
             where nothing is known of that time
    """

    run: Exposed
    baseline: Exposed
    n_items: int
    n_head: int
    clicked: Diversity | None

    @property
    def lists(self) -> tuple[Exposed, Exposed]:
        return self.run, self.baseline


@dataclass(frozen=True, slots=True)
class Popularity:
    """counts: behaviours -> items with so many, the most first; most_popular: ids, as many as a list can have."""

    counts: dict[int, int]
    most_popular: tuple[UUID, ...]
    n_items: int
    n_head: int

    def place(self, n_behaviors: int) -> int:
        """Of an item with so many behaviours: 1 for the most popular."""
        return 1 + sum(n for more, n in self.counts.items() if more > n_behaviors)


def exposure_of(run: PipelineRun) -> Exposure:
    """Raises NotFittedError before the first fit, SourceError where the behaviours since cannot be read."""
    popularity = _popularity_of_now()
    items = [one.item for one in run.recommendations.select_related("item").order_by("rank")]
    wanted = popularity.most_popular[: len(items)]
    popular = Item.objects.in_bulk(wanted)
    return Exposure(
        run=_exposed("This run", items, popularity),
        baseline=_exposed("The most popular", [popular[pk] for pk in wanted if pk in popular], popularity),
        n_items=popularity.n_items,
        n_head=popularity.n_head,
        clicked=_clicked(run, items),
    )


def diversity(categories: Iterable[Sequence[str]]) -> Diversity:
    """How mixed a list of category paths is, by their first two levels.

    >>> found = diversity([["food", "tea"], ["food", "tea", "green"], ["food", "milk"], ["baby", "milk"]])
    >>> found.n, round(found.effective, 2)
    (3, 2.83)
    """
    counts = Counter(tuple(path[:CATEGORY_LEVELS]) for path in categories)
    shares = [n / counts.total() for n in counts.values()]
    return Diversity(len(counts), math.exp(-sum(share * math.log(share) for share in shares)) if shares else 0.0)


def _exposed(name: str, items: Sequence[Item], popularity: Popularity) -> Exposed:
    places = [popularity.place(item.n_behaviors) for item in items]
    placed = (
        Placed(rank, item, place, is_tail=place > popularity.n_head)
        for rank, (item, place) in enumerate(zip(items, places, strict=True), start=1)
    )
    return Exposed(name, tuple(placed), diversity(item.category for item in items))


def _clicked(run: PipelineRun, items: Sequence[Item]) -> Diversity | None:
    if run.shopper.is_guest:
        return None  # a guest does nothing after the history that it came with
    since = {
        event.sku
        for event in sources.current().read(run.shopper, timezone.now())
        if event.at >= run.reference_at and event.kind != Behavior.Kind.RETURN
    }
    return diversity(item.category for item in items if item.sku in since) if since else None


def _popularity_of_now() -> Popularity:
    fitted_at = serving.fitted_at()
    if fitted_at is None:
        raise NotFittedError("Retrieval is not fitted yet, so no popularity is counted. Run `manage.py fit_retrieval`.")
    return _popularity(fitted_at)


@lru_cache(maxsize=1)
def _popularity(fitted_at: datetime) -> Popularity:
    """What a fit counted; it changes with the next one only."""
    taken = Item.objects.filter(n_behaviors__gt=0)
    counts = dict(taken.order_by("-n_behaviors").values_list("n_behaviors").annotate(Count("pk")))
    most = tuple(taken.order_by("-n_behaviors", "pk").values_list("pk", flat=True)[:MAX_ITEMS])
    return Popularity(counts, most, sum(counts.values()), head_of(counts))


def head_of(counts: Mapping[int, int]) -> int:
    """The fewest items that have HEAD_SHARE of all behaviours. `counts`: behaviours -> items with so many.

    >>> head_of({50: 1, 20: 2, 5: 2})
    3
    """
    left, n_head = HEAD_SHARE * sum(n_behaviors * n for n_behaviors, n in counts.items()), 0
    for n_behaviors, n in sorted(counts.items(), reverse=True):
        n_needed = min(n, math.ceil(left / n_behaviors - 1e-9))
        n_head, left = n_head + n_needed, left - n_needed * n_behaviors
        if left <= 1e-9:
            break
    return n_head
