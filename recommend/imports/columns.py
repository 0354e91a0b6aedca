"""Rows of a behaviour file many at a time, as Arrow columns.

Arrow reads a block in a hundredth of the time that Python needs. It says little about what it does not like, so a
block that it refuses is read again by `readers`, which is exact; so is a block of which a later check refuses rows.
"""

import io
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.json

from recommend.imports import readers
from recommend.imports.files import Block, Source, blocks
from recommend.imports.problems import BadRow, ImportStopped
from recommend.imports.readers import PARQUET_BATCH_ROWS, Row

COLUMNS = ("shopper", "kind", "sku", "query", "occurred_at", "quantity", "dwell_s")
REQUIRED = ("shopper", "kind", "occurred_at")

_JSON_SCHEMA = pa.schema(
    [
        (name, pa.int64() if name == "quantity" else pa.float64() if name == "dwell_s" else pa.string())
        for name in COLUMNS
    ]
)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a file.

    columns         those of COLUMNS that the file has, each of any type
    rows            the same rows one by one: slow, and only asked for when some are bad
    broken          rows that could not even be read; they are not in `columns`
    position        where the file is read to
    ignored         columns that mean nothing to the import
    """

    columns: pa.Table
    rows: Callable[[], Sequence[Row | BadRow]]
    broken: list[BadRow]
    position: int
    ignored: frozenset[str]


def batches(file: Source) -> Iterator[Batch]:
    """All rows of a file. Raises ImportStopped where the file is no such file or lacks a required column."""
    if file.format == "parquet":
        yield from _parquet_batches(file)
        return
    header: list[str] | None = None
    for block in blocks(file):
        if file.format == "csv" and header is None:
            header, block = readers.split_header(block, file, REQUIRED)
        if block.data:
            yield _fast(block, header) or _exact(block, header)


def _fast(block: Block, header: list[str] | None) -> Batch | None:
    """The block as Arrow reads it; None where it refuses it or sees other rows than there are lines."""
    try:
        table = _read_json(block.data) if header is None else _read_csv(block.data, header)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError):
        return None

    def rows() -> list[Row | BadRow]:
        found = list(readers.block_rows(block, header))
        if len(found) != table.num_rows:
            # Only a file that is neither one thing nor the other gets here: objects over several lines, for instance.
            raise ImportStopped(f"Rows and lines do not match near line {block.line}: write one row on each line.")
        return found

    return _batch(table, rows, [], block.position)


def _read_json(data: bytes) -> pa.Table:
    if not data.isascii():
        data.decode()  # Arrow takes any bytes here
    table = pa.json.read_json(
        io.BytesIO(data),
        read_options=pa.json.ReadOptions(use_threads=False, block_size=len(data) + 1),
        parse_options=pa.json.ParseOptions(explicit_schema=_JSON_SCHEMA, unexpected_field_behavior="infer"),
    )
    n_lines = data.count(b"\n") + (not data.endswith(b"\n"))
    if table.num_rows != n_lines:
        raise pa.ArrowInvalid("blank lines, or objects over several lines")
    return table


def _read_csv(data: bytes, header: list[str]) -> pa.Table:
    return pa.csv.read_csv(
        io.BytesIO(data),
        read_options=pa.csv.ReadOptions(column_names=header, use_threads=False, block_size=len(data) + 1),
        parse_options=pa.csv.ParseOptions(newlines_in_values=b'"' in data),
        convert_options=pa.csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False
        ),
    )


def _exact(block: Block, header: list[str] | None) -> Batch:
    read = list(readers.block_rows(block, header))
    good = [row for row in read if isinstance(row, Row)]
    bad = [row for row in read if isinstance(row, BadRow)]
    names = dict.fromkeys(name for row in good for name in row.values)
    columns = {
        name: pa.array([_scalar(row.values.get(name)) for row in good], pa.string())
        for name in names
        if name in COLUMNS
    }
    table = pa.table({**columns, **{name: pa.nulls(len(good)) for name in names if name not in COLUMNS}})
    return _batch(table, lambda: good, bad, block.position)


def _scalar(value: object) -> str | None:
    """A value as text, to be checked like one from CSV."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, float) and value.is_integer() and math.fabs(value) < 2**53:
        return str(int(value))
    return readers.raw_value(value)


def _parquet_batches(file: Source) -> Iterator[Batch]:
    opened, done = readers.parquet_file(file), 0
    names = opened.schema_arrow.names
    readers.check_columns(file, names, REQUIRED)
    wanted = [name for name in names if name in COLUMNS]
    ignored = frozenset(names) - frozenset(COLUMNS)
    try:
        for part in opened.iter_batches(PARQUET_BATCH_ROWS, columns=wanted, use_threads=False):
            yield Batch(pa.Table.from_batches([part]), _numbered(part, done), [], done + part.num_rows, ignored)
            done += part.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise ImportStopped(f"{file.path.name} is damaged after row {done}: {error}. Nothing was stored.") from error


def _numbered(part: Any, done: int) -> Callable[[], list[Row]]:
    return lambda: [
        Row(number, values, readers.raw_values(values)) for number, values in enumerate(part.to_pylist(), done + 1)
    ]


def table_batches(table: pa.Table, batch_rows: int = PARQUET_BATCH_ROWS) -> Iterator[Batch]:
    """A table in memory as batches."""
    for start in range(0, table.num_rows, batch_rows):
        part = table.slice(start, batch_rows)
        yield _batch(part, _numbered(part, start), [], start + part.num_rows)


def _batch(table: pa.Table, rows: Callable[[], Sequence[Row | BadRow]], broken: list[BadRow], position: int) -> Batch:
    ignored = frozenset(table.column_names) - frozenset(COLUMNS)
    return Batch(table.drop_columns(sorted(ignored)), rows, broken, position, ignored)
