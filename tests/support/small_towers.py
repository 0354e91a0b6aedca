"""A small log with a taste in it: everybody takes things of one of four categories, and seldom others.

Tests without torch read towers that were trained on it from FILE; train_small_towers writes that.
"""

from pathlib import Path
from uuid import UUID

import numpy as np

from recommend.towers.features import ItemRow
from recommend.towers.log import Log

FILE = Path(__file__).parents[1] / "recommend" / "towers" / "small.npz"
CATEGORIES = ("bread", "milk", "toys", "shoes")
COLOURS = ("red", "blue", "green")
N_ITEMS, N_SHOPPERS, N_MOMENTS = 48, 80, 8
KINDS = ("cart", "purchase")


def item_id(number: int) -> UUID:
    return UUID(int=number + 1)


def shopper_id(number: int) -> UUID:
    return UUID(int=1000 + number)


def catalogue() -> list[ItemRow]:
    return [
        ItemRow(
            item_id(n).bytes,
            f"{COLOURS[n % 3]} {CATEGORIES[n % 4]} number {n}",
            ("shop", CATEGORIES[n % 4], f"{CATEGORIES[n % 4]} of kind {n % 12}"),
            ("one", "other", "")[n % 3],
            float(n) if n % 5 else None,
            10,
        )
        for n in range(N_ITEMS)
    ]


def log() -> Log:
    """Moments of three events, the even ones carts and the odd ones purchases."""
    rng = np.random.default_rng(1)
    shoppers = np.repeat(np.arange(N_SHOPPERS), 3 * N_MOMENTS)
    moments = np.tile(np.repeat(np.arange(N_MOMENTS), 3), N_SHOPPERS)
    of_taste = 4 * rng.integers(N_ITEMS // 4, size=len(shoppers)) + shoppers % 4
    items = np.where(rng.random(len(shoppers)) < 0.9, of_taste, rng.integers(N_ITEMS, size=len(shoppers)))
    ids = np.array([shopper_id(number).bytes for number in range(N_SHOPPERS)], dtype="V16")
    return Log.of(catalogue(), ids, KINDS, shoppers=shoppers, items=items, how=moments % 2, moments=moments)
