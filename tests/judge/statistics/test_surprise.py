"""How surprising unanimous people are to somebody who believes the judge, worked out by hand."""

import pytest

from judge.statistics.report import FAIL, OVERALL, PASS, ReviewedLabel
from judge.statistics.surprise import surprises


def said(output: str, human: bool, judge: bool, probability: float | None, rater: str = "a") -> ReviewedLabel:
    return ReviewedLabel(
        output=output,
        cluster=output,
        criterion=OVERALL,
        human_label=PASS if human else FAIL,
        judge_label=PASS if judge else FAIL,
        human_passed=human,
        judge_passed=judge,
        inclusion_probability=1.0,
        rater=rater,
        judge_probability=probability,
    )


def test_bits_are_those_of_people_contradicting_a_judge_that_is_right_as_often_as_it_says():
    one = said("one", False, True, 0.75)  # doubt 1/4: 2 bits
    two = [said("two", False, True, 0.75, rater) for rater in "ab"]  # both: 4 bits
    fails = said("fails", True, False, 0.125)  # it fails it with 7/8: 3 bits

    found = surprises([one, *two, fails], 10)

    assert [row.output for row in found] == ["two", "fails", "one"]
    assert [row.bits for row in found] == pytest.approx([4, 3, 2])
    assert [row.n_people for row in found] == [2, 1, 1]
    assert [row.confidence for row in found] == [0.75, 0.875, 0.75]
    assert [row.judge_passed for row in found] == [True, False, True]


def test_where_anybody_sides_with_the_judge_it_is_no_surprise():
    assert surprises([said("x", False, True, 0.9, "a"), said("x", True, True, 0.9, "b")], 10) == ()


def test_a_judge_that_is_certain_is_not_infinitely_surprised():
    certain = said("certain", False, True, 1.0)
    two = [said("two", False, True, 0.98, rater) for rater in "ab"]  # 2 * log2(50) = 11.3 bits; 1,000 gives 9.97

    assert [row.output for row in surprises([certain, *two], 10)] == ["two", "certain"]


def test_without_probabilities_more_people_come_first_behind_those_with():
    rows = [said("one", False, True, None), said("some", False, True, 0.6)]
    rows += [said("many", False, True, None, rater) for rater in "abc"]

    found = surprises(rows, 10)

    assert [row.output for row in found] == ["some", "many", "one"]
    assert found[1].confidence is None
    assert surprises(rows, 2) == found[:2]
