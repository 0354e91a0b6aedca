"""Texts as cells of a CSV file that no spreadsheet takes for a formula, and back.

A text that could begin a formula gets an apostrophe before it, as OWASP advises ("CSV Injection"): one that begins with
= + - @ or a tab or line end, with or without blanks or quotes before. So does each part of a text behind a semicolon, a
tab or a line end, since some spreadsheets part cells there. A text with an apostrophe in such a place gets another one,
so that the first can be taken away again.
"""

import re
from collections.abc import Container, Sequence

import numpy as np

# Full-width forms are formulas too where a spreadsheet's language writes them so.
_SIGN = "['=+\\-@＝＋－＠]"
# White space but for tabs and line ends, a byte order mark, and quotes. One class: two alternatives take twice as long.
_BLANKS = r'[ \x0b\x0c\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"]*'
_BEGINS = rf"(?={_BLANKS}{_SIGN})"
_ANY = re.compile(rf"\A[\t\r\n]|{_SIGN}")
_UNSAFE_START = re.compile(rf"[\t\r\n]|{_BEGINS}")
_UNSAFE_PART = re.compile(rf"([;\t\r\n]){_BEGINS}")
_GUARDED_START = re.compile(rf"'(?:(?=[\t\r\n])|{_BEGINS})")
_MAY_BE = re.compile(rf"[,;\t\r\n]{_BLANKS}{_SIGN}")
_STARTS = (",\t", ',"\t', ',"\r', ',"\n')  # of a cell in a line of CSV
_CELL = re.compile(r'(?:\A|,)("(?:[^"]+|"")*"|[^",]*)')
_GUARDED_PART = re.compile(rf"([;\t\r\n])'{_BEGINS}")

# What a byte of UTF-8 in CSV is: one behind which a sign may begin a cell, such a sign, a quote, a line end.
_LEADS, _RISKS, _QUOTES, _ENDS = 1, 2, 4, 8
_BYTES = bytes(
    # Of what is longer than a byte every one may lead, and the first of the full-width signs may be of one of these.
    _LEADS * (one >= 0x80 or one in b',;\t\r\n \x0b\x0c\x1c\x1d\x1e\x1f"')
    | _RISKS * (one == 0xEF or one in b"'=+-@\t")
    | _QUOTES * (one == ord('"'))
    | _ENDS * (one in b"\r\n")
    for one in range(256)
)


def guarded(text: str) -> str:
    r"""The text as it may stand in a cell.

    >>> guarded("=1+1"), guarded("'tis"), guarded("five; -3"), guarded("a - b")
    ("'=1+1", "''tis", "five;' -3", 'a - b')
    """
    if not _ANY.search(text):
        return text
    inside = _UNSAFE_PART.sub(r"\1'", text)
    return f"'{inside}" if _UNSAFE_START.match(text) else inside


def unguarded(cell: str) -> str:
    r"""The text that `guarded` made the cell from.

    >>> unguarded("'=1+1"), unguarded("''tis"), unguarded("'twas")
    ('=1+1', "'tis", "'twas")
    """
    whole = cell[1:] if _GUARDED_START.match(cell) else cell
    return _GUARDED_PART.sub(r"\1", whole)


def may_hold_formula(lines: str) -> bool:
    r"""Whether a cell in lines of CSV, but for the first of each, may have to be guarded; it errs on the safe side.

    >>> may_hold_formula("1,five - 3\n2,six"), may_hold_formula("1,six\n2,=1+1"), may_hold_formula('1,"six, -1"')
    (False, True, True)
    """
    return any(start in lines for start in _STARTS) or _MAY_BE.search(lines) is not None


def lines_at_risk(lines: Sequence[bytes]) -> list[int]:
    r"""Which of some lines of CSV, each with its end, are worth a look by `may_hold_formula`: a sixth of its time.

    A cell's begin is two bytes: a sign behind what may lead it, or a line end behind a quote.

    >>> lines_at_risk([b"1,five-3\n", b"2,=1+1\n", b'3,"six, -1"\n'])
    [1, 2]
    """
    kinds = np.frombuffer(b"".join(lines).translate(_BYTES), np.uint8)
    found = np.flatnonzero(kinds[:-1] & (kinds[1:] >> 1) & (_LEADS | _QUOTES))
    ends = np.cumsum([len(line) for line in lines])
    return [int(place) for place in np.unique(np.searchsorted(ends, found, side="right"))]


def guarded_line(line: str, texts: Container[int]) -> str:
    r"""A line of CSV without its end, with the cells at the places in `texts` guarded.

    >>> guarded_line('=1,=1+1,"a;-2, b"', {1, 2})
    '=1,\'=1+1,"a;\'-2, b"'
    """
    cells = _CELL.findall(line)
    return ",".join(_guarded_cell(cell) if place in texts else cell for place, cell in enumerate(cells))


def _guarded_cell(cell: str) -> str:
    # Guarding adds apostrophes only, so a cell needs quotes after it if it needed them before.
    if not cell.startswith('"'):
        return guarded(cell)
    text = guarded(cell[1:-1].replace('""', '"')).replace('"', '""')
    return f'"{text}"'
