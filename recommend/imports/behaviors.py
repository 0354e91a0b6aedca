"""Loading behaviours: read in columns, checked, copied, and stored in one transaction."""

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from recommend.imports import columns, files, readers, staging
from recommend.imports.checks import Checked, check
from recommend.imports.columns import Batch
from recommend.imports.keys import KnownRows, row_hashes, text_hashes
from recommend.imports.problems import BadRow, BadRows, ImportStopped
from recommend.imports.progress import Progress
from recommend.imports.reports import Report


def load(file: files.Source, *, say: Callable[[str], object], bad_file: Path | None = None) -> Report:
    """Add the behaviours of a file that are not there yet; all of its good rows or, on an error, none.

    bad_file    where bad rows go; None: the first bad row raises ImportStopped
    """
    unit = "row" if file.format == "parquet" else "B"
    with (
        BadRows(file.path.name, bad_file, file.unit) as bad_rows,
        Progress(f"Reading {file.path.name}", readers.size(file), unit, say) as progress,
    ):
        return load_batches(columns.batches(file), bad_rows, progress, say)


def load_table(table: pa.Table, *, name: str, say: Callable[[str], object]) -> Report:
    """Add behaviours from a table in memory with columns as in a file."""
    with BadRows(name, unit="row") as bad_rows, Progress(f"Reading {name}", table.num_rows, "row", say) as progress:
        return load_batches(columns.table_batches(table), bad_rows, progress, say)


def load_batches(
    batches: Iterable[Batch], bad_rows: BadRows, progress: Progress, say: Callable[[str], object]
) -> Report:
    """Add behaviours in one transaction. Raises ImportStopped for a bad row that is not to be skipped."""
    ignored: set[str] = set()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(staging.CREATE)
        stage = Stage(cursor, bad_rows, timezone.now())
        for batch in batches:
            stage.add(batch)
            ignored |= batch.ignored
            progress.reach(batch.position)
        if not stage.count and not bad_rows.count:
            raise ImportStopped(f"{bad_rows.source} has no rows.")
        progress.close()
        if stage.count > 100_000:
            say(f"Storing {stage.count:,} behaviours…")
        added = staging.store(cursor)
    return Report(
        added=added,
        unchanged=stage.count - added,
        bad=bad_rows.count,
        ignored_columns=tuple(sorted(ignored)),
    )


class Stage:
    """Good rows go to the staging table, bad ones to `bad_rows`."""

    def __init__(self, cursor: CursorWrapper, bad_rows: BadRows, now: datetime) -> None:
        self.cursor, self.bad_rows, self.now = cursor, bad_rows, now
        self.shoppers = KnownRows(cursor, "recommend_shopper", "external_id")
        self.items = KnownRows(cursor, "recommend_item", "sku")
        self.count = 0

    def add(self, batch: Batch) -> None:
        """Check and stage one batch. Raises ImportStopped for a bad row that is not to be skipped."""
        checked = check(batch.columns, self.now)
        shopper, item = self.shoppers.indexes(checked.shopper), self.items.indexes(checked.sku)
        checked.refused.mark(shopper < 0, "the shopper is unknown; load it with import_shoppers first", checked.shopper)
        checked.refused.mark(item < 0, "the sku is unknown; load its item with import_items first", checked.sku)
        if checked.refused or batch.broken:
            self.bad_rows.add(_bad_rows(batch, checked))
        good = np.ones(len(shopper), bool)
        good[list(checked.refused)] = False
        if good.any():
            self._copy(checked, shopper, item, good)

    def _copy(self, checked: Checked, shopper: np.ndarray, item: np.ndarray, good: np.ndarray) -> None:
        shopper, item, query = shopper[good], item[good], checked.query.filter(pa.array(good))
        kind, at_us, quantity = checked.kind[good], checked.at_us[good], checked.quantity[good]
        what = (self.shoppers.hashes(shopper), self.items.hashes(item), text_hashes(query))
        staging.copy(
            self.cursor,
            shopper=self.shoppers.ids(shopper),
            item=self.items.ids(item),
            kind=kind,
            at_us=at_us,
            quantity=quantity,
            dwell_s=checked.dwell_s[good],
            key=row_hashes((*what, kind, at_us, quantity)),
            query=query,
        )
        self.count += len(shopper)


def _bad_rows(batch: Batch, checked: Checked) -> list[BadRow]:
    """Everything that is wrong with a batch, in the order of the file."""
    rows = batch.rows() if checked.refused else []
    refused = [
        BadRow(rows[number].line, reason, value, rows[number].raw)
        for number, (reason, value) in checked.refused.items()
    ]
    return sorted([*refused, *batch.broken], key=lambda row: row.line)
