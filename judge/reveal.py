"""Telling a person whose the two answers of a pair are: once asked for, their choice stays."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from judge import holding, pairs
from judge.models import Assignment
from judge.refusals import NotSubmitted
from recommend import audit
from recommend.audit import Verb
from recommend.models import Generation


@dataclass(frozen=True, slots=True)
class Answer:
    """Whose an answer is: of population A or B, by which model and prompt."""

    population: str
    model: str
    prompt_version: str


@dataclass(frozen=True, slots=True)
class Revealed:
    left: Answer
    right: Answer


@transaction.atomic
def reveal(assignment: Assignment, annotator: User) -> None:
    """Note that a person was told; from then on `told` says it. Repeating changes nothing.

    Raises NotSubmitted before the choice, and for what is no pair.
    """
    _, held = holding.locked(assignment, annotator)
    chosen = pairs.of(held) if held.state == Assignment.State.SUBMITTED else None
    if chosen is None:
        raise NotSubmitted("Whose the answers are is told after a choice between two is submitted. There is none yet.")
    if chosen.revealed_at is None:
        chosen.revealed_at = timezone.now()
        chosen.save(update_fields=["revealed_at"])
        audit.record(Verb.LABELS_REVEALED, held, {"pair": True}, by=annotator)


def told(assignment: Assignment) -> Revealed | None:
    """Whose the answers are, where the person of an assignment was told; else None."""
    chosen = pairs.of(assignment)
    if chosen is None or chosen.revealed_at is None or assignment.unit.rival is None:
        return None
    a, b = _answer("A", assignment.unit.generation), _answer("B", assignment.unit.rival)
    return Revealed(a, b) if chosen.a_was_left else Revealed(b, a)


def _answer(population: str, generation: Generation) -> Answer:
    return Answer(population, generation.model.name, generation.prompt_version)
