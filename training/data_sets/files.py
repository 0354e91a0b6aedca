"""The files of a data set: rows.parquet and manifest.json in a folder of their own, whole or not there at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from hashlib import file_digest
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings

from training.data_sets.rows import Row, as_json
from training.models import DataSet

ROWS, MANIFEST = "rows.parquet", "manifest.json"
GROUP_ROWS = 5_000  # of a row group: what is in memory at a time when rows are read
_TEXT, _TEXTS = pa.string(), pa.list_(pa.string())
SCHEMA = pa.schema(
    [
        ("key", _TEXT),
        ("split", _TEXT),
        ("task", _TEXT),
        ("shopper", _TEXT),
        ("at", _TEXT),
        ("language", _TEXT),
        ("messages", pa.list_(pa.struct([("role", _TEXT), ("content", _TEXT)]))),
        ("answer", _TEXT),
        ("labelled", _TEXT),
        ("n_outputs", pa.int32()),
        ("rejected", _TEXT),
        ("graded", pa.list_(pa.struct([("answer", _TEXT), ("grade", _TEXT)]))),
        ("label", _TEXT),
        ("outputs", _TEXTS),
        ("generations", _TEXTS),
        ("assessments", _TEXTS),
        ("decisions", _TEXTS),
        ("preferences", _TEXTS),
        ("behaviors", _TEXTS),
        ("items", _TEXTS),
        ("source", _TEXT),
        ("models", _TEXTS),
        ("prompt_versions", _TEXTS),
        ("asked_with", _TEXT),
    ]
)


class DamagedError(RuntimeError):
    """The rows of a data set are not there, or not what they were; the message says what to do."""


def write(folder: str, rows: Sequence[Row], manifest: dict[str, Any]) -> dict[str, Any]:
    """Write rows and manifest into a new folder below TRAINING_DIR.

    Returns the manifest as it was written, with the hash of the file of rows.
    """
    whole_folder = Path(settings.TRAINING_DIR) / folder
    partial = whole_folder.with_name(f".{whole_folder.name}.part")
    partial.mkdir(parents=True)
    try:
        with pq.ParquetWriter(partial / ROWS, SCHEMA, compression="zstd") as writer:
            for start in range(0, len(rows), GROUP_ROWS):
                group = [as_json(row) for row in rows[start : start + GROUP_ROWS]]
                writer.write_table(pa.Table.from_pylist(group, schema=SCHEMA))
        whole = manifest | {"file": ROWS, "file_sha256": _digest(partial / ROWS)}
        (partial / MANIFEST).write_text(json.dumps(whole, ensure_ascii=False, indent=1), encoding="utf-8")
        partial.rename(whole_folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return whole


def forget(folder: str) -> None:
    """Remove what was written of a data set that came to nothing."""
    shutil.rmtree(Path(settings.TRAINING_DIR) / folder)


def path(data_set: DataSet) -> Path:
    """The file of rows. Raises DamagedError where it is not there or is not what was written."""
    found = Path(settings.TRAINING_DIR) / data_set.folder / ROWS
    if not found.is_file():
        raise DamagedError(f"The rows of “{data_set}” are not at {found}. Restore the folder from a backup.")
    if _digest(found) != data_set.manifest["file_sha256"]:
        raise DamagedError(f"{found} was changed since “{data_set}” was built. Restore it from a backup.")
    return found


def read(data_set: DataSet, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """The rows of a data set, as `rows.as_json` makes them, in their order. Raises DamagedError."""
    with pq.ParquetFile(path(data_set)) as file:
        for batch in file.iter_batches(GROUP_ROWS, columns=list(columns) if columns else None):
            yield from batch.to_pylist()


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return file_digest(opened, "sha256").hexdigest()
