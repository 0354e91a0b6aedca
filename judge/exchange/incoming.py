"""Rows of our own export as they are read again, from JSON Lines, CSV or Parquet. Pure: no database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from judge.answers import MAX_TEXT
from judge.exchange.cells import unguarded
from judge.exchange.columns import NAMES, PERSON
from recommend.imports import elsewhere
from recommend.imports import values as v
from recommend.imports.problems import RowError
from recommend.models import Output

REQUIRED = ("output_id", "rater_name", "labels")
REQUIRED_ELSEWHERE = ("generation", "rater_name", "labels")
NAMES_READ = frozenset(NAMES)


@dataclass(frozen=True, slots=True)
class Given:
    """One person's labels for one output, as a file has them. `passed` is not read: it follows from the labels."""

    output: UUID
    rater_name: str
    labels: dict[str, str]
    comment: str
    rubric_version: int | None
    revision: int
    blind: bool
    seconds: float
    rated_at: datetime | None
    assessment: UUID | None
    assignment: UUID | None


def is_model(values: Mapping[str, Any]) -> bool:
    """Whether a row is a judge model's, which is not imported: judges judge again."""
    return values.get("rater_kind", PERSON) not in (PERSON, "", None)


def given(values: Mapping[str, Any], *, from_csv: bool, source: str = "") -> Given:
    """The labels of a row. Raises RowError naming the column and the remedy.

    source   the system whose imported outputs are named by `generation` and `position`; "": by `output_id` alone
    """
    output = _uuid(values, "output_id")
    if output is None and source:
        key = v.text(values, "generation", limit=elsewhere.MAX_KEY, required=True)
        output = elsewhere.output_id(source, key, elsewhere.place(values, "position") or 0)
    if output is None:
        raise RowError('"output_id" is missing')
    kind = values.get("output_kind") or None
    if kind is not None and kind not in Output.Kind.values:
        raise RowError(f'"output_kind" must be one of {", ".join(Output.Kind.values)}', kind)
    return Given(
        output=output,
        rater_name=_text(values, "rater_name", from_csv, required=True),
        labels=_labels(values, from_csv),
        comment=_text(values, "rationale", from_csv),
        rubric_version=_integer(values, "rubric_version"),
        revision=_integer(values, "revision") or 1,
        blind=_flag(values, "blind"),
        seconds=_seconds(values),
        rated_at=_time(values, "rated_at"),
        assessment=_uuid(values, "assessment"),
        assignment=_uuid(values, "assignment_id"),
    )


def _text(values: Mapping[str, Any], name: str, from_csv: bool, *, required: bool = False) -> str:
    value = values.get(name)
    if value is None or value == "":
        if required:
            raise RowError(f'"{name}" is missing')
        return ""
    if not isinstance(value, str):
        raise RowError(f'"{name}" must be text', json.dumps(value, default=str))
    text = unguarded(value) if from_csv else value
    if len(text) > MAX_TEXT:
        raise RowError(f'"{name}" has {len(text):,} characters; at most {MAX_TEXT:,} are allowed', text)
    if "\0" in text:
        raise RowError(f'"{name}" holds the control character U+0000; remove it', text)
    return text


def _labels(values: Mapping[str, Any], from_csv: bool) -> dict[str, str]:
    value = values.get("labels")
    if isinstance(value, str) and value:
        try:
            value = json.loads(unguarded(value) if from_csv else value)
        except (ValueError, RecursionError) as error:
            raise RowError(f'"labels" is broken JSON ({error})', value) from error
    if isinstance(value, list):  # Parquet's form
        value = {one.get("criterion"): one.get("label") for one in value if isinstance(one, dict)}
    if not value:
        raise RowError('"labels" is missing')
    if not isinstance(value, dict) or not all(isinstance(one, str) for pair in value.items() for one in pair):
        raise RowError('"labels" must be an object like {"willingness": "Spontaneity"}', json.dumps(value, default=str))
    return value


def _integer(values: Mapping[str, Any], name: str) -> int | None:
    value = values.get(name)
    if value is None or value == "":
        return None
    text = str(value)
    if isinstance(value, bool) or not text.isascii() or not text.isdigit() or not 1 <= int(text) < 2**31:
        raise RowError(f'"{name}" must be a whole number of at least 1', text)
    return int(text)


def _flag(values: Mapping[str, Any], name: str) -> bool:
    # Without it nobody knows what the person had seen, so the labels do not count as blind.
    value = values.get(name)
    found = {True: True, False: False, "true": True, "false": False, None: False, "": False}
    if not isinstance(value, bool | str | None) or value not in found:
        raise RowError(f'"{name}" must be true or false', str(value))
    return found[value]


def _seconds(values: Mapping[str, Any]) -> float:
    value = values.get("seconds")
    try:
        seconds = 0.0 if value is None or value == "" else float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise RowError('"seconds" must be a number, 0 or more', str(value))
    return seconds


def _time(values: Mapping[str, Any], name: str) -> datetime | None:
    value = values.get(name)
    if value is None or value == "":
        return None
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return (at.replace(tzinfo=UTC) if at.tzinfo is None else at).astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise RowError(f'"{name}" must be an ISO 8601 time like 2017-03-31T18:30:00Z', str(value)) from error


def _uuid(values: Mapping[str, Any], name: str) -> UUID | None:
    value = values.get(name)
    if value is None or value == "":
        return None
    try:
        return UUID(str(value))
    except ValueError as error:
        raise RowError(f'"{name}" must be a UUID, as in our export', str(value)) from error
