"""What changed in words between two rubrics, text by text, for two columns side by side. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from judge.rubrics import CriterionDef, RubricDef

_WORDS = re.compile(r"\s+|[^\s]+")


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of one side's text, and whether the other side lacks it."""

    text: str
    is_changed: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """One text that differs: what it is, and both sides; a side without it is empty."""

    where: str
    before: tuple[Segment, ...]
    after: tuple[Segment, ...]

    @property
    def before_text(self) -> str:
        return "".join(one.text for one in self.before)

    @property
    def after_text(self) -> str:
        return "".join(one.text for one in self.after)


def changes(before: RubricDef, after: RubricDef) -> list[Change]:
    """Every text that differs; criteria go by their names. [] where both ask the same."""
    pairs = [("Title", before.title, after.title), ("Guideline", before.guideline, after.guideline)]
    names = [one.name for one in before.criteria], [one.name for one in after.criteria]
    pairs.append(("Criteria, in order", ", ".join(names[0]), ", ".join(names[1])))
    old = {one.name: one for one in before.criteria}
    new = {one.name: one for one in after.criteria}
    for name in dict.fromkeys([*names[1], *names[0]]):
        # What was added or left out stands there whole, so that it can be read.
        sides = [dict(_texts(found)) if (found := side.get(name)) else {} for side in (old, new)]
        title = (new.get(name) or old[name]).title or name
        pairs += [(f"{title}: {what}", sides[0].get(what, ""), sides[1].get(what, "")) for what in sides[1] | sides[0]]
    # Saving a draft takes the blanks off the ends of a text: nobody wrote that.
    stripped = [(where, one.strip(), other.strip()) for where, one, other in pairs]
    return [Change(where, *compared(one, other)) for where, one, other in stripped if one != other]


def _texts(one: CriterionDef) -> Iterator[tuple[str, str]]:
    yield "title", one.title
    yield "question", one.question
    yield "guideline", one.guideline
    yield (
        "labels",
        "\n".join(
            f"{label.value} ({label.title}, {'passes' if label.passes else 'fails'}): {label.help}"
            for label in one.labels
        ),
    )
    yield (
        "examples",
        "\n".join(f"{example.label}: {example.text} ({example.reason or 'no reason'})" for example in one.examples),
    )


def compared(before: str, after: str) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
    """Two texts in stretches of words, those that the other side lacks marked.

    >>> [one.text for side in compared("a small cat", "a big cat") for one in side if one.is_changed]
    ['small', 'big']
    """
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    left, right = [], []
    for kind, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        is_changed = kind != "equal"
        left.append(Segment("".join(old[i:j]), is_changed))
        right.append(Segment("".join(new[k:m]), is_changed))
    return tuple(one for one in left if one.text), tuple(one for one in right if one.text)
