"""Records of Label Studio and Argilla as rows like those of our own export. Pure: no database.

Label Studio: tasks of its JSON export, https://labelstud.io/guide/task_format. Argilla: records of version 2
(`Record.to_dict`: "responses" is {question: [{"value", "user_id"}]}) and of version 1 (a list of {"values": {question:
{"value"}}, "user_id", "status"}).
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Any, TypeGuard

from judge.exchange.mappings import Mapping
from recommend.imports.problems import RowError
from recommend.imports.readers import raw_value

# Where our output's id is looked for, unless the mapping says it: our own export has it there.
USUAL = {"label-studio": ("data.output_id",), "argilla": ("metadata.output_id", "external_id", "id")}
TEXT = "output_text_there"  # what the record calls the output's text; no column of ours


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A part of a record that holds no labels of a person."""

    why: str


NO_ANSWER = "no submitted answer"
VERDICT = "a judge model's verdict; only people's labels are imported"


def rows(record: dict[str, Any], mapping: Mapping) -> Iterator[dict[str, Any] | LeftOut | RowError]:
    """A row for each answer of a person; of a record that is none, one RowError."""
    try:
        about = _about(record, mapping)
        answers = list(_TOOLS[mapping.tool](record, mapping.ignore))
    except RowError as error:
        yield error
        return
    for answer in answers:
        if isinstance(answer, LeftOut):
            yield answer
            continue
        try:
            yield about | _row(answer, mapping)
        except RowError as error:
            yield error


@dataclass(frozen=True, slots=True)
class Answer:
    """What one person said: their name there, {question: values}, and columns that the record has of our own."""

    user: str
    values: dict[str, list[str]]
    columns: dict[str, Any]


def _about(record: dict[str, Any], mapping: Mapping) -> dict[str, Any]:
    paths = (mapping.output,) if mapping.output else USUAL[mapping.tool]
    output = next((found for path in paths if (found := _at(record, path)) not in (None, "")), None)
    text = _at(record, mapping.text) if mapping.text else None
    if mapping.text and not isinstance(text, str):
        raise RowError(f'there is no text at "{mapping.text}"; correct "text" in the mapping', raw_value(text))
    if text is not None and mapping.kind:  # found by its text: an id in a usual place is the other tool's own
        output = _at(record, mapping.output) if mapping.output else None
    if output is None and text is None:
        raise RowError(
            f'there is no output\'s id at {" or ".join(paths)}; name its place with "output" in the mapping, or the '
            'text\'s with "text" and "kind"'
        )
    shopper = _at(record, mapping.shopper) if mapping.shopper else None
    return {
        "output_id": None if output is None else str(output),
        TEXT: text,
        "output_kind": mapping.kind or None,
        "shopper": None if shopper is None else str(shopper),
    }


def _row(answer: Answer, mapping: Mapping) -> dict[str, Any]:
    labels, comment = {}, ""
    for question, values in answer.values.items():
        if question == mapping.comment and question not in mapping.criteria:
            comment = "\n".join(values)
            continue
        if len(values) != 1:
            raise RowError(f'"{question}" has {len(values)} answers where one is wanted', raw_value(values))
        criterion = mapping.criteria.get(question, question)
        if criterion in labels:
            raise RowError(f'two questions are mapped to the criterion "{criterion}"; leave one to "ignore"', question)
        labels[criterion] = mapping.labels.get(criterion, {}).get(values[0], values[0])
    name = mapping.raters.get(answer.user, answer.user) or mapping.rater
    if not name:
        raise RowError('the answer names no user; name one with "rater" in the mapping')
    return answer.columns | {"rater_name": name, "labels": labels, "rationale": comment}


def _at(record: Any, path: str) -> Any:
    """What stands at a dotted path; None where there is nothing."""
    for name in path.split("."):
        record = record.get(name) if isinstance(record, dict) else None
    return record


# Label Studio ---------------------------------------------------------------------------------------------------------

