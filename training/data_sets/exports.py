"""A data set as files: in TRL's formats, as it is stored, and as a folder for Hugging Face `datasets`.

The formats are those of https://huggingface.co/docs/trl/dataset_formats: a chat with its answer is conversational
prompt-completion, a pair a conversational preference with its prompt apart. A list of grades has no format there; it is
a prompt with its completions and their grades.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from judge.exchange.files import Sink
from training.data_sets import files
from training.data_sets.rows import SPLITS
from training.models import DataSet

BLOCK = 1024**2
GROUP_ROWS = 5_000
CARD = "README.md"
_TURN: pa.DataType = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
_TURNS: pa.DataType = pa.list_(_TURN)
_GRADES: pa.DataType = pa.list_(pa.string())
SHAPES: dict[str, pa.Schema] = {
    "pairs": pa.schema([("prompt", _TURN), ("chosen", _TURN), ("rejected", _TURN)]),
    "lists": pa.schema([("prompt", _TURN), ("completions", _TURNS), ("grades", _GRADES)]),
    "chats": pa.schema([("prompt", _TURN), ("completion", _TURN)]),
}
_SHAPE_OF_STAGE = {"preferences": "pairs", "rewards": "lists"}


@dataclass(frozen=True, slots=True)
class Format:
    """How a data set is taken out. `write` gives the file piece by piece, of one split or of all."""

    name: str
    title: str
    suffix: str
    content_type: str
    use: str
    write: Callable[[DataSet, str | None], Iterator[bytes]]


def shape_of(data_set: DataSet) -> str:
    """The format of TRL's that a data set has: a key of SHAPES."""
    return _SHAPE_OF_STAGE.get(data_set.stage, "chats")


def as_trl(row: Mapping[str, Any], shape: str) -> dict[str, Any]:
    """A stored row as TRL reads it.

    >>> as_trl({"messages": [{"role": "user", "content": "Tea?"}], "answer": "Yes."}, "chats")["completion"]
    [{'role': 'assistant', 'content': 'Yes.'}]
    """
    if shape == "pairs":
        return {"prompt": row["messages"], "chosen": _said(row["answer"]), "rejected": _said(row["rejected"])}
    if shape == "lists":
        return {
            "prompt": row["messages"],
            "completions": [_said(one["answer"]) for one in row["graded"]],
            "grades": [one["grade"] for one in row["graded"]],
        }
    return {"prompt": row["messages"], "completion": _said(row["answer"])}


def _said(answer: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": answer}]


def trl_rows(data_set: DataSet, split: str | None) -> Iterator[dict[str, Any]]:
    """The rows of a split, or all, as TRL reads them. Raises DamagedError."""
    shape = shape_of(data_set)
    columns = ["split", "messages", "answer", "rejected", "graded"]
    for row in files.read(data_set, columns):
        if split in (None, row["split"]):
            yield as_trl(row, shape)


def jsonl(data_set: DataSet, split: str | None) -> Iterator[bytes]:
    """One row a line."""
    for row in trl_rows(data_set, split):
        yield json.dumps(row, ensure_ascii=False).encode() + b"\n"


def parquet(data_set: DataSet, split: str | None) -> Iterator[bytes]:
    """The rows as they are stored, with what each was made from; the very file, where all are wanted."""
    if split is None:
        with files.path(data_set).open("rb") as file:
            while block := file.read(BLOCK):
                yield block
        return
    chosen = (row for row in files.read(data_set) if row["split"] == split)
    yield from _parquet(chosen, files.SCHEMA)


def folder(data_set: DataSet, split: str | None) -> Iterator[bytes]:
    """A ZIP archive: a card, and a Parquet file of TRL's columns for each split that has rows."""
    wanted = [name for name in SPLITS if data_set.counts[name] and split in (None, name)]
    sink = Sink()
    # Stored, not deflated: Parquet is compressed inside.
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr(CARD, card(data_set, wanted))
        for name in wanted:
            with archive.open(f"data/{name}.parquet", "w", force_zip64=True) as member:
                for part in _parquet(trl_rows(data_set, name), SHAPES[shape_of(data_set)]):
                    member.write(part)
                    yield sink.taken()
    yield sink.taken()


def card(data_set: DataSet, splits: list[str]) -> str:
    """The dataset card, whose header tells `load_dataset` the files of each split."""
    paths = "\n".join(f"  - split: {name}\n    path: data/{name}.parquet" for name in splits)
    return f"""---
pretty_name: {json.dumps(data_set.name, ensure_ascii=False)}
configs:
- config_name: default
  data_files:
{paths}
---
# Rows for training

A data set of RecGPT Studio: {data_set.get_stage_display().lower()}, {data_set.n_rows:,} rows, id {data_set.pk},
sha256 {data_set.sha256}. The Parquet export of the same has what each row was made from.

```python
from datasets import load_dataset

rows = load_dataset("path/to/this/folder", split="{splits[0] if splits else "train"}")
```
"""


def _parquet(rows: Iterator[Mapping[str, Any]], schema: pa.Schema) -> Iterator[bytes]:
    sink = Sink()
    with pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="zstd") as writer:
        group: list[Mapping[str, Any]] = []
        for row in rows:
            group.append(row)
            if len(group) == GROUP_ROWS:
                writer.write_table(pa.Table.from_pylist(group, schema=schema))
                group = []
                yield sink.taken()
        if group:
            writer.write_table(pa.Table.from_pylist(group, schema=schema))
    yield sink.taken()


FORMATS = {
    one.name: one
    for one in (
        Format("jsonl", "JSON Lines", ".jsonl", "application/x-ndjson", "A row a line, in TRL’s format.", jsonl),
        Format(
            "parquet",
            "Parquet",
            ".parquet",
            "application/vnd.apache.parquet",
            "As it is stored, with what each row was made from.",
            parquet,
        ),
        Format(
            "datasets",
            "Hugging Face datasets",
            ".zip",
            "application/zip",
            "A folder with a dataset card, in TRL’s format: unpack it, and load_dataset reads it.",
            folder,
        ),
    )
}
