"""Items and shoppers: checked row by row, copied into a staging table, merged by their key in one statement."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.backends.utils import CursorWrapper

from recommend.imports.problems import BadRow, BadRows, RowError
from recommend.imports.readers import Row
from recommend.imports.reports import Report
from recommend.models import new_id


@dataclass(frozen=True, slots=True)
class Target:
    """A table to merge rows into."""

    table: str
    key: str
    columns: Mapping[str, str]  # column -> SQL type; the key among them
    parse: Callable[[Mapping[str, Any]], tuple[Any, ...]]  # a row's values -> columns; raises RowError
    names: frozenset[str]  # what a file may hold
    required: tuple[str, ...]
    also_set: str = ""  # more SQL assignments for a stored row that changes


class Merge:
    """One import into a target, within the caller's transaction: `stage` rows, then `finish`."""

    def __init__(self, target: Target, bad_rows: BadRows, cursor: CursorWrapper) -> None:
        self.target, self.bad_rows, self.cursor = target, bad_rows, cursor
        self.staged = 0
        self.ignored: set[str] = set()
        columns = ", ".join(f"{name} {kind}" for name, kind in target.columns.items())
        cursor.execute(f"CREATE TEMP TABLE staged (line bigint, id uuid, {columns})")

    def stage(self, rows: Iterable[Row | BadRow]) -> None:
        """Check rows and copy the good ones. Raises ImportStopped for a bad row that is not to be skipped."""
        with self.cursor.copy(f"COPY staged (line, id, {', '.join(self.target.columns)}) FROM STDIN") as copy:
            for line, values in self._good(rows):
                copy.write_row((line, new_id(), *values))
                self.staged += 1

    def finish(self) -> Report:
        """Merge what was staged: new keys are added, known ones updated where a value differs; the last row wins."""
        self.cursor.execute(merge_sql(self.target))
        added, updated, distinct = self.cursor.fetchone()
        self.cursor.execute(f"DROP TABLE pg_temp.staged; ANALYZE {self.target.table}")
        return Report(
            added=added,
            updated=updated,
            unchanged=distinct - added - updated,
            repeated=self.staged - distinct,
            bad=self.bad_rows.count,
            ignored_columns=tuple(sorted(self.ignored)),
        )

    def _good(self, rows: Iterable[Row | BadRow]) -> Iterator[tuple[int, tuple[Any, ...]]]:
        for row in rows:
            if isinstance(row, BadRow):
                self.bad_rows.add([row])
                continue
            self.ignored.update(row.values.keys() - self.target.names)
            try:
                values = self.target.parse(row.values)
            except RowError as error:
                self.bad_rows.add([BadRow(row.line, error.reason, error.value, row.raw)])
            else:
                yield row.line, values


def merge_sql(target: Target) -> str:
    """The statement that merges `staged` into a target; gives (added, updated, distinct keys)."""
    # Names come from this package's constants, never from a file.
    names = ", ".join(target.columns)
    changing = [name for name in target.columns if name != target.key]
    assignments = ", ".join(
        [f"{name} = excluded.{name}" for name in changing] + ([target.also_set] * bool(target.also_set))
    )
    stored, given = (", ".join(f"{prefix}.{name}" for name in changing) for prefix in ("stored", "excluded"))
    return f"""
        WITH latest AS MATERIALIZED (
            SELECT DISTINCT ON ({target.key}) id, {names} FROM staged ORDER BY {target.key}, line DESC
        ), merged AS (
            INSERT INTO {target.table} AS stored (id, created_at, n_behaviors, {names})
            SELECT id, now(), 0, {names} FROM latest ORDER BY id
            ON CONFLICT ({target.key}) DO UPDATE SET {assignments}
            WHERE ({stored}) IS DISTINCT FROM ({given})
            RETURNING xmax = 0 AS is_new
        )
        SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new), (SELECT count(*) FROM latest)
        FROM merged
    """  # noqa: S608
