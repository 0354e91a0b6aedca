"""The grocery sample, loaded by the same steps as anybody's files."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from django.db import connection, transaction

from recommend import sample_data
from recommend.imports import behaviors, items, readers, shoppers
from recommend.imports.problems import BadRows
from recommend.imports.reports import Report
from recommend.imports.upserts import Merge, Target
from recommend.models import Shopper

_BATCH_ROWS = 10_000


def households(n: int | None = None, *, everyone: bool = False) -> list[dict[str, Any]]:
    """Shopper rows: the first `n` of the 801 with demographics (None: all), or all 2,469, most without attributes."""
    known = list(islice(sample_data.shoppers(), n))
    return known + _without_demographics(known) if everyone else known


def _without_demographics(known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    path = sample_data.data_dir() / "transactions.parquet"
    numbers = np.unique(pq.read_table(path, columns=["household_id"])["household_id"].to_numpy())
    have = {row["external_id"] for row in known}
    names = (f"household-{number}" for number in numbers.tolist())
    return [{"external_id": name, "attributes": {}} for name in names if name not in have]


def is_loaded(rows: list[dict[str, Any]]) -> bool:
    """Whether all of these shoppers are there with their behaviours, which are loaded last."""
    ids = [row["external_id"] for row in rows]
    return Shopper.objects.filter(external_id__in=ids, n_behaviors__gt=0).count() == len(ids)


def load_items(rows: list[dict[str, Any]]) -> Report:
    """Store the items that these shoppers bought."""
    return _merge(items.TARGET, sample_data.items(bought_by=[row["external_id"] for row in rows]))


def load_shoppers(rows: list[dict[str, Any]]) -> Report:
    """Store these shoppers."""
    return _merge(shoppers.TARGET, rows)


def load_behaviors(rows: list[dict[str, Any]], say: Callable[[str], object]) -> Report:
    """Store the purchases of these shoppers, whose items are there."""
    table = sample_data.purchases([row["external_id"] for row in rows])
    kind = pa.array(["purchase"]).dictionary_encode().take(pa.array([0] * table.num_rows))
    return behaviors.load_table(table.append_column("kind", kind), name="purchases", say=say)


def _merge(target: Target, rows: Iterable[dict[str, Any]]) -> Report:
    numbered = (readers.Row(number, values, "") for number, values in enumerate(rows, 1))
    with BadRows("sample data", unit="row") as bad_rows, transaction.atomic(), connection.cursor() as cursor:
        merge = Merge(target, bad_rows, cursor)
        while chunk := list(islice(numbered, _BATCH_ROWS)):
            merge.stage(chunk)
        return merge.finish()
