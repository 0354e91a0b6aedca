"""Label Studio's JSON: one task for each output, people's labels as annotations, the judges' as predictions.

The form is that of https://labelstud.io/guide/task_format.html. A person is not named in `completed_by`: Label Studio
refuses a file with users that it does not have. The name stands beside it, in `rater`, which Label Studio ignores.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any
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


def tasks(assessments: QuerySet[Assessment]) -> Iterator[bytes]:
    """A JSON array of tasks."""
    before = "[\n"
    for one in _tasks(assessments):
        yield f"{before}{json.dumps(one, ensure_ascii=False)}".encode()
        before = ",\n"
    yield ("\n]\n" if before != "[\n" else "[]\n").encode()


def _tasks(assessments: QuerySet[Assessment]) -> Iterator[dict[str, Any]]:
    found = _named(rows.tuples(assessments.order_by("output_id", "pk")))
    for _, group in groupby(found, itemgetter("output_id")):
        same = list(group)
        yield {
            "data": {name: _plain(same[0][name]) for name in DATA},
            "annotations": [_annotation(row) for row in same if row["rater_kind"] == PERSON],
            "predictions": [_prediction(row) for row in same if row["rater_kind"] != PERSON],
        }


def _named(batches: Iterable[list[rows.Row]]) -> Iterator[dict[str, Any]]:
    for batch in batches:
        for row in batch:
            yield dict(zip(NAMES, row, strict=True))


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int) else str(value)


def _annotation(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "assessment": str(row["assessment"]),
        "rater": row["rater_name"],
        "rubric_version": row["rubric_version"],
        "revision": row["revision"],
        "blind": row["blind"],
        "assignment_id": row["assignment_id"],
        "result": _result(row),
        "was_cancelled": False,
        "ground_truth": False,
        "lead_time": row["seconds"],
        "created_at": row["rated_at"].isoformat(),
    }


def _prediction(row: dict[str, Any]) -> dict[str, Any]:
    prompt, rubric = row["rater_prompt_version"], row["rubric_version"]
    return {"model_version": f"{row['rater_name']}, prompt {prompt}, rubric {rubric}", "result": _result(row)}


def _result(row: dict[str, Any]) -> list[dict[str, Any]]:
    chosen = {name: ("choices", {"choices": [label]}) for name, label in json.loads(row["labels"]).items()}
    if row["rationale"]:
        chosen[COMMENT] = ("textarea", {"text": [row["rationale"]]})
    return [
        {"id": f"{row['assessment']}-{name}", "from_name": name, "to_name": TEXT, "type": kind, "value": value}
        for name, (kind, value) in chosen.items()
    ]


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
