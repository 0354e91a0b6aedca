"""Comparing two answers: which side each stands on, what is asked, and how a choice is stored.

A choice is stored by population, A or B; on a screen, in a draft and in an answer it is one of sides, left or right.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from judge.models import Assignment, Preference
from judge.rubrics import CriterionDef, LabelDef, RubricDef

QUESTION = "preference"
LEFT, RIGHT, BOTH, NEITHER = "left", "right", "both", "neither"
CRITERION = CriterionDef(
    name=QUESTION,
    title="Better answer",
    question="Which of the two answers is better by the guideline?",
    guideline="",
    labels=(
        LabelDef(LEFT, "Left is better", passes=True),
        LabelDef(RIGHT, "Right is better", passes=True),
        LabelDef(BOTH, "Both good", passes=True),
        LabelDef(NEITHER, "Both bad", passes=False),
    ),
)
# What a screen asks of a pair, in the form of what it asks of an output. Its kind is of no account: no judge reads it.
ASKED = RubricDef(kind="interest", title=CRITERION.title, guideline="", criteria=(CRITERION,))


def a_is_left(unit_id: UUID, annotator_id: int) -> bool:
    """The side of A for one person: a lot of the pair and the person, the same at every look.

    Nobody who compares is told a unit's id, so nobody can work the lot out.
    """
    return hashlib.sha256(unit_id.bytes + str(annotator_id).encode()).digest()[0] < 128


def a_stands_left(assignment: Assignment) -> bool:
    """The side of A in an assignment."""
    return a_is_left(assignment.unit_id, assignment.annotator_id)


def choice_of(side: str, a_left: bool) -> Preference.Choice:
    """What a side means: the choice that is stored."""
    if side in (LEFT, RIGHT):
        return Preference.Choice.A if (side == LEFT) == a_left else Preference.Choice.B
    return Preference.Choice(side)


def side_of(preference: Preference) -> str:
    """What was chosen, as the person saw it."""
    if preference.choice in (Preference.Choice.A, Preference.Choice.B):
        return LEFT if (preference.choice == Preference.Choice.A) == preference.a_was_left else RIGHT
    return str(preference.choice)


def store(held: Assignment, answers: Mapping[str, Any]) -> Preference:
    """Store the complete answer of an assignment, which the caller has locked."""
    answer, a_left = answers[str(held.pk)], a_stands_left(held)
    return Preference.objects.create(
        assignment=held,
        choice=choice_of(answer["labels"][QUESTION], a_left),
        a_was_left=a_left,
        comment=answer["comment"],
        seconds=held.seconds,
    )


def as_answers(preference: Preference) -> dict[str, Any]:
    """A stored choice in the form of the answers that made it."""
    answer = {"labels": {QUESTION: side_of(preference)}, "comment": preference.comment}
    return {str(preference.assignment_id): answer}


def of(assignment: Assignment) -> Preference | None:
    """The choice made in an assignment, if there is one."""
    return Preference.objects.filter(assignment=assignment).first()
