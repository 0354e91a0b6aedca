"""Which part of which Parquet file holds a shopper: read from the files' footers, once for each file.

Two layouts are known. Files sorted by the column `shopper` tell by the smallest and largest value of each row group
where somebody is; folders named `shopper=…` hold one shopper each.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet

from recommend.imports.columns import COLUMNS, REQUIRED
from recommend.sources.base import SourceError

pq: Any = pyarrow.parquet

LOOK_AGAIN_S = 60  # how soon a new export is seen
_FOLDER = "shopper="
Key = str | int


@dataclass(frozen=True, slots=True)
class ParquetPart:
    """One file, and who is in each of its row groups: smallest and largest key, in the file's order.

    shopper  whose the whole file is; None where its rows say so
    """

    path: Path
    stamp: tuple[int, int]
    metadata: Any
    shopper: str | None
    first: tuple[Key, ...]
    last: tuple[Key, ...]

    def groups(self, shopper: str) -> list[int]:
        """The row groups that may hold `shopper`."""
        if self.shopper is not None:
            return list(range(self.metadata.num_row_groups)) if shopper == self.shopper else []
        key = _as_key(shopper, self.last)
        if key is None:
            return []
        start = bisect_left(self.last, key)
        end = start
        while end < len(self.first) and self.first[end] <= key:  # type: ignore[operator]  # a file's are of one type
            end += 1
        return list(range(start, end))

    def read(self, groups: list[int], columns: tuple[str, ...] = COLUMNS) -> Any:
        """Row groups as one table with those of `columns` that there are. Raises SourceError."""
        try:
            file = pq.ParquetFile(self.path, metadata=self.metadata)
            names = [name for name in columns if name in file.schema_arrow.names]
            table = file.read_row_groups(groups, columns=names, use_threads=False)
        except (pa.ArrowInvalid, OSError) as error:
            raise SourceError(f"{self.path.name} cannot be read: {error}. Export it again.") from error
        if self.shopper is not None and "shopper" in columns:
            whose = pa.array([self.shopper] * table.num_rows, pa.string())
            table = table.drop_columns([name for name in ("shopper",) if name in names]).append_column("shopper", whose)
        return table


class ParquetFolder:
    """The Parquet files below a folder, looked up anew now and then; unchanged ones are not opened again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parts: dict[Path, ParquetPart] = {}
        self._looked_at = 0.0

    def parts(self, *, anew: bool = False) -> list[ParquetPart]:
        """All files, by name. Raises SourceError where there is none, or one cannot serve."""
        if anew or not self._parts or time.monotonic() - self._looked_at > LOOK_AGAIN_S:
            self._parts = {path: self._known(path) or _opened(path, self._path) for path in self._files()}
            self._looked_at = time.monotonic()
        if not self._parts:
            raise SourceError(f"{self._path} holds no Parquet file. Export behaviours there, or unset BEHAVIORS_DIR.")
        return list(self._parts.values())

    def _known(self, path: Path) -> ParquetPart | None:
        known = self._parts.get(path)
        return known if known and known.stamp == _stamp(path) else None

    def _files(self) -> Iterator[Path]:
        # As other readers do: what begins with a dot or an underscore is still being written, or no data.
        for path in sorted(self._path.rglob("*.parquet")):
            if not any(part.startswith((".", "_")) for part in path.relative_to(self._path).parts):
                yield path


def is_unchanged(part: ParquetPart) -> bool:
    """Whether the file is still the one whose footer was read."""
    try:
        return _stamp(part.path) == part.stamp
    except FileNotFoundError:
        return False


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size


def _opened(path: Path, folder: Path) -> ParquetPart:
    stamp = _stamp(path)
    try:
        metadata = pq.read_metadata(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceError(f"{path.name} is no Parquet file, or damaged: {error}. Export it again.") from error
    whose = [unquote(part.removeprefix(_FOLDER)) for part in path.relative_to(folder).parts if part.startswith(_FOLDER)]
    names = metadata.schema.to_arrow_schema().names
    missing = [name for name in REQUIRED if name not in names and not (whose and name == "shopper")]
    if missing:
        raise SourceError(f"{path.name} has no column {' and no '.join(missing)}. Export it with these names.")
    if whose:
        return ParquetPart(path, stamp, metadata, whose[0], (), ())
    first, last = _ranges(path, metadata, names.index("shopper"))
    return ParquetPart(path, stamp, metadata, None, first, last)


def _ranges(path: Path, metadata: Any, column: int) -> tuple[tuple[Key, ...], tuple[Key, ...]]:
    groups = [metadata.row_group(number).column(column) for number in range(metadata.num_row_groups)]
    if any(not group.is_stats_set or not group.statistics.has_min_max for group in groups):
        raise SourceError(f"{path.name} has no statistics of the column shopper. Export it with them.")
    first = tuple(group.statistics.min for group in groups)
    last = tuple(group.statistics.max for group in groups)
    if any(earlier > later for earlier, later in zip(last, first[1:], strict=False)):
        raise SourceError(
            f"{path.name} is not sorted by shopper, so that nobody is found in it without reading all of it. "
            "Export it sorted by shopper and occurred_at."
        )
    return first, last


def _as_key(shopper: str, keys: tuple[Key, ...]) -> Key | None:
    """A shopper's external id as the file has it: numeric keys count as their digits. None where it cannot be in it."""
    if not keys or isinstance(keys[0], str):
        return shopper
    return int(shopper) if shopper.isdecimal() and str(int(shopper)) == shopper else None
