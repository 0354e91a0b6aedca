"""Label Studio's JSON: one task for each output, people's labels as annotations, the judges' as predictions.

The form is that of https://labelstud.io/guide/task_format.html. A person is not named in `completed_by`: Label Studio
refuses a file with users that it does not have. The name stands beside it, in `rater`, which Label Studio ignores.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from xml.sax.saxutils import quoteattr

from django.db.models import QuerySet

from judge.exchange import rows
from judge.exchange.columns import NAMES, PERSON
from judge.models import Assessment
from judge.rubrics import RubricDef

# Names of the controls and the text that they belong to, in tasks and in the labelling interface alike.
TEXT, COMMENT = "text", "comment"
# What a task shows and carries, so that its labels find their output again: the columns of the output.
DATA = tuple(name for name in NAMES[NAMES.index("output_id") : NAMES.index("campaign")])


def _object(columns: str) -> str:
    return f"(SELECT row_to_json(one) FROM (SELECT {columns}) AS one)"  # noqa: S608  # constants of this module


_DATA = ", ".join(f"{name}::text" if name == "output_evidence" else name for name in DATA)
_ANNOTATION = (
    "assessment, rater_name AS rater, rubric_version, revision, blind, assignment_id, false AS was_cancelled, "
    "false AS ground_truth, seconds AS lead_time, rated_at AS created_at"
)
_PREDICTION = "concat(rater_name, ', prompt ', rater_prompt_version, ', rubric ', rubric_version) AS model_version"
_ORDER = "ORDER BY output_id, assessment"
# The task's data in the output's first row; an annotation or prediction but for its results, and what these are of.
_COLUMNS = (
    f"CASE WHEN lag(output_id) OVER ({_ORDER}) IS DISTINCT FROM output_id THEN {_object(_DATA)} END",
    f"rater_kind = '{PERSON}'",
    f"CASE WHEN rater_kind = '{PERSON}' THEN {_object(_ANNOTATION)} ELSE {_object(_PREDICTION)} END",
    "assessment",
    "labels",
    "to_json(nullif(rationale, ''))",
)


def tasks(assessments: QuerySet[Assessment]) -> Iterator[bytes]:
    """A JSON array of tasks."""
    before = b"[\n"
    for batch in _tasks(assessments):
        yield before + b",\n".join(batch)
        before = b",\n"
    yield b"[]\n" if before == b"[\n" else b"\n]\n"


@dataclass(slots=True)
class _Task:
    data: bytes
    annotations: list[bytes] = field(default_factory=list)
    predictions: list[bytes] = field(default_factory=list)

    def __bytes__(self) -> bytes:
        said = (b", ".join(self.annotations), b", ".join(self.predictions))
        return b'{"data": %b, "annotations": [%b], "predictions": [%b]}' % (self.data, *said)


def _tasks(assessments: QuerySet[Assessment]) -> Iterator[list[bytes]]:
    """The tasks, some at a time; PostgreSQL writes the JSON of all but the results."""
    done: list[bytes] = []
    task: _Task | None = None
    for batch in rows.copied(assessments, _COLUMNS, rows.JSON, _ORDER):
        for row in batch:
            data, is_person, about, assessment, labels, comment = row[:-1].split(rows.SEPARATOR)
            if task is None or data:
                done += [] if task is None else [bytes(task)]
                task = _Task(data)
            said = b'%b, "result": [%b]}' % (about[:-1], _result(assessment, labels, comment))
            (task.annotations if is_person == b"t" else task.predictions).append(said)
        if done:
            yield done
            done = []
    if task is not None:
        yield [bytes(task)]


def _result(assessment: bytes, labels: bytes, comment: bytes) -> bytes:
    parts = _choices(labels)
    if comment:
        parts += (_part(COMMENT, "textarea", b'{"text": [%b]}' % comment),)
    return b", ".join(parts).replace(rows.SEPARATOR, assessment)


@lru_cache(maxsize=4096)
def _choices(labels: bytes) -> tuple[bytes, ...]:
    """The results of some labels, the same for every row that says so."""
    return tuple(
        _part(name, "choices", json.dumps({"choices": [label]}, ensure_ascii=False).encode())
        for name, label in json.loads(labels).items()
    )


def _part(name: str, kind: str, value: bytes) -> bytes:
    """One result as JSON; a separator, which JSON cannot hold, where the assessment's id belongs."""
    control = json.dumps(name, ensure_ascii=False).encode()
    return b'{"id": "%b-%b, "from_name": %b, "to_name": "%b", "type": "%b", "value": %b}' % (
        rows.SEPARATOR,
        control[1:],
        control,
        TEXT.encode(),
        kind.encode(),
        value,
    )


def interface(rules: RubricDef) -> str:
    """The labelling interface that fits the tasks of a rubric: what a project of Label Studio is set up with."""
    choices = "\n".join(
        f"  <Header value={quoteattr(one.question)}/>\n"
        f'  <Choices name={quoteattr(one.name)} toName="{TEXT}" choice="single" required="true">\n'
        + "".join(f"    <Choice value={quoteattr(label.value)}/>\n" for label in one.labels)
        + "  </Choices>"
        for one in rules.criteria
    )
    return (
        f'<View>\n  <Text name="{TEXT}" value="$output_text"/>\n  <Text name="reason" value="$output_reason"/>\n'
        f'{choices}\n  <TextArea name="{COMMENT}" toName="{TEXT}" maxSubmissions="1"/>\n</View>\n'
    )