# What our own export writes beside an annotation, and Label Studio's own names for the same.
_OURS = ("rubric_version", "revision", "blind", "assessment", "assignment_id")


def _tasks(record: dict[str, Any], ignore: Container[str]) -> Iterator[Answer | LeftOut]:
    annotations = record.get("annotations")
    if not _is_objects(annotations):
        raise RowError('no list "annotations"; export as JSON, not JSON-MIN or CSV', raw_value(annotations))
    for one in annotations:
        result = one.get("result")
        if one.get("was_cancelled") or not result:
            yield LeftOut(NO_ANSWER)
            continue
        if not _is_objects(result):
            raise RowError('an annotation\'s "result" must be a list of objects', raw_value(result))
        values: dict[str, list[str]] = {}
        for part in result:
            name = str(part.get("from_name"))
            if name not in ignore:
                values.setdefault(name, []).extend(_control(part))
        columns = {name: one[name] for name in _OURS if name in one}
        columns |= {"seconds": one.get("lead_time"), "rated_at": one.get("created_at")}
        yield Answer(_user(one), values, columns)
    for _ in record.get("predictions") or ():
        yield LeftOut(VERDICT)


def _control(part: dict[str, Any]) -> list[str]:
    """The values of a control: choices, a rating, a number or texts."""
    kind, value = str(part.get("type")), part.get("value")
    if kind not in ("choices", "rating", "number", "textarea") or not isinstance(value, dict):
        raise RowError(
            f'the control "{part.get("from_name")}" is of type {kind}; choices, rating, number and textarea can be '
            'read, so name it under "ignore" in the mapping',
            raw_value(value),
        )
    return _texts(value.get("text" if kind == "textarea" else kind))


def _user(annotation: dict[str, Any]) -> str:
    ours, theirs = annotation.get("rater"), annotation.get("completed_by")
    if isinstance(ours, str) and ours:
        return ours
    if isinstance(theirs, dict):
        theirs = theirs.get("email") or theirs.get("username") or theirs.get("id")
    return "" if theirs is None else str(theirs)


# Argilla --------------------------------------------------------------------------------------------------------------


def _responses(record: dict[str, Any], ignore: Container[str]) -> Iterator[Answer | LeftOut]:
    responses = record.get("responses")
    answers: dict[str, dict[str, list[str]]] = {}
    if isinstance(responses, dict):
        for question, given in responses.items():
            if question in ignore:
                continue
            for one in given if _is_objects(given) else [{"value": given}]:
                if _is_submitted(one):
                    answers.setdefault(_who(one), {})[question] = _texts(one.get("value"))
    elif _is_objects(responses):
        for one in responses:
            if _is_submitted(one) and isinstance(one.get("values"), dict):
                answers[_who(one)] = {
                    question: _texts(value.get("value") if isinstance(value, dict) else value)
                    for question, value in one["values"].items()
                    if question not in ignore
                }
    elif responses is not None:
        raise RowError('"responses" must be an object or a list of objects', raw_value(responses))
    if not answers:
        yield LeftOut(NO_ANSWER)
    for user, values in answers.items():
        yield Answer(user, values, {})
    if record.get("suggestions"):
        yield LeftOut(VERDICT)


def _is_submitted(response: dict[str, Any]) -> bool:
    return response.get("status") in (None, "submitted")


def _who(response: dict[str, Any]) -> str:
    return str(response.get("user_id") or response.get("user") or "")


_TOOLS = {"label-studio": _tasks, "argilla": _responses}


def _is_objects(value: Any) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _texts(value: Any) -> list[str]:
    """One value or a list of them as texts; 4.0 is "4", as a rating is written in either way."""
    found = value if isinstance(value, list) else [value]
    if any(isinstance(one, bool) or not isinstance(one, str | int | float) for one in found):
        raise RowError("an answer must be a text or a number, or a list of them", raw_value(value))
    return [str(int(one)) if isinstance(one, float) and one.is_integer() else str(one) for one in found]
