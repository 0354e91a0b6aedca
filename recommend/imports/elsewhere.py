"""Rows of outputs that another system made: what a file says of one output. Pure: no database.

A row is one output with its generation's values beside it, or one generation with a list `outputs`. Records of Label
Studio and Argilla are looked through for the same names.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from recommend.imports import values as v
from recommend.imports.problems import ImportStopped, RowError
from recommend.models import Output, Stage

MAX_KEY = 200
MAX_TEXT = 10_000
MAX_LINES = 1_000
NAMES = (
    "generation",
    "shopper",
    "kind",
    "model",
    "prompt_version",
    "generated_at",
    "history",
    "outputs",
    "position",
    "text",
    "reason",
    "stage",
    "evidence",
    "sku",
    "parent_generation",
    "parent_position",
)
TOOLS = ("label-studio", "argilla")
# Where a tool keeps what it was given, in the order in which it is looked for.
_PLACES = {"label-studio": ("data", "meta"), "argilla": ("metadata", "fields")}
_KEYS = {"label-studio": ("id",), "argilla": ("id", "external_id")}
STAGE_OF_KIND = {
    Output.Kind.INTEREST: Stage.INTERESTS,
    Output.Kind.TAG: Stage.TAGS,
    Output.Kind.EXPLANATION: Stage.EXPLANATIONS,
}


def generation_id(source: str, key: str) -> UUID:
    """Of a generation that another system made; the same whenever and wherever it is imported."""
    return uuid5(NAMESPACE_URL, f"recgpt-studio:generation:{source}\x1f{key}")


def output_id(source: str, key: str, position: int) -> UUID:
    """Of the output at a place, counted from 0, of a generation that another system made."""
    return uuid5(generation_id(source, key), str(position))


@dataclass(frozen=True, slots=True)
class Made:
    """One generation, as a row says it."""

    key: str
    shopper: str
    kind: Output.Kind
    model: str
    prompt_version: str
    at: datetime | None
    history: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """One output of it. `position` is None where the row names none: the next of its generation."""

    made: Made
    position: int | None
    text: str
    reason: str
    stage: str
    evidence: tuple[int, ...]
    sku: str
    parent: tuple[str, int] | None


def read(values: Mapping[str, Any]) -> list[Said]:
    """The outputs of a row. Raises RowError naming the value and the remedy."""
    outputs = values.get("outputs")
    if outputs in (None, ""):
        return [_said(values, _made(values))]
    made = _made(values)
    if not isinstance(outputs, list) or not outputs or not all(isinstance(one, dict | str) for one in outputs):
        raise RowError(
            '"outputs" must be a list of texts, or of objects with a "text"', json.dumps(outputs, default=str)
        )
    return [
        _said({"text": one, "position": number} if isinstance(one, str) else {"position": number} | one, made)
        for number, one in enumerate(outputs)
    ]


def _made(values: Mapping[str, Any]) -> Made:
    kind = v.text(values, "kind", required=True)
    if kind not in Output.Kind.values:
        raise RowError(f'"kind" must be one of {", ".join(Output.Kind.values)}', kind)
    return Made(
        key=v.text(values, "generation", limit=MAX_KEY, required=True),
        shopper=v.text(values, "shopper", limit=MAX_KEY, required=True),
        kind=Output.Kind(kind),
        model=v.text(values, "model", limit=180, required=True),
        prompt_version=v.text(values, "prompt_version", limit=40) or "unknown",
        at=_time(values.get("generated_at")),
        history=_history(values.get("history")),
    )


def _said(values: Mapping[str, Any], made: Made) -> Said:
    evidence = _numbers(values.get("evidence"))
    if beyond := [number for number in evidence if number >= len(made.history)]:
        raise RowError(
            f'"evidence" names a line that is not there: "history" has {len(made.history)}, counted from 0',
            str(beyond[0]),
        )
    parent = v.text(values, "parent_generation", limit=MAX_KEY)
    if not parent and made.kind != Output.Kind.INTEREST:
        raise RowError(
            f'"parent_generation" is missing: the key of the generation that made this {made.kind.value}\'s interest; '
            "it stands before it in the file, or was imported before"
        )
    sku = v.text(values, "sku", limit=100, required=made.kind == Output.Kind.EXPLANATION)
    text = _words(values, "text")
    if not text:
        raise RowError('"text" is missing: what the model said')
    return Said(
        made=made,
        position=place(values, "position"),
        text=text,
        reason=_words(values, "reason"),
        stage=v.text(values, "stage", limit=12),
        evidence=evidence,
        sku=sku,
        parent=(parent, place(values, "parent_position") or 0) if parent else None,
    )


def _words(values: Mapping[str, Any], name: str) -> str:
    """A text that may have several lines."""
    value = values.get(name)
    if value is None or value == "":
        return ""
    if not isinstance(value, str):
        raise RowError(f'"{name}" must be text', json.dumps(value, default=str))
    return _clean(value.strip(), name)


def _clean(text: str, name: str) -> str:
    if len(text) > MAX_TEXT:
        raise RowError(f'"{name}" has {len(text):,} characters; at most {MAX_TEXT:,} are allowed', text)
    for sign in text:
        if unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\n\t\r":
            raise RowError(f'"{name}" holds the control character U+{ord(sign):04X}; remove it', text)
    return text


def _history(value: Any) -> tuple[str, ...]:
    """Lines that the model was shown: a list of texts, or one text with a line for each."""
    if value is None or value == "":
        return ()
    lines = _listed(value) if not isinstance(value, str) or value.startswith("[") else value.splitlines()
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise RowError('"history" must be a list of texts, one for each line that the model was shown', str(value))
    if len(lines) > MAX_LINES:
        raise RowError(f'"history" has {len(lines):,} lines; at most {MAX_LINES:,} are allowed', str(value))
    return tuple(_clean(line, "history") for line in lines)


def _numbers(value: Any) -> tuple[int, ...]:
    if value is None or value == "":
        return ()
    found = _listed(value)
    if not isinstance(found, list) or any(
        isinstance(one, bool) or not isinstance(one, int) or one < 0 for one in found
    ):
        raise RowError('"evidence" must be a list of line numbers of the history, from 0', str(value))
    return tuple(found)


def _listed(value: Any) -> Any:
    """A list, which CSV writes as JSON."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return None


