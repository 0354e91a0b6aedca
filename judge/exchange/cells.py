"""Texts as cells of a CSV file that no spreadsheet takes for a formula, and back.

A text that could begin a formula gets an apostrophe before it, as OWASP advises ("CSV Injection"): one that begins with
= + - @ or a tab or line end, with or without blanks or quotes before. So does each part of a text behind a semicolon, a
tab or a line end, since some spreadsheets part cells there. A text with an apostrophe in such a place gets another one,
so that the first can be taken away again.
"""

import re

# Full-width forms are formulas too where a spreadsheet's language writes them so.
_SIGN = "['=+\\-@＝＋－＠]"
_BLANKS = '(?:[^\\S\\t\\r\\n]|["\\ufeff])*'
_BEGINS = rf"(?={_BLANKS}{_SIGN})"
_ANY = re.compile(rf"\A[\t\r\n]|{_SIGN}")
_UNSAFE_START = re.compile(rf"[\t\r\n]|{_BEGINS}")
_UNSAFE_PART = re.compile(rf"([;\t\r\n]){_BEGINS}")
_GUARDED_START = re.compile(rf"'(?:(?=[\t\r\n])|{_BEGINS})")
_GUARDED_PART = re.compile(rf"([;\t\r\n])'{_BEGINS}")


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
