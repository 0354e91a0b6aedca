"""Behaviours as a warehouse exports them, in each of the layouts that we read."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

Rows = list[dict[str, Any]]
_FIELDS: list[Any] = [  # the stubs have no common type for these
    ("shopper", pa.string()),
    ("kind", pa.string()),
    ("sku", pa.string()),
    ("query", pa.string()),
    ("occurred_at", pa.timestamp("us", tz="UTC")),
    ("quantity", pa.int64()),
    ("dwell_s", pa.float64()),
]
SCHEMA = pa.schema(_FIELDS)
ROWS_PER_GROUP = 3  # so that even a test has many


def row(shopper: str, kind: str, at: str, sku: str | None = None, **more: Any) -> dict[str, Any]:
    return {"shopper": shopper, "kind": kind, "occurred_at": moment(at), "sku": sku, **more}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def table(rows: Rows) -> pa.Table:
    return pa.Table.from_pylist(rows, SCHEMA)


def sorted_file(folder: Path, rows: Rows, name: str = "part-0.parquet") -> Path:
    """One file, sorted by shopper and time."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    ordered = sorted(rows, key=lambda one: (one["shopper"], one["occurred_at"]))
    pq.write_table(table(ordered), path, row_group_size=ROWS_PER_GROUP)
    return path


def by_month(folder: Path, rows: Rows) -> None:
    """A folder for each month, the file in it sorted."""
    for month in {f"{one['occurred_at']:%Y-%m}" for one in rows}:
        sorted_file(folder / f"month={month}", [one for one in rows if f"{one['occurred_at']:%Y-%m}" == month])


def by_shopper(folder: Path, rows: Rows) -> None:
    """A folder for each shopper, whose name is in no file."""
    for shopper in {one["shopper"] for one in rows}:
        path = folder / f"shopper={quote(shopper, safe='')}" / "data.parquet"
        path.parent.mkdir(parents=True)
        own: Iterable[dict[str, Any]] = (one for one in rows if one["shopper"] == shopper)
        pq.write_table(table(list(own)).drop_columns(["shopper"]), path, row_group_size=ROWS_PER_GROUP)


LAYOUTS: dict[str, Callable[[Path, Rows], object]] = {
    "sorted file": sorted_file,
    "months": by_month,
    "shoppers": by_shopper,
}