def place(values: Mapping[str, Any], name: str) -> int | None:
    """A place counted from 0; None where there is none. Raises RowError."""
    value = values.get(name)
    if value is None or value == "":
        return None
    text = str(value).removesuffix(".0")  # pandas makes floats of whole numbers where a column has gaps
    if isinstance(value, bool) or not text.isascii() or not text.isdigit() or int(text) > 100_000:
        raise RowError(f'"{name}" must be a whole number, counted from 0', str(value))
    return int(text)


def _time(value: Any) -> datetime | None:
    if value is None or value == "":
        return None
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return (at.replace(tzinfo=UTC) if at.tzinfo is None else at).astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise RowError('"generated_at" must be an ISO 8601 time like 2017-03-31T18:30:00Z', str(value)) from error


def places(text: str, name: str = "the mapping") -> dict[str, str]:
    """{name of ours: dotted path} from JSON; {} from nothing. Raises ImportStopped naming what is wrong in it."""
    try:
        found = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        raise ImportStopped(f"{name} is broken JSON: {error}.") from error
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise ImportStopped(f'{name} must be an object of texts like {{"text": "fields.response"}}.')
    if unknown := found.keys() - set(NAMES):
        raise ImportStopped(f"{name} names {sorted(unknown)[0]!r}; known are {', '.join(NAMES)}.")
    return found


# Records of other tools -----------------------------------------------------------------------------------------------


def of_tool(record: Mapping[str, Any], tool: str, paths: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The rows that a record of Label Studio or Argilla holds.

    paths   {name of ours: dotted path in the record}; what is not named is looked for by its own name

    A task of Label Studio whose texts are predictions is a generation for each prediction, by its `model_version`.
    """
    found = {name: _found(record, tool, name, paths.get(name)) for name in NAMES}
    if found["generation"] is None:
        found["generation"] = next((record[name] for name in _KEYS[tool] if record.get(name) is not None), None)
    predictions = record.get("predictions")
    if found["text"] is None and found["outputs"] is None and tool == "label-studio" and isinstance(predictions, list):
        yield from (_predicted(found, one, number) for number, one in enumerate(predictions) if isinstance(one, dict))
        return
    yield found


def _found(record: Mapping[str, Any], tool: str, name: str, path: str | None) -> Any:
    for where in (path,) if path else [f"{one}.{name}" for one in _PLACES[tool]]:
        value: Any = record
        for part in where.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            return value
    return None


def _predicted(about: Mapping[str, Any], prediction: Mapping[str, Any], number: int) -> dict[str, Any]:
    texts: list[str] = []
    results = prediction.get("result")
    for result in results if isinstance(results, list) else []:
        value = result.get("value") if isinstance(result, dict) else None
        for kind in ("text", "choices"):
            found = value.get(kind) if isinstance(value, dict) else None
            texts += [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, str)]
    return {
        **about,
        "generation": f"{about['generation']}/{prediction.get('id', number)}",
        "model": about["model"] or prediction.get("model_version"),
        "outputs": texts or None,
    }
