"""Outputs of one generation with their grades, for a reward."""

import json
from collections import Counter
from typing import Any

import pytest

from recommend.models import Generation
from tests.training.data_sets.material import QUERY, reviewed, tags
from training.data_sets import lists
from training.data_sets.rows import Row
from training.data_sets.wanted import read

pytestmark = pytest.mark.django_db


def built(**values: Any) -> tuple[list[Row], Counter[str]]:
    fates: Counter[str] = Counter()
    return list(lists.rows(read(QUERY | {"stage": "rewards"} | values), fates, lambda n: None)), fates


def graded(generation: Generation, *grades: str) -> None:
    for output, grade in zip(generation.outputs.order_by("position"), grades, strict=True):
        output.assessments.update(grade=grade)


def test_a_list_has_the_outputs_with_their_grades_each_as_an_answer_of_its_own():
    generation = tags(True, False, True, True)
    graded(generation, "S", "B", "A", "")

    (row,), fates = built()

    answers = [(json.loads(answer)["tags"][0]["tag"], grade) for answer, grade in row.graded]
    assert answers == [("whole grain crackers", "S"), ("scented soy candles", "B"), ("cast iron skillet", "A")]
    assert "Propose 1 tags." in row.messages[1].content
    assert (row.answer, row.n_outputs, fates["outputs.ungraded"]) == ("", 3, 1)
    assert len(row.lineage.outputs) == len(row.lineage.assessments) == 3


def test_what_people_failed_is_bad_and_what_they_passed_against_the_judge_says_nothing():
    generation = tags(True, True, False)
    graded(generation, "S", "S", "B")
    first, _, third = generation.outputs.order_by("position")
    reviewed(first, passes=False)
    reviewed(third, passes=True)

    (row,), fates = built()

    assert [grade for _, grade in row.graded] == ["B", "S"]
    assert fates["outputs.ungraded"] == 1


def test_a_generation_without_two_grades_makes_no_list():
    graded(tags(True, True), "A", "A")

    rows, fates = built()

    assert rows == []
    assert fates["generations.one_grade"] == 1
