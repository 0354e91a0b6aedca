"""Bad rows: what is wrong with them, and whether they stop the import or go to a file."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TextIO

_SHOWN = 80


class ImportStopped(Exception):  # noqa: N818  # reads as what happened, and is no mistake of the program
    """The import cannot go on; the message says why, where, and what to do. Nothing was stored."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be stored. `line` counts from 1: the file's line, or the row of a Parquet file."""

    line: int
    reason: str
    value: str = ""
    raw: str = ""


class RowError(ValueError):
    """A value of a row is not usable; `reason` names the column and the remedy."""

    def __init__(self, reason: str, value: object = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.value = value if isinstance(value, str) else str(value)


class BadRows:
    """Takes bad rows: the first one stops the import, unless there is a file to write them to."""

    def __init__(self, source: str, file: Path | None = None, unit: str = "line") -> None:
        self.source = source
        self.path = file
        self.unit = unit
        self.count = 0
        self._file: TextIO | None = None

    def __enter__(self) -> "BadRows":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, rows: Iterable[BadRow]) -> None:
        """Write rows to the file. Raises ImportStopped for the first where bad rows are not skipped."""
        for row in rows:
            if self.path is None:
                raise ImportStopped(self._words(row))
            self._write(self.path, row)
            self.count += 1

    def _write(self, path: Path, row: BadRow) -> None:
        try:
            if self._file is None:
                self._file = path.open("w", encoding="utf-8", errors="backslashreplace")
            number = "line" if self.unit == "line" else "number"  # "row" is what was found there
            entry = {number: row.line, "reason": row.reason, "value": row.value, "row": row.raw}
            self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        except OSError as error:
            raise ImportStopped(
                f"The bad rows cannot be written to {path}: {error.strerror}. Choose another place with --bad-file."
            ) from error

    def _words(self, row: BadRow) -> str:
        return (
            f"{self.source}, {self.unit} {row.line}: {row.reason}{shown(row.value)}. Nothing was stored. "
            "Correct the row, or add --skip-bad to load the good rows and write the bad ones to a file."
        )


def shown(value: str) -> str:
    """A value for a message: quoted, cut, and safe for a terminal. Empty for no value.

    >>> shown("a\\x1bb"), shown("")
    (" (value: 'a\\\\x1bb')", '')
    """
    if value == "":
        return ""
    cut = value if len(value) <= _SHOWN else value[:_SHOWN] + "…"
    return f" (value: {cut!r})"
