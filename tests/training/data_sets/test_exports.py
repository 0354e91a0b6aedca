"""A data set as files: what TRL, pandas and Hugging Face's datasets read."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.training.data_sets.material import QUERY, tags
from training.data_sets import building, services
from training.data_sets.exports import FORMATS, card
from training.models import DataSet

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> None:
    settings.TRAINING_DIR = str(tmp_path)


def made(**values: Any) -> DataSet:
    started = services.prepare(name='Tags "of" spring', query=QUERY | values, by=None)
    built = building.advance(started.pk)
    assert built is not None
    assert built.state == "done", built.error
    return built


def written(built: DataSet, form: str, split: str | None = None) -> bytes:
    return b"".join(FORMATS[form].write(built, split))


def lines(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]


def test_a_chat_with_its_answer_is_a_conversational_prompt_completion():
    tags(True)

    (row,) = lines(written(made(), "jsonl"))

    assert [turn["role"] for turn in row["prompt"]] == ["system", "user"]
    assert set(row) == {"prompt", "completion"}
    assert [turn["role"] for turn in row["completion"]] == ["assistant"]
    assert json.loads(row["completion"][0]["content"])["tags"][0]["tag"] == "whole grain crackers"


def test_a_pair_is_a_conversational_preference_and_a_list_has_its_grades():
    generation = tags(True, False)
    generation.outputs.get(position=0).assessments.update(grade="S")

    (pair,) = lines(written(made(stage="preferences"), "jsonl"))
    (ranked,) = lines(written(made(stage="rewards"), "jsonl"))

    assert set(pair) == {"prompt", "chosen", "rejected"}
    assert "whole grain crackers" in pair["chosen"][0]["content"]
    assert "scented soy candles" in pair["rejected"][0]["content"]
    assert ranked["grades"] == ["S", "B"]
    assert [turn["role"] for (turn,) in ranked["completions"]] == ["assistant", "assistant"]


def test_parquet_has_every_column_and_the_folder_a_file_for_each_split():
    for number in range(12):
        tags(True, shopper=f"s{number}", first=number, reference_at=f"2018-01-{number + 1:02}T00:00:00Z")
    built = made(validation_share=0.4, near=1.0)
    n = built.counts
    assert min(n.values()) > 0

    whole = pq.read_table(io.BytesIO(written(built, "parquet")))
    held = pq.read_table(io.BytesIO(written(built, "parquet", "validation")))
    archive = zipfile.ZipFile(io.BytesIO(written(built, "datasets")))
    alone = zipfile.ZipFile(io.BytesIO(written(built, "datasets", "train")))

    assert (whole.num_rows, held.num_rows) == (built.n_rows, n["validation"])
    assert {"outputs", "generations", "assessments", "asked_with"} <= set(whole.column_names)
    assert archive.namelist() == ["README.md", "data/train.parquet", "data/validation.parquet"]
    assert alone.namelist() == ["README.md", "data/train.parquet"]
    inside = pq.read_table(io.BytesIO(archive.read("data/train.parquet")))
    assert (inside.num_rows, inside.column_names) == (n["train"], ["prompt", "completion"])
    assert len(lines(written(built, "jsonl", "validation"))) == n["validation"]


def test_the_card_names_the_files_and_its_header_holds_any_name():
    tags(True)
    built = made()

    text = card(built, ["train"])

    assert 'pretty_name: "Tags \\"of\\" spring"' in text
    assert "  - split: train\n    path: data/train.parquet" in text
    assert built.sha256 in text
