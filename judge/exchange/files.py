"""Rows as JSON Lines, CSV and Parquet: bytes, piece by piece."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from django.db.models import QuerySet

from judge.exchange import rows
from judge.exchange.cells import guarded_line, lines_at_risk, may_hold_formula
from judge.exchange.columns import COLUMNS, NAMES, Kind
from judge.models import Assessment

BOM = "\ufeff"  # without it Excel takes UTF-8 for something older
LINE_END = "\r\n"  # RFC 4180
_LINE_END = LINE_END.encode()
GROUP_ROWS = 10_000  # rows of a Parquet row group: what is in memory at a time


def jsonl(assessments: QuerySet[Assessment]) -> Iterator[bytes]:
    """One object on each line.

    Labels and probabilities are null where there are none, not an empty object, whose type readers cannot tell.
    """
    values = ", ".join(f"{_JSON.get(one.kind, '{}').format(one.name)} AS {one.name}" for one in COLUMNS)
    for batch in rows.copied(assessments, ["row_to_json(found)"], rows.JSON, of=values):
        yield b"".join(batch)


_JSON: dict[Kind, str] = {"labels": "nullif({}, '{{}}')", "probabilities": "nullif({}, '{{}}')"}


# CSV ------------------------------------------------------------------------------------------------------------------


def csv_file(assessments: QuerySet[Assessment]) -> Iterator[bytes]:
    """A header and one line for each row; texts are guarded, so that none is a formula in a spreadsheet."""
    yield f"{BOM}{','.join(NAMES)}{LINE_END}".encode()
    cells = [_CELLS.get(one.kind, "{}").format(one.name) for one in COLUMNS]
    for batch in rows.copied(assessments, cells, rows.CSV):
        lines = [row[:-1] for row in batch]
        for place in lines_at_risk(batch):
            lines[place] = _guarded(lines[place])
        yield _LINE_END.join([*lines, b""])


def _guarded(line: bytes) -> bytes:
    text = line.decode()
    return guarded_line(text, _TEXTS).encode() if may_hold_formula(text) else line


# An empty cell is none; what the writer of the file would quote needs no quotes.
_CELLS: dict[Kind, str] = {
    "text": "nullif({}, '')",
    "flag": "{}::text",
    "time": "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"+00:00\"')",
    "labels": "nullif({}, '{{}}')",
    "probabilities": "nullif({}, '{{}}')",
}
# Numbers are no formulas, also below zero.
_TEXTS = frozenset(
    place for place, one in enumerate(COLUMNS) if one.kind in ("text", "labels", "probabilities", "json")
)


# Parquet --------------------------------------------------------------------------------------------------------------

_LABEL = pa.struct([("criterion", pa.string()), ("label", pa.string())])
_PROBABILITY = pa.struct([("criterion", pa.string()), ("label", pa.string()), ("probability", pa.float64())])
_TYPES: dict[Kind, pa.DataType] = {
    "id": pa.string(),
    "text": pa.string(),
    "integer": pa.int32(),
    "number": pa.float64(),
    "flag": pa.bool_(),
    "time": pa.timestamp("us", tz="UTC"),
    # Lists of plain structs: the same type whatever a rubric's criteria are called.
    "labels": pa.list_(_LABEL),
    "probabilities": pa.list_(_PROBABILITY),
    "json": pa.string(),
}
SCHEMA = pa.schema([(column.name, _TYPES[column.kind]) for column in COLUMNS])
# How PostgreSQL writes CSV: an empty cell without quotes is none, one with quotes an empty text.
_READ = pyarrow.csv.ConvertOptions(
    column_types={
        # Most say the same in many rows: each text comes once, and once it is read.
        one.name: pa.dictionary(pa.int32(), pa.string()) if pa.types.is_list(_TYPES[one.kind]) else _TYPES[one.kind]
        for one in COLUMNS
    },
    null_values=[""],
    strings_can_be_null=True,
    quoted_strings_can_be_null=False,
    true_values=["t"],
    false_values=["f"],
)
_LINES = pyarrow.csv.ParseOptions(newlines_in_values=True)


def parquet(assessments: QuerySet[Assessment]) -> Iterator[bytes]:
    """A Parquet file with SCHEMA, a row group at a time."""
    sink = Sink()
    with pq.ParquetWriter(pa.PythonFile(sink, mode="w"), SCHEMA, compression="zstd") as writer:
        group: list[bytes] = []
        for batch in rows.copied(assessments, NAMES, rows.CSV):
            group += batch
            if len(group) >= GROUP_ROWS:
                writer.write_table(_arrow(group))
                group = []
                yield sink.taken()
        if group:
            writer.write_table(_arrow(group))
    yield sink.taken()


class Sink(io.RawIOBase):
    """Takes what a writer writes, until it is fetched."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """What was written since this was last called."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _arrow(group: list[bytes]) -> pa.Table:
    """Lines of CSV as columns: Arrow reads them in a tenth of the time in which it takes values from Python."""
    data = b"".join(group)
    wanted = pyarrow.csv.ReadOptions(column_names=list(NAMES), block_size=len(data) + 1)
    read = pyarrow.csv.read_csv(io.BytesIO(data), wanted, _LINES, _READ)
    columns = [
        _spread(read.column(one.name), _LISTS[one.kind]) if one.kind in _LISTS else read.column(one.name)
        for one in COLUMNS
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def _spread(column: pa.ChunkedArray[Any], lists: Callable[[list[Any]], pa.Array[Any]]) -> pa.ChunkedArray[Any]:
    """A list for each text of JSON in a column: made of each different text once, and put where it stands."""
    parts: list[Any] = column.chunks  # of dictionaries, as _READ asks for
    made = [lists([json.loads(text) for text in part.dictionary.to_pylist()]) for part in parts]
    return pa.chunked_array([one.take(part.indices) for one, part in zip(made, parts, strict=True)])


def _labels(found: list[dict[str, str]]) -> pa.Array[Any]:
    return _lists([len(one) for one in found], _LABEL, [pair for one in found for pair in one.items()])


def _probabilities(found: list[dict[str, dict[str, float]]]) -> pa.Array[Any]:
    entries = [
        [(name, label, weight) for name, weights in one.items() for label, weight in weights.items()] for one in found
    ]
    return _lists([len(one) for one in entries], _PROBABILITY, [entry for one in entries for entry in one])


def _lists(lengths: list[int], struct: pa.StructType, entries: list[tuple[Any, ...]]) -> pa.Array[Any]:
    """Lists of structs from their entries in one go: as many to each list as `lengths` says."""
    fields = [struct.field(number) for number in range(struct.num_fields)]
    columns = list(zip(*entries, strict=True)) or [()] * len(fields)
    parts = [pa.array(values, one.type) for values, one in zip(columns, fields, strict=True)]
    offsets = pa.array([0, *accumulate(lengths)], pa.int32())
    return pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(parts, fields=fields))


_LISTS: dict[Kind, Callable[[list[Any]], pa.Array[Any]]] = {"labels": _labels, "probabilities": _probabilities}
