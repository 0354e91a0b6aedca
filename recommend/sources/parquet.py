"""Behaviours from a folder of Parquet files, such as a warehouse exports every night."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute
from django.utils import timezone

from recommend.extraction import Event
from recommend.imports.checks import KINDS, Checked, check
from recommend.models import Shopper
from recommend.sources.base import SourceError, Totals
from recommend.sources.parquet_files import ParquetFolder, ParquetPart, is_unchanged

pc: Any = pyarrow.compute

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ParquetSource:
    """Parquet files with the columns of `import_behaviors`, sorted by shopper or in a folder for each.

    Rows are held to the rules of an import. Every row is an event of its own: files must not repeat each other.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = ParquetFolder(folder)

    def read(self, shopper: Shopper, before: datetime) -> Iterator[Event]:
        """See BehaviorSource."""
        found = [
            event
            for part, groups in self._holding(shopper.external_id)
            for event in _events(_rows(part, groups, shopper.external_id), before)
        ]
        yield from sorted(found, key=lambda event: event.at)

    def has_any(self, shopper: Shopper, before: datetime) -> bool:
        """See BehaviorSource."""
        return any(
            (_rows(part, groups, shopper.external_id).at_us < _micros(before)).any()
            for part, groups in self._holding(shopper.external_id)
        )

    def totals(self) -> Iterator[Totals]:
        """See BehaviorSource. Reads and checks every row; a shopper comes once for each row group."""
        for part in self._folder.parts():
            for group in range(part.metadata.num_row_groups):
                rows = _rows(part, [group])
                table = pa.table({"shopper": rows.shopper, "at": pa.array(rows.at_us, pa.timestamp("us", tz="UTC"))})
                grouped = table.group_by("shopper").aggregate([("at", "count"), ("at", "max")])
                columns = (grouped[name].to_pylist() for name in ("shopper", "at_count", "at_max"))
                yield from map(Totals._make, zip(*columns, strict=True))

    def _holding(self, shopper: str) -> list[tuple[ParquetPart, list[int]]]:
        """The files that may hold a shopper, with their row groups, as they are on disk now."""
        found = _those_with(shopper, self._folder.parts())
        if all(is_unchanged(part) for part, _ in found):
            return found
        return _those_with(shopper, self._folder.parts(anew=True))


def _those_with(shopper: str, parts: list[ParquetPart]) -> list[tuple[ParquetPart, list[int]]]:
    return [(part, groups) for part in parts if (groups := part.groups(shopper))]


def _rows(part: ParquetPart, groups: list[int], shopper: str | None = None) -> Checked:
    """A shopper's rows (None: all) of some row groups. Raises SourceError for a row that no import would take."""
    table = part.read(groups)
    if shopper is not None:
        table = table.filter(pc.equal(pc.cast(table["shopper"], pa.string()), shopper))
    rows = check(table, timezone.now())
    if rows.refused:
        row, (reason, value) = min(rows.refused.items())
        whose = rows.shopper[row].as_py()
        said = f"{reason} (value: {value!r})" if value else reason
        raise SourceError(
            f"{part.path.name} has a row of shopper {whose!r} that cannot be read: {said}. Export it right."
        )
    return rows


def _events(rows: Checked, before: datetime) -> Iterator[Event]:
    at = pa.array(rows.at_us, pa.timestamp("us", tz="UTC")).to_pylist()
    columns = (rows.kind.tolist(), rows.query.to_pylist(), at, rows.quantity.tolist(), rows.sku.to_pylist())
    for kind, query, moment, quantity, sku, dwell_s in zip(*columns, rows.dwell_s.tolist(), strict=True):
        if moment < before:
            yield Event(KINDS[kind], query, moment, quantity, sku, None if math.isnan(dwell_s) else dwell_s)


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
