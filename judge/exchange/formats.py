"""The formats of an export, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db.models import QuerySet

from judge.exchange import files, hugging_face, label_studio
from judge.models import Assessment


@dataclass(frozen=True, slots=True)
class Format:
    """How assessments are written. `write` gives the file piece by piece."""

    name: str
    title: str
    suffix: str
    content_type: str
    use: str
    write: Callable[[QuerySet[Assessment]], Iterator[bytes]]


FORMATS = {
    one.name: one
    for one in (
        Format(
            "jsonl",
            "JSON Lines",
            ".jsonl",
            "application/x-ndjson",
            "One object a line: for programs, and to import again.",
            files.jsonl,
        ),
        Format(
            "csv",
            "CSV",
            ".csv",
            "text/csv; charset=utf-8",
            "For spreadsheets: no text can become a formula.",
            files.csv_file,
        ),
        Format(
            "parquet",
            "Parquet",
            ".parquet",
            "application/vnd.apache.parquet",
            "For pandas and DuckDB.",
            files.parquet,
        ),
        Format(
            "datasets",
            "Hugging Face datasets",
            ".zip",
            "application/zip",
            "A folder with dataset card and features: unpack it, and load_dataset reads it.",
            hugging_face.folder,
        ),
        Format(
            "label-studio",
            "Label Studio JSON",
            ".json",
            "application/json",
            "Tasks with people’s labels as annotations, the judge’s as predictions.",
            label_studio.tasks,
        ),
    )
}
