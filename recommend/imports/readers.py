"""Rows of a file one by one, with their line numbers: exact about everything that is wrong with them."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from recommend.imports.files import Block, Source, blocks
from recommend.imports.problems import BadRow, ImportStopped

PARQUET_BATCH_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line, its values by column (absent, None and "" all mean none), and its text as found."""

    line: int
    values: dict[str, Any]
    raw: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a file, in order, and where the file is read to (bytes; rows for Parquet)."""

    rows: list[Row | BadRow]
    position: int


def chunks(file: Source, required: tuple[str, ...]) -> Iterator[Chunk]:
    """All rows of a file. Raises ImportStopped where the file is no such file or lacks a required column."""
    if file.format == "parquet":
        yield from _parquet_chunks(file, required)
        return
    header: list[str] | None = None
    for block in blocks(file):
        if file.format == "csv" and header is None:
            header, block = split_header(block, file, required)
        yield Chunk(list(block_rows(block, header)), block.position)


def size(file: Source) -> int:
    """What `Chunk.position` counts up to: bytes, or rows of a Parquet file."""
    return parquet_file(file).metadata.num_rows if file.format == "parquet" else file.path.stat().st_size


def block_rows(block: Block, header: list[str] | None) -> Iterator[Row | BadRow]:
    """The rows of a block: CSV with these columns, JSONL where `header` is None."""
    return _jsonl_rows(block) if header is None else _csv_rows(block, header)


def split_header(block: Block, file: Source, required: tuple[str, ...]) -> tuple[list[str], Block]:
    """The column names of a CSV file and the rest of its first block."""
    lines = io.StringIO(_text(block.data), newline="")
    reader = csv.reader(lines)
    header = next((record for record in reader if record), [])
    check_columns(file, header, required)
    used = reader.line_num
    start = 0
    for _ in range(used):
        start = block.data.find(b"\n", start) + 1 or len(block.data)
    return header, Block(block.line + used, block.data[start:], block.position)


def check_columns(file: Source, columns: list[str], required: tuple[str, ...]) -> None:
    """Raise ImportStopped where a required column is missing or a name stands twice."""
    found = ", ".join(columns) or "none"
    for name in required:
        if name not in columns:
            raise ImportStopped(f'{file.path.name} has no column "{name}". Its columns: {found}. Nothing was stored.')
    if len(set(columns)) != len(columns):
        raise ImportStopped(f"{file.path.name} has two columns of the same name. Its columns: {found}.")


def parquet_file(file: Source) -> pq.ParquetFile:
    """The opened file. Raises ImportStopped where it is not Parquet."""
    try:
        return pq.ParquetFile(file.path)
    except (pa.ArrowInvalid, OSError) as error:
        raise ImportStopped(f"{file.path.name} cannot be read as Parquet: {error}.") from error


def _parquet_chunks(file: Source, required: tuple[str, ...]) -> Iterator[Chunk]:
    opened, done = parquet_file(file), 0
    check_columns(file, opened.schema_arrow.names, required)
    try:
        for batch in opened.iter_batches(PARQUET_BATCH_ROWS):
            rows: list[Row | BadRow] = [
                Row(done + number, values, raw_values(values)) for number, values in enumerate(batch.to_pylist(), 1)
            ]
            done += batch.num_rows
            yield Chunk(rows, done)
    except (pa.ArrowInvalid, OSError) as error:
        raise ImportStopped(f"{file.path.name} is damaged after row {done}: {error}. Nothing was stored.") from error


def raw_value(value: object) -> str:
    """Any value as JSON."""
    return json.dumps(value, ensure_ascii=False, default=str)


def raw_values(values: dict[str, Any]) -> str:
    """A row without text of its own, as JSON."""
    return raw_value(values)


def _jsonl_rows(block: Block) -> Iterator[Row | BadRow]:
    for line, data in enumerate(block.data.split(b"\n"), block.line):
        raw = _text(data).removesuffix("\r")
        if raw.strip():
            yield _jsonl_row(line, raw)


def _jsonl_row(line: int, raw: str) -> Row | BadRow:
    try:
        raw.encode()
        values = json.loads(raw)
        if "\\u" in raw:
            json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return BadRow(line, "the row is not valid Unicode; save the file as UTF-8", raw=raw)
    except json.JSONDecodeError as error:
        return BadRow(line, f"broken JSON ({error.msg}, column {error.colno}); write one object on each line", raw, raw)
    except (ValueError, RecursionError) as error:
        return BadRow(line, f"broken JSON ({error}); write one object on each line", raw, raw)
    if not isinstance(values, dict):
        return BadRow(line, "not an object; write one {…} with named values on each line", raw, raw)
    return Row(line, values, raw)


def _csv_rows(block: Block, header: list[str]) -> Iterator[Row | BadRow]:
    text = _text(block.data)
    lines = text.split("\n")
    reader, before = csv.reader(io.StringIO(text, newline="")), 0
    while True:
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            record, problem = [], f"broken CSV ({error})"
        else:
            problem = ""
        raw, line = "\n".join(lines[before : reader.line_num]).rstrip("\r"), block.line + before
        before = reader.line_num
        if problem:
            yield BadRow(line, problem, raw=raw)
        elif record:
            yield _csv_row(line, record, header, raw)


def _csv_row(line: int, record: list[str], header: list[str], raw: str) -> Row | BadRow:
    if len(record) != len(header):
        reason = f"{len(record)} values where the header names {len(header)} columns; quote values that hold a comma"
        return BadRow(line, reason, raw, raw)
    try:
        raw.encode()
    except UnicodeEncodeError:
        return BadRow(line, "the row is not valid Unicode; save the file as UTF-8", raw=raw)
    return Row(line, dict(zip(header, record, strict=True)), raw)


def _text(data: bytes) -> str:
    # Bytes that are no UTF-8 become lone surrogates, so that one bad row does not take its whole block with it.
    return data.decode("utf-8", errors="surrogateescape")
