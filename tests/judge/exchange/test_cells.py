"""Texts in cells: none becomes a formula, and each comes back as it was."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.exchange.cells import guarded, unguarded

SIGNS = "=+-@＝＋－＠"
nasty = st.text(st.sampled_from([*SIGNS, *"'\"\t\r\n;, ab1", "\u00a0", "\ufeff"]), max_size=12)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n", "＝1", " =1", '"=1"', "'=1"])
def test_what_begins_like_a_formula_gets_an_apostrophe(text: str):
    assert guarded(text) == "'" + text.replace("\t=", "\t'=").replace("\r=", "\r'=")


@pytest.mark.parametrize("text", ["", "Bought diapers ×9.", "a - b", "long-term", "1e5", "it's", "50%", "a, =b"])
def test_ordinary_text_stays_as_it_is(text: str):
    assert guarded(text) == text


@given(st.one_of(st.text(), nasty))
def test_every_text_comes_back_as_it_was(text: str):
    assert unguarded(guarded(text)) == text


@given(st.lists(nasty, min_size=1, max_size=4), st.sampled_from(",;\t"))
def test_no_spreadsheet_finds_a_formula_whatever_it_parts_cells_by(texts: list[str], delimiter: str):
    written = io.StringIO(newline="")
    csv.writer(written).writerow(guarded(text) for text in texts)

    read = csv.reader(io.StringIO(written.getvalue(), newline=""), delimiter=delimiter)

    cells = [cell.lstrip(' "\u00a0\ufeff\t\r\n') for row in read for cell in row]
    assert [cell for cell in cells if cell.startswith(tuple(SIGNS))] == []
