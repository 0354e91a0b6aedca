"""Tasks that neither catalogue nor logs know the answers of: files of JSON Lines that an admin puts into a folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from training.data_sets.curriculum.samples import brought_row
from training.data_sets.rows import Row
from training.data_sets.wanted import DataSetError


class Line(BaseModel):
    """One line of a file."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    prompt: str = Field(min_length=1)
    answer: str = Field(min_length=1)
    system: str = ""


def folder() -> Path:
    """Where the files lie, each called as its task: below TRAINING_DIR, for one who may write there alone."""
    return Path(settings.TRAINING_DIR) / "curriculum"


def rows(task: str, most: int, today: date) -> Iterator[Row]:
    """The first rows of a task's file; none where there is no file.

    Raises DataSetError, naming file, line and what is wrong with it.
    """
    path = folder() / f"{task}.jsonl"
    if not path.is_file():
        return
    data = path.read_bytes()
    digest = sha256(data).hexdigest()
    try:
        lines = data.decode().splitlines()
    except UnicodeDecodeError as error:
        raise DataSetError(f"{path} is not in UTF-8: {error}. Save it as UTF-8.") from error
    n_made = 0
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        if n_made == most:
            return
        try:
            line = Line.model_validate(json.loads(text))
        except (ValueError, ValidationError) as error:
            why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            raise DataSetError(
                f"{path}, line {number}: {why}. A line is an object with prompt, answer and, if wished, system."
            ) from error
        source = f"{path.name}:{number} sha256:{digest}"
        yield brought_row(task, today, line.system, line.prompt, line.answer, source)
        n_made += 1
