"""Texts in cells: none becomes a formula, and each comes back as it was."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.exchange.cells import guarded, guarded_line, lines_at_risk, may_hold_formula, unguarded

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


def test_whatever_a_regular_expression_calls_white_space_is_left_aside_before_a_sign():
    white = [chr(code) for code in range(0x10000) if chr(code).isspace()]

    assert [
        sign for sign in white if not guarded(f"a;{sign}=1").startswith(f"a;'{sign}") and sign not in "\t\r\n"
    ] == []
    assert [sign for sign in white if not may_hold_formula(f"1,{sign}=1")] == []
    assert lines_at_risk([f"1,{sign}=1\n".encode() for sign in white]) == list(range(len(white)))


def test_lines_of_ordinary_text_are_not_looked_at_one_by_one():
    lines = [b"1,five-3,it's a+b\n", '2,"a, b=c",x@ü\n'.encode(), b"3,,\n"]

    assert lines_at_risk(lines) == []


@given(st.lists(st.one_of(nasty, st.text(st.characters(codec="utf-8", exclude_characters="\0"))), min_size=1))
def test_a_line_of_csv_is_guarded_cell_by_cell_and_the_quick_look_misses_none(texts: list[str]):
    written = io.StringIO(newline="")
    csv.writer(written).writerow(["1", *texts])
    line = written.getvalue().removesuffix("\r\n")

    guarded_all = guarded_line(line, range(1, len(texts) + 1))

    (cells,) = csv.reader([guarded_all])
    assert cells == ["1", *map(guarded, texts)]
    assert may_hold_formula(line) or guarded_all == line
    harmless, end = b"1,a\r\n", "\r\n"
    assert guarded_all == line or lines_at_risk([harmless, (line + end).encode(), harmless]) == [1]


def test_only_cells_at_places_of_texts_are_guarded():
    assert guarded_line("1,-5,-5", {2}) == "1,-5,'-5"
