"""What changed in words between two rubrics."""

from dataclasses import replace

from judge.rubric_changes import changes
from judge.rubrics import EXPLANATION, INTEREST
from judge.rubrics_v2 import EXPLANATION as V2


def test_a_text_that_differs_stands_on_both_sides_with_what_the_other_lacks():
    first, second = INTEREST.criteria
    asked = replace(INTEREST, criteria=(first, replace(second, question="How well does the past support it?")))

    [change] = changes(INTEREST, asked)

    assert change.where == "Reasonableness: question"
    assert [one.text for one in change.before if one.is_changed] == ["history", "this interest?"]
    assert [one.text for one in change.after if one.is_changed] == ["past", "it?"]
    assert change.before_text == second.question


def test_a_criterion_that_was_added_stands_there_whole():
    found = {change.where: change for change in changes(EXPLANATION, V2)}

    assert found["Timeliness: question"].before_text == ""
    assert found["Timeliness: question"].after_text == V2.criterion("timeliness").question
    assert "Relevance: question" not in found


def test_blanks_at_the_end_of_a_text_are_no_change():
    assert changes(INTEREST, replace(INTEREST, guideline=INTEREST.guideline.strip())) == []
