"""What may come in as an answer: checked against the generation and its rubric, whatever a browser or client sends."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Model

from judge.refusals import Incomplete, InvalidAnswer
from judge.rubrics import CriterionDef, LabelError, RubricDef

MAX_TEXT = 4_000

Answers = dict[str, dict[str, Any]]


def cleaned(answers: Mapping[str, Any], rubric: RubricDef, outputs: Sequence[Model]) -> Answers:
    """Answers {output id: {"labels": {criterion: label}, "comment": text}} without what is empty.

    They may be incomplete, but raise InvalidAnswer for an output that is not among `outputs`, for a criterion or label
    that is not in the rubric, and for anything of another shape.
    """
    if not isinstance(answers, Mapping):
        raise InvalidAnswer("Answers are an object of outputs.")
    known = {str(output.pk) for output in outputs}
    result: Answers = {}
    for output_id, answer in answers.items():
        if output_id not in known:
            raise InvalidAnswer(f"{output_id!r} is not an output that is rated here.")
        if not isinstance(answer, Mapping):
            raise InvalidAnswer(f"The answer for {output_id} is an object with labels and comment.")
        labels = _labels(answer.get("labels") or {}, rubric)
        comment = cleaned_text(answer.get("comment") or "")
        if labels or comment:
            result[output_id] = {"labels": labels, "comment": comment}
    return result


def cleaned_text(text: object) -> str:
    """A comment or reason as it is stored. Raises InvalidAnswer for other types and for very long ones."""
    if not isinstance(text, str):
        raise InvalidAnswer("A comment or reason is text.")
    text = text.replace("\x00", "").strip()  # PostgreSQL cannot store the character 0
    if len(text) > MAX_TEXT:
        raise InvalidAnswer(f"A comment or reason is at most {MAX_TEXT} characters; this one has {len(text)}.")
    return text


def check_complete(answers: Answers, rubric: RubricDef, outputs: Sequence[Model]) -> None:
    """Raises Incomplete unless every output has a label for every criterion."""
    missing: dict[str, list[str]] = {}
    where = []
    for number, output in enumerate(outputs, start=1):
        given = answers.get(str(output.pk), {}).get("labels", {})
        left: list[CriterionDef] = [one for one in rubric.criteria if one.name not in given]
        if left:
            missing[str(output.pk)] = [one.name for one in left]
            where.append(f"{number} ({', '.join(one.title for one in left)})")
    if missing:
        raise Incomplete(missing, where)


def _labels(labels: Any, rubric: RubricDef) -> dict[str, str]:
    if not isinstance(labels, Mapping):
        raise InvalidAnswer("Labels are an object of criteria.")
    try:
        return {str(name): rubric.criterion(name).label(value).value for name, value in labels.items()}
    except LabelError as error:
        raise InvalidAnswer(f"{str(error)[:200]}.") from error
