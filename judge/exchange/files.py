"""Rows as JSON Lines, CSV and Parquet: bytes, piece by piece."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from django.db.models import QuerySet

from judge.exchange import rows
from judge.exchange.cells import guarded
from judge.exchange.columns import COLUMNS, NAMES, Kind
from judge.models import Assessment

BOM = "\ufeff"  # without it Excel takes UTF-8 for something older
GROUP_ROWS = 10_000  # rows of a Parquet row group: what is in memory at a time


def jsonl(assessments: QuerySet[Assessment]) -> Iterator[bytes]:
    """One object on each line."""
    for batch in rows.objects(assessments):
        yield ("\n".join(batch) + "\n").encode()


# CSV ------------------------------------------------------------------------------------------------------------------


def csv_file(assessments: QuerySet[Assessment]) -> Iterator[bytes]:
    """A header and one line for each row; texts are guarded, so that none is a formula in a spreadsheet."""
    written = io.StringIO(newline="")
    written.write(BOM)
    writer = csv.writer(written)
    writer.writerow(NAMES)
    yield _taken(written)
    for batch in rows.tuples(assessments):
        columns = [
            _cells(column.kind, values) for column, values in zip(COLUMNS, zip(*batch, strict=True), strict=True)
        ]
        writer.writerows(zip(*columns, strict=True))
        yield _taken(written)


def _cells(kind: Kind, values: tuple[Any, ...]) -> Iterable[Any]:
    """A column's values as the writer takes them: it makes texts of numbers, and nothing of None."""
    as_cell = _CELLS.get(kind)
    if as_cell is None:
        return values
    # Most columns say the same of many rows: each value is looked at once.
    cells = {value: None if value is None else as_cell(value) for value in set(values)}
    return [cells[value] for value in values]


def _taken(written: io.StringIO) -> bytes:
    text = written.getvalue()
    written.seek(0)
    written.truncate()
    return text.encode()


def _object_cell(text: str) -> str:
    return "" if text == "{}" else guarded(text)


_CELLS: dict[Kind, Callable[[Any], Any]] = {
    "text": guarded,
    "flag": lambda value: "true" if value else "false",
    "time": lambda value: value.isoformat(),
    "labels": _object_cell,
    "probabilities": _object_cell,
    "json": guarded,
}


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


def parquet(assessments: QuerySet[Assessment]) -> Iterator[bytes]:
    """A Parquet file with SCHEMA, a row group at a time."""
    sink = Sink()
    with pq.ParquetWriter(pa.PythonFile(sink, mode="w"), SCHEMA, compression="zstd") as writer:
        group: list[rows.Row] = []
        for batch in rows.tuples(assessments):
            group += batch
            if len(group) >= GROUP_ROWS:
                writer.write_batch(_arrow(group))
                group = []
                yield sink.taken()
        if group:
            writer.write_batch(_arrow(group))
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


def _arrow(group: list[rows.Row]) -> pa.RecordBatch:
    columns = [
        pa.array(_PLAIN[column.kind](values) if column.kind in _PLAIN else values, _TYPES[column.kind])
        for column, values in zip(COLUMNS, zip(*group, strict=True), strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _labels(texts: tuple[str, ...]) -> list[list[dict[str, str]]]:
    return [[{"criterion": name, "label": label} for name, label in json.loads(text).items()] for text in texts]


def _probabilities(texts: tuple[str, ...]) -> list[list[dict[str, Any]]]:
    return [
        [
            {"criterion": name, "label": label, "probability": probability}
            for name, weights in json.loads(text).items()
            for label, probability in weights.items()
        ]
        for text in texts
    ]


_PLAIN: dict[Kind, Callable[[tuple[Any, ...]], list[Any]]] = {
    "labels": _labels,
    "probabilities": _probabilities,
}
