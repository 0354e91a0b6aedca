"""Files to import: their format, and their text in blocks that end where a row ends."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, cast

import numpy as np

from recommend.imports.problems import ImportStopped

Format = Literal["jsonl", "csv", "parquet"]
FORMATS: tuple[Format, ...] = ("jsonl", "csv", "parquet")

BLOCK_BYTES = 8 << 20
# A row longer than this is a file of another kind, or a quote that is never closed.
MAX_ROW_BYTES = 32 << 20

_SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Source:
    """A file to import."""

    path: Path
    format: Format
    is_gzipped: bool

    @property
    def unit(self) -> str:
        """What rows are counted in: lines of text, or rows where there are no lines."""
        return "row" if self.format == "parquet" else "line"

    @contextmanager
    def opened(self) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        """The file's content, and the file itself: its position shows the progress, compressed or not."""
        with self.path.open("rb") as file:
            content = cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if self.is_gzipped else file
            yield content, file


def source(path: Path, format: str | None = None) -> Source:
    """The file at `path`, its format told by its name unless given. Raises ImportStopped with the remedy."""
    if not path.is_file():
        raise ImportStopped(f"There is no file {path}.")
    is_gzipped = path.suffix.lower() == ".gz"
    suffix = path.with_suffix("").suffix if is_gzipped else path.suffix
    found = cast("Format | None", format) or _SUFFIXES.get(suffix.lower())
    if found is None:
        raise ImportStopped(
            f"The name {path.name} does not tell its format. Say it with --format jsonl, csv or parquet."
        )
    if is_gzipped and found == "parquet":
        raise ImportStopped(f"{path.name}: Parquet files are compressed inside; gunzip it first.")
    return Source(path, found, is_gzipped)


@dataclass(frozen=True, slots=True)
class Block:
    """Whole rows of a text file. `line` is the number of its first line, `position` where the file is read to."""

    line: int
    data: bytes
    position: int


def blocks(file: Source, block_bytes: int = BLOCK_BYTES) -> Iterator[Block]:
    """The text of a JSONL or CSV file, some `block_bytes` a time. Raises ImportStopped where it is damaged."""
    line, rest = 1, b""
    try:
        with file.opened() as (content, raw):
            while read := content.read(block_bytes):
                data = rest + read if rest else read
                if line == 1 and data.startswith(_BOM):
                    data = data[len(_BOM) :]
                cut = _last_row_end(data, line, file)
                if cut:
                    yield Block(line, data[:cut], raw.tell())
                    line += data.count(b"\n", 0, cut)
                rest = data[cut:]
                if len(rest) > MAX_ROW_BYTES:
                    raise ImportStopped(_too_long(file, line))
            if rest:
                _refuse_open_quote(rest, line, file)
                yield Block(line, rest, raw.tell())
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ImportStopped(f"{file.path.name} is damaged or cut off after line {line}: {error}.") from error
    except OSError as error:
        raise ImportStopped(f"{file.path} cannot be read: {error.strerror}.") from error


def _last_row_end(data: bytes, line: int, file: Source) -> int:
    """Where the last whole row of `data` ends; in CSV a line end between quotes ends no row."""
    if file.format != "csv" or b'"' not in data:
        return data.rfind(b"\n") + 1
    text = np.frombuffer(data, np.uint8)
    quotes, ends = np.flatnonzero(text == ord('"')), np.flatnonzero(text == ord("\n"))
    _refuse_stray_quote(text, quotes, line, file)
    outside = ends[np.searchsorted(quotes, ends) % 2 == 0]
    return int(outside[-1]) + 1 if len(outside) else 0


def _refuse_stray_quote(text: np.ndarray, quotes: np.ndarray, line: int, file: Source) -> None:
    """Raise where a quote opens in the middle of a value: behind it rows could not be told apart."""
    opening = quotes[::2]
    opening = opening[opening > 0]
    stray = opening[~np.isin(text[opening - 1], np.frombuffer(b',\n\r"', np.uint8))]
    if len(stray):
        at = line + int(np.count_nonzero(text[: stray[0]] == ord("\n")))
        raise ImportStopped(
            f"{file.path.name}, line {at}: a quote in the middle of a value. Put the whole value in quotes and double "
            'those inside it ("5"" plate"). Nothing was stored.'
        )


def _refuse_open_quote(rest: bytes, line: int, file: Source) -> None:
    if file.format == "csv" and rest.count(b'"') % 2:
        raise ImportStopped(
            f"{file.path.name}, line {line}: a quote is opened in this row and never closed. Nothing was stored."
        )


def _too_long(file: Source, line: int) -> str:
    reason = "a quote that is never closed?" if file.format == "csv" else "one object on each line?"
    where, limit = f"{file.path.name}, line {line}", f"{MAX_ROW_BYTES >> 20} MiB"
    return f"{where}: no end of the row within {limit} ({reason}). Nothing was stored."
