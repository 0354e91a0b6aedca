"""How another tool's records are read: which field is the output, which question which criterion, which user who.

A mapping is a JSON object; each of its names may be left out. It is documented in `docs/exchange.md`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping as Names
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from recommend.imports.problems import ImportStopped

TOOLS = ("label-studio", "argilla")


@dataclass(frozen=True, slots=True)
class Mapping:
    """What is called what.

    tool      the records' form, one of TOOLS
    output    path of our output's id in a record, as "data.output_id"; "" for the tool's usual places
    text      path of the output's text: checked against the output, or what it is found by where there is no id
    shopper   path of the shopper's external id, to tell outputs of one text apart
    kind      of the outputs, where they are found by their text
    criteria  {question or control: criterion}; what is not named keeps its name
    labels    {criterion: {value: label}}; what is not named is the label itself
    comment   the question or control that holds a remark
    ignore    questions and controls that are left out
    raters    {user there: user here}; who is not named has the same name here
    rater     the user here for records that name none
    """

    tool: str
    output: str = ""
    text: str = ""
    shopper: str = ""
    kind: str = ""
    criteria: Names[str, str] = field(default_factory=dict)
    labels: Names[str, Names[str, str]] = field(default_factory=dict)
    comment: str = "comment"
    ignore: tuple[str, ...] = ()
    raters: Names[str, str] = field(default_factory=dict)
    rater: str = ""


def read(tool: str, path: Path | None) -> Mapping:
    """The mapping of a file, or the tool's usual one. Raises ImportStopped."""
    if path is None:
        return Mapping(tool)
    try:
        return parsed(tool, path.read_text(encoding="utf-8"), path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise ImportStopped(f"The mapping {path} cannot be read: {error}.") from error


def parsed(tool: str, text: str, name: str = "the mapping") -> Mapping:
    """A mapping from its JSON. Raises ImportStopped naming what is wrong in it."""
    if not text.strip():
        return Mapping(tool)
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ImportStopped(f"{name} is broken JSON: {error}.") from error
    if not isinstance(given, dict):
        raise ImportStopped(f'{name} must be an object like {{"criteria": {{"quality": "willingness"}}}}.')
    known = [one.name for one in fields(Mapping) if one.name != "tool"]
    for key, value in given.items():
        if key not in known:
            raise ImportStopped(f'{name} names "{key}", which is unknown. Known are: {", ".join(known)}.')
        if not _fits(key, value):
            raise ImportStopped(f'{name}: "{key}" must be {_FORMS.get(key, "a text")}, not {json.dumps(value)[:80]}.')
    named: dict[str, Any] = {key: tuple(value) if key == "ignore" else value for key, value in given.items()}
    return Mapping(tool, **named)


_FORMS = {
    "criteria": "an object of texts",
    "raters": "an object of texts",
    "labels": 'an object like {"willingness": {"yes": "Spontaneity"}}',
    "ignore": "a list of texts",
}


def _fits(key: str, value: Any) -> bool:
    if key in ("criteria", "raters"):
        return _is_names(value)
    if key == "labels":
        return isinstance(value, dict) and all(_is_names(one) for one in value.values())
    if key == "ignore":
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    return isinstance(value, str)


def _is_names(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
