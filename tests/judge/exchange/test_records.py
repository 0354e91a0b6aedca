"""Files of other tools without a database: their records one by one, what is made of them, and mappings."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.exchange import foreign, mappings
from recommend.imports import records
from recommend.imports.files import Source
from recommend.imports.problems import ImportStopped
from recommend.imports.readers import Row

# The signs that JSON is made of, and some that are longer than a byte.
TEXT = st.text('a"\\{}[],: \n\u2028é😀', max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "broken JSON"),
        ("[]", "must be an object"),
        ('{"criterions": {}}', 'names "criterions", which is unknown. Known are: output, text, .*criteria'),
        ('{"criteria": {"a": 1}}', '"criteria" must be an object of texts'),
        ('{"labels": {"a": "b"}}', '"labels" must be an object like'),
        ('{"ignore": "a"}', '"ignore" must be a list of texts'),
        ('{"rater": 3}', '"rater" must be a text'),
    ],
)
def test_a_mapping_that_is_none_is_refused_by_name(text: str, reason: str):
    with pytest.raises(ImportStopped, match=reason):
        mappings.parsed("argilla", text)


@given(
    st.lists(st.dictionaries(TEXT, JSON, max_size=3), max_size=5),
    st.sampled_from([None, 1, 2]),
    st.integers(1, 40),
    st.booleans(),
)
def test_every_record_of_an_array_is_read_with_its_line_wherever_the_file_is_cut(
    tmp_path_factory: pytest.TempPathFactory, found: list[dict[str, Any]], indent: int | None, piece: int, escaped: bool
):
    path = tmp_path_factory.getbasetemp() / "array.json"
    text = json.dumps(found, indent=indent, ensure_ascii=escaped)
    path.write_bytes(text.encode())

    read = [row for chunk in records.chunks(Source(path, "jsonl", False), piece) for row in chunk.rows]

    assert [row.values for row in read if isinstance(row, Row)] == found
    lines = text.split("\n")
    for row in read:
        assert lines[row.line - 1].lstrip(" [").startswith("{")


@pytest.mark.parametrize("text", ['[{"a": 1}, {"b": ', '[{"a": 1}', '[{"a": 1}\n}]', "["])
def test_an_array_that_is_cut_off_stops_the_import(tmp_path: Path, text: str):
    path = tmp_path / "array.json"
    path.write_text(text)

    with pytest.raises(ImportStopped, match=r"line \d: the JSON array is broken or cut off"):
        list(records.chunks(Source(path, "jsonl", False)))


@given(JSON)
def test_no_record_whatever_it_holds_ends_the_reading(value: Any):
    for tool in mappings.TOOLS:
        for record in ({"annotations": value}, {"responses": value}, {"data": value, "annotations": [value]}):
            if isinstance(value, dict) or not isinstance(record.get("annotations"), list):
                list(foreign.rows({"id": "1", **record}, mappings.Mapping(tool)))
