"""Items as rows of codes, which the item tower embeds. Pure numpy.

Sparse features are the item itself, the levels of its category and its brand; dense ones, price and popularity, are cut
into tenths, as the V1 report discretises them. A code of 0 is what the towers have not seen.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from recommend.categories.model import category_at

COLUMNS = ("item", "department", "category", "kind", "brand", "price", "popularity")
CATEGORY = COLUMNS.index("category")
_TENTHS = np.linspace(0.1, 0.9, 9)


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item as the catalogue has it."""

    id: bytes
    title: str
    category: tuple[str, ...]
    brand: str
    price: float | None
    n_behaviors: int


@dataclass(frozen=True)
class Vocabulary:
    """The codes that values have: of names by name, of prices and popularity by the borders between tenths."""

    items: Mapping[bytes, int]
    names: Mapping[str, Mapping[str, int]]
    prices: Sequence[float]
    popularity: Sequence[float]

    @classmethod
    def of(cls, items: Sequence[ItemRow]) -> Self:
        """The vocabulary of a catalogue."""
        names: dict[str, dict[str, int]] = {}
        for column in ("department", "category", "kind", "brand"):
            seen = sorted({name for item in items if (name := _name(item, column))})
            names[column] = {name: code for code, name in enumerate(seen, start=1)}
        prices = [item.price for item in items if item.price is not None]
        return cls(
            {item.id: code for code, item in enumerate(items, start=1)},
            names,
            np.quantile(prices, _TENTHS).tolist() if prices else [],
            np.quantile([item.n_behaviors for item in items], _TENTHS).tolist() if items else [],
        )

    @property
    def sizes(self) -> list[int]:
        """How many codes each of COLUMNS has."""
        named = [len(self.names[column]) + 1 for column in COLUMNS[1:5]]
        return [len(self.items) + 1, *named, len(self.prices) + 2, len(self.popularity) + 2]

    def codes(self, items: Sequence[ItemRow]) -> np.ndarray:
        """(n, COLUMNS) int64 codes of items, whether the vocabulary was made of them or not."""
        rows = np.zeros((len(items), len(COLUMNS)), dtype=np.int64)
        for row, item in zip(rows, items, strict=True):
            row[0] = self.items.get(item.id, 0)
            for place, column in enumerate(COLUMNS[1:5], start=1):
                row[place] = self.names[column].get(_name(item, column), 0)
            row[5] = 0 if item.price is None else 1 + np.searchsorted(self.prices, item.price)
            row[6] = 1 + np.searchsorted(self.popularity, item.n_behaviors)
        return rows

    def to_json(self) -> str:
        """All but the items, which are stored as bytes."""
        return json.dumps({"names": self.names, "prices": list(self.prices), "popularity": list(self.popularity)})

    @classmethod
    def from_json(cls, items: Iterable[bytes], text: str) -> Self:
        return cls({item: code for code, item in enumerate(items, start=1)}, **json.loads(text))


def _name(item: ItemRow, column: str) -> str:
    if column == "brand":
        return item.brand
    levels = {"department": item.category[:1], "category": category_at(item.category), "kind": item.category}
    return " > ".join(levels[column])
