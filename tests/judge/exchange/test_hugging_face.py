"""The folder for Hugging Face `datasets`: what its loader looks for, and the same rows as the Parquet file."""

import io
import re
import zipfile

import pyarrow.parquet as pq
import pytest

from judge.comparison import Filters
from judge.exchange import files, hugging_face
from judge.exchange.formats import FORMATS
from judge.exchange.selection import Selection
from tests.judge.exchange.reviews import reviewed_world

pytestmark = pytest.mark.django_db


def unpacked() -> zipfile.ZipFile:
    selection = Selection(Filters(kind="interest"))
    archive = zipfile.ZipFile(io.BytesIO(b"".join(FORMATS["datasets"].write(selection.assessments().order_by("pk")))))
    assert archive.testzip() is None
    return archive


def test_the_folder_holds_the_rows_of_the_parquet_file_and_a_card():
    reviewed_world()
    parquet = b"".join(files.parquet(Selection(Filters(kind="interest")).assessments().order_by("pk")))

    archive = unpacked()

    assert archive.namelist() == ["README.md", "data/train.parquet"]
    read = pq.read_table(io.BytesIO(archive.read("data/train.parquet")))
    assert read.equals(pq.read_table(io.BytesIO(parquet)))
    assert read.num_rows == 15


def test_the_folder_of_no_rows_is_one_with_every_column():
    read = pq.read_table(io.BytesIO(unpacked().read("data/train.parquet")))

    assert (read.num_rows, read.schema.names) == (0, files.SCHEMA.names)


def test_the_card_declares_split_and_every_feature_with_its_type():
    _, header, text = hugging_face.card().split("---\n", 2)

    assert "  - split: train\n    path: data/train.parquet\n" in header
    assert re.findall(r"(?m)^  - name: (\w+)$", header) == files.SCHEMA.names
    assert "  - name: rated_at\n    dtype: 'timestamp[us, tz=UTC]'\n" in header
    assert "  - name: seconds\n    dtype: float64\n" in header
    assert "  - name: revision\n    dtype: int32\n" in header
    assert (
        "  - name: labels\n    list:\n    - name: criterion\n      dtype: string\n    - name: label\n"
        "      dtype: string\n" in header
    )
    assert "load_dataset(" in text
