"""What the review page shows of a pair: both answers by side, never whose they are, and what its form sends back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from judge import pairs, reveal, screens
from judge.models import Assignment
from recommend.models import Generation, Output


@dataclass(frozen=True, slots=True)
class Side:
    """One answer; `whose` only once the person was told."""

    title: str
    outputs: tuple[Output, ...]
    whose: reveal.Answer | None


@dataclass(frozen=True, slots=True)
class Option:
    """One button of the choice."""

    value: str
    title: str
    key: str
    checked: bool


@dataclass(frozen=True, slots=True)
class PairScreen:
    """One pair to compare; `lines` are the history lines that either answer cites."""

    assignment: Assignment
    evidence: screens.Evidence
    left: Side
    right: Side
    question: str
    options: tuple[Option, ...]
    comment: str
    lines: tuple[int, ...]
    is_told: bool

    @property
    def field(self) -> str:
        """The form field of the choice."""
        return f"label-{self.assignment.pk}"

    @property
    def comment_field(self) -> str:
        """The form field of the comment."""
        return f"comment-{self.assignment.pk}"

    @property
    def chosen(self) -> Option | None:
        return next((option for option in self.options if option.checked), None)


def screen(assignment: Assignment) -> PairScreen:
    """The screen of an assignment whose unit is a pair."""
    unit = assignment.unit
    assert unit.rival is not None
    a, b = kept(unit.generation), kept(unit.rival)
    left, right = (a, b) if pairs.a_stands_left(assignment) else (b, a)
    preference, told = pairs.of(assignment), reveal.told(assignment)
    given = (pairs.as_answers(preference) if preference else assignment.draft).get(str(assignment.pk), {})
    value = given.get("labels", {}).get(pairs.QUESTION, "")
    return PairScreen(
        assignment=assignment,
        evidence=screens.evidence(shown_more(unit.generation, unit.rival)),
        left=Side("Left", left, told.left if told else None),
        right=Side("Right", right, told.right if told else None),
        question=pairs.CRITERION.question,
        options=tuple(
            Option(label.value, label.title, str(number), label.value == value)
            for number, label in enumerate(pairs.CRITERION.labels, start=1)
        ),
        comment=given.get("comment", ""),
        lines=tuple(sorted({line for output in (*a, *b) for line in screens.cited_lines(output)})),
        is_told=told is not None,
    )


def kept(generation: Generation) -> tuple[Output, ...]:
    """What of an answer is compared: the outputs that no rule rejected."""
    found = generation.outputs.all().kept().select_related("parent", "item").order_by("position")
    return tuple(found)


def shown_more(a: Generation, b: Generation) -> Generation:
    """The one that was shown more of the history that both were made from: what it saw is the evidence."""
    return max(a, b, key=lambda one: one.run.history.get("n_kept_events", 0))


def answers(assignment: Assignment, posted: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """A form's answer as `queue.submit` takes it; what is open is absent."""
    value = posted.get(f"label-{assignment.pk}", "")
    comment = posted.get(f"comment-{assignment.pk}", "").strip()
    if not value and not comment:
        return {}
    return {str(assignment.pk): {"labels": {pairs.QUESTION: value} if value else {}, "comment": comment}}
