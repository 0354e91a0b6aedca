"""Tasks whose right answers stand in the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

from django.db.models import TextField, Value
from django.db.models.functions import MD5, Cast, Concat

from recommend.models import Item
from training.data_sets.curriculum.samples import Sample

# Departments that a text is told apart by, the largest.
MOST_DEPARTMENTS = 20


def samples(task: str, most: int, seed: int, today: date) -> Iterator[Sample]:
    """At most so many samples of a task, of items that are drawn by lot."""
    number = MD5(Concat(Value(f"{seed}:{task}:", TextField()), Cast("pk", TextField())))
    items = Item.objects.exclude(category=[]).alias(lot=number).order_by("lot")
    make = _MAKERS[task](today)
    found = (made for item in items.iterator() if (made := make(item)) is not None)
    for _, sample in zip(range(most), found, strict=False):
        yield sample


def _key_information(today: date) -> Callable[[Item], Sample | None]:
    def make(item: Item) -> Sample | None:
        told = {"product": item.category[-1], "size": str(item.attributes.get("size", "")), "brand": item.brand}
        # What the title does not say cannot be taken out of it.
        answer = {name: value for name, value in told.items() if value and value.lower() in item.title.lower()}
        if "product" not in answer or len(answer) < 2:
            return None
        return Sample("key-information", {"title": item.title}, answer, today, items=(item.sku,))

    return make


def _key_points(today: date) -> Callable[[Item], Sample | None]:
    def make(item: Item) -> Sample | None:
        card = f"{item.title}\n{' > '.join(item.category)}"
        return Sample("key-points", {"item": card}, {"item": item.short_text}, today, items=(item.sku,))

    return make


def _text_classification(today: date) -> Callable[[Item], Sample | None]:
    departments = _departments()
    listed = "; ".join(departments)

    def make(item: Item) -> Sample | None:
        if len(departments) < 2 or item.category[0] not in departments:
            return None
        places = {"title": item.title, "departments": listed}
        return Sample("text-classification", places, {"department": item.category[0]}, today, items=(item.sku,))

    return make


def _departments() -> list[str]:
    """The first levels of the categories, the largest, by name."""
    counts: dict[str, int] = {}
    for first in Item.objects.exclude(category=[]).values_list("category__0", flat=True).iterator():
        counts[first] = counts.get(first, 0) + 1
    return sorted(sorted(counts, key=lambda name: (-counts[name], name))[:MOST_DEPARTMENTS])


_MAKERS: dict[str, Callable[[date], Callable[[Item], Sample | None]]] = {
    "key-information": _key_information,
    "key-points": _key_points,
    "text-classification": _text_classification,
}
