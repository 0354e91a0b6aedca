"""A folder for Hugging Face `datasets`, zipped: the Parquet file, and a dataset card that declares its features.

The card's header is that of https://huggingface.co/docs/hub/datasets-manual-configuration, so that `load_dataset` on
the unpacked folder knows split and types without looking into the data.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from django.db.models import QuerySet

from judge.exchange import files
from judge.exchange.columns import COLUMNS
from judge.models import Assessment

CARD, DATA = "README.md", "data/train.parquet"


def folder(assessments: QuerySet[Assessment]) -> Iterator[bytes]:
    """A ZIP archive with CARD and DATA, written while it is sent."""
    sink = files.Sink()
    # Stored, not deflated: Parquet is compressed inside.
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr(CARD, card())
        with archive.open(DATA, "w", force_zip64=True) as member:
            for part in files.parquet(assessments):
                member.write(part)
                yield sink.taken()
    yield sink.taken()


def card() -> str:
    """The dataset card: what the file is, its features and its columns."""
    features = "\n".join(line for field in files.SCHEMA for line in _feature(field))
    columns = "\n".join(f"| `{column.name}` | {column.meaning} |" for column in COLUMNS)
    return f"""---
pretty_name: Assessments of generated outputs
configs:
- config_name: default
  data_files:
  - split: train
    path: {DATA}
dataset_info:
  features:
{features}
---
# Assessments of generated outputs

One row is what one person or judge model said of one output. Exported from RecGPT Studio.

```python
from datasets import load_dataset

labels = load_dataset("path/to/this/folder", split="train")
```

| column | what |
|---|---|
{columns}
"""


def _feature(field: pa.Field[Any]) -> list[str]:
    """A column's lines in the card's header."""
    if not pa.types.is_list(field.type):
        return [f"  - name: {field.name}", f"    dtype: {_dtype(field.type)}"]
    struct = field.type.value_type
    parts = [struct.field(number) for number in range(struct.num_fields)]
    inner = [line for part in parts for line in (f"    - name: {part.name}", f"      dtype: {_dtype(part.type)}")]
    return [f"  - name: {field.name}", "    list:", *inner]


def _dtype(kind: pa.DataType) -> str:
    """The name that `datasets.Value` has for a type."""
    if pa.types.is_timestamp(kind):
        return "'timestamp[us, tz=UTC]'"  # quoted: YAML takes a bracket for a list
    return {"double": "float64"}.get(str(kind), str(kind))
