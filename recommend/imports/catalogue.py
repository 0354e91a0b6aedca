"""Loading a file of items or shoppers in one transaction."""

from collections.abc import Callable
from pathlib import Path

from django.db import connection, transaction

from recommend.imports import files, readers
from recommend.imports.problems import BadRows, ImportStopped
from recommend.imports.progress import Progress
from recommend.imports.reports import Report
from recommend.imports.upserts import Merge, Target


def load(file: files.Source, target: Target, *, say: Callable[[str], object], bad_file: Path | None = None) -> Report:
    """Merge a file into a table; all of its good rows or, on an error, none.

    bad_file    where bad rows go; None: the first bad row raises ImportStopped
    """
    unit = "row" if file.format == "parquet" else "B"
    with (
        BadRows(file.path.name, bad_file, file.unit) as bad_rows,
        Progress(f"Reading {file.path.name}", readers.size(file), unit, say) as progress,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        merge = Merge(target, bad_rows, cursor)
        for chunk in readers.chunks(file, target.required):
            merge.stage(chunk.rows)
            progress.reach(chunk.position)
        if not merge.staged and not bad_rows.count:
            raise ImportStopped(f"{file.path.name} has no rows.")
        return merge.finish()
