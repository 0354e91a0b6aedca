"""What a reason says about the history: the items it names and the counts beside them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from recommend.compression import CompressedHistory

_COUNT_AFTER = re.compile(r"\s*(?:[×x]\s*(\d+)|\(\s*[×x]?\s*(\d+)\s*(?:[×x]|times)?\s*\))(?!\w)", re.IGNORECASE)
_COUNT_BEFORE = re.compile(r"(?<![\w.×])(\d+)\s*[×x]?\s+$", re.IGNORECASE)
_STRAY = re.compile(r"([^\s,;.:×]+(?: [^\s,;.:×]+){0,2})\s*×\s*\d+")


@dataclass(frozen=True, slots=True)
class Citation:
    """An item of the history that a text names.

    count       units that the text claims ("×8" after it or "8" before it); None where it claims none
    line_index  line of the history that holds the item
    start, end  where in the text the name stands
    """

    item: str
    count: int | None
    line_index: int | None
    start: int = 0
    end: int = 0


def cited(text: str, history: CompressedHistory) -> list[Citation]:
    """The history's items that a text names, in its order: whole words, any case, the longest name wins."""
    lines = {item.lower(): (item, index) for index, line in enumerate(history.lines) for item, _ in line.items}
    found, consumed = [], 0
    pattern = _names(lines)
    for match in pattern.finditer(text) if pattern else ():
        item, line_index = lines[match.group().lower()]
        after = _COUNT_AFTER.match(text, match.end())
        before = _COUNT_BEFORE.search(text[consumed : match.start()])
        number = next((group for group in after.groups() if group), None) if after else before and before.group(1)
        consumed = after.end() if after else match.end()
        found.append(Citation(item, int(number) if number else None, line_index, match.start(), match.end()))
    return found


def count_is_exact(citation: Citation, history: CompressedHistory) -> bool:
    """Whether the claimed count is the history's; True where none is claimed."""
    return citation.count is None or citation.count == history.counts().get(citation.item)


def stray_counts(text: str, history: CompressedHistory) -> list[str]:
    """The words before every "×n" that stands beside no item of the history: what the text has made up.

    Up to three words each, as a text does not say where a name that nobody knows begins.
    """
    ends = {citation.end for citation in cited(text, history)}
    return [match.group(1) for match in _STRAY.finditer(text) if match.end(1) not in ends]


def names_in(text: str, names: Iterable[str]) -> list[str]:
    """Which of these names a text holds, in its order: whole words, any case, the longest wins."""
    lower = {name.lower(): name for name in names}
    pattern = _names(lower)
    return [lower[match.group().lower()] for match in pattern.finditer(text)] if pattern else []


def _names(names: Iterable[str]) -> re.Pattern[str] | None:
    ordered = sorted((name for name in names if name), key=len, reverse=True)
    if not ordered:
        return None
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, ordered))})(?!\w)", re.IGNORECASE)
