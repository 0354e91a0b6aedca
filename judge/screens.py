"""What the review pages show of one assignment, and what their forms send back: plain values, no HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from judge import visibility
from judge.models import Assessment, Assignment, Criterion, Rubric
from recommend import displays
from recommend.models import Generation, Output, PipelineRun

# The keys of a rating row, in order: the tenth label of an output has the key 0, as on the keyboard.
LABEL_KEYS = "1234567890"
# A page that is left open asks no longer than this for labels that do not come.
JUDGE_PATIENCE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the model was shown of the shopper."""

    attributes: tuple[tuple[str, str], ...]
    lines: tuple[displays.Line, ...]
    n_events: int
    n_kept_events: int
    n_dropped_events: int
    dropped_before: str
    source: str = ""  # the system that made the outputs, where they were imported


@dataclass(frozen=True, slots=True)
class LabelOption:
    """One button: `checked` is the annotator's choice, `by_judge` the judge's; probability 0 to 1, None if unknown."""

    value: str
    title: str
    help: str
    passes: bool
    key: str
    checked: bool
    by_judge: bool = False
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class CriterionRow:
    """One question about one output; `differs` is True where both sides answered and not alike."""

    criterion: Criterion
    field: str
    options: tuple[LabelOption, ...]

    @property
    def mine(self) -> LabelOption | None:
        return next((option for option in self.options if option.checked), None)

    @property
    def judges(self) -> LabelOption | None:
        return next((option for option in self.options if option.by_judge), None)

    @property
    def differs(self) -> bool:
        return self.mine is not None and self.judges is not None and self.mine != self.judges


@dataclass(frozen=True, slots=True)
class OutputCard:
    """One output to rate, with everything its row shows."""

    output: Output
    number: int
    rows: tuple[CriterionRow, ...]
    comment: str
    evidence: tuple[int, ...]
    judge: Assessment | None
    revised: bool

    @property
    def n_missing(self) -> int:
        return sum(row.mine is None for row in self.rows)

    @property
    def failed(self) -> str:
        """The titles of the labels that fail it; empty where none does."""
        return ", ".join(row.mine.title for row in self.rows if row.mine is not None and not row.mine.passes)

    @property
    def n_different(self) -> int:
        return sum(row.differs for row in self.rows)


@dataclass(frozen=True, slots=True)
class Screen:
    """One screen of work."""

    assignment: Assignment
    evidence: Evidence
    cards: tuple[OutputCard, ...]
    rejected: tuple[Output, ...]
    judge_waits: bool

    @property
    def n_missing(self) -> int:
        return sum(card.n_missing > 0 for card in self.cards)

    @property
    def n_different(self) -> int:
        return sum(card.n_different for card in self.cards)

    @property
    def n_compared(self) -> int:
        return sum(row.mine is not None and row.judges is not None for card in self.cards for row in card.rows)


def screen(assignment: Assignment, user: User) -> Screen:
    """The review screen of an assignment, as `user` may see it now."""
    generation = assignment.unit.generation
    criteria = list(assignment.unit.campaign.rubric.criteria.all())
    outputs = list(generation.outputs.select_related("parent", "item"))
    kept = [output for output in outputs if not output.is_rejected]
    mine, judges = _assessments(assignment, user, kept)
    submitted = assignment.state == Assignment.State.SUBMITTED
    cards = []
    for number, output in enumerate(kept, start=1):
        answer = _latest(mine[output.pk]) if output.pk in mine else _drafted(assignment, output)
        cards.append(
            OutputCard(
                output=output,
                number=number,
                rows=_rows(output, criteria, answer["labels"], judges.get(output.pk)),
                comment=answer["comment"],
                evidence=cited_lines(output),
                judge=judges.get(output.pk),
                revised=len(mine.get(output.pk, ())) > 1,
            )
        )
    return Screen(
        assignment=assignment,
        evidence=evidence(generation),
        cards=tuple(cards),
        rejected=tuple(output for output in outputs if output.is_rejected),
        judge_waits=submitted and len(judges) < len(kept),
    )


def evidence(generation: Generation) -> Evidence:
    """The shopper's attributes and compressed history that a generation was made from."""
    history: Mapping[str, Any] = generation.run.history
    return Evidence(
        attributes=tuple((str(name), str(value)) for name, value in generation.shopper.attributes.items()),
        lines=displays.history_lines(history),
        n_events=history.get("n_events", 0),
        n_kept_events=history.get("n_kept_events", 0),
        n_dropped_events=history.get("n_dropped_events", 0),
        dropped_before=history.get("dropped_before") or "",
        source=generation.run.source,
    )


def cited_lines(output: Output) -> tuple[int, ...]:
    """The history lines that an output rests on; a tag or an explanation rests on those of its interest."""
    lines = output.evidence or (output.parent.evidence if output.parent else [])
    return tuple(int(line) for line in lines)


def label_field(output: Output, criterion: Criterion) -> str:
    """The form field that carries one label."""
    return f"label-{output.pk}-{criterion.name}"


def comment_field(output: Output) -> str:
    """The form field that carries the comment on one output."""
    return f"comment-{output.pk}"


def answers(assignment: Assignment, posted: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """A form's answers as {output id: {"labels": {criterion: label}, "comment": text}}; what is open is absent."""
    criteria = list(assignment.unit.campaign.rubric.criteria.all())
    found: dict[str, dict[str, Any]] = {}
    for output in assignment.unit.generation.outputs.all().kept():
        chosen = labels(output, criteria, posted)
        comment = posted.get(comment_field(output), "").strip()
        if chosen or comment:
            found[str(output.pk)] = {"labels": chosen, "comment": comment}
    return found


def labels(output: Output, criteria: Iterable[Criterion], posted: Mapping[str, str]) -> dict[str, str]:
    """A form's labels for one output, {criterion: label}; what is open is absent."""
    fields = {criterion.name: posted.get(label_field(output, criterion), "") for criterion in criteria}
    return {name: value for name, value in fields.items() if value}


def seconds(posted: Mapping[str, str]) -> float:
    """The time at work that the browser measured; 0 where it says nothing usable."""
    try:
        value = float(posted.get("seconds", "0"))
    except ValueError:
        return 0.0
    return value if 0 <= value < 86_400 else 0.0  # false for nan as well


def _assessments(
    assignment: Assignment, user: User, outputs: Sequence[Output]
) -> tuple[dict[Any, list[Assessment]], dict[Any, Assessment]]:
    """The user's own assessments of this assignment by output, oldest first, and the judge's latest that he may see."""
    seen = visibility.visible_assessments(user, Output.objects.filter(pk__in=[output.pk for output in outputs]))
    seen = seen.filter(rubric=assignment.unit.campaign.rubric).select_related("rater").order_by("created_at")
    mine: dict[Any, list[Assessment]] = {}
    judges: dict[Any, Assessment] = {}
    for assessment in seen:
        if assessment.assignment_id == assignment.pk:
            mine.setdefault(assessment.output_id, []).append(assessment)
        elif not assessment.rater.is_person and not assessment.as_member:
            judges[assessment.output_id] = assessment
    return mine, judges


def _latest(revisions: Iterable[Assessment]) -> dict[str, Any]:
    newest = max(revisions, key=lambda assessment: assessment.revision)
    return {"labels": newest.labels, "comment": newest.rationale}


def _drafted(assignment: Assignment, output: Output) -> dict[str, Any]:
    drafted = assignment.draft.get(str(output.pk), {})
    return {"labels": drafted.get("labels", {}), "comment": drafted.get("comment", "")}


def _rows(
    output: Output, criteria: Sequence[Criterion], labels: Mapping[str, str], judge: Assessment | None
) -> tuple[CriterionRow, ...]:
    keys = iter(LABEL_KEYS)
    rows = []
    for criterion in criteria:
        by_judge = judge.labels.get(criterion.name) if judge else None
        chances = judge.probabilities.get(criterion.name, {}) if judge else {}
        options = tuple(
            LabelOption(
                value=label["value"],
                title=label["title"],
                help=label.get("help", ""),
                passes=label["passes"],
                key=next(keys, ""),
                checked=labels.get(criterion.name) == label["value"],
                by_judge=by_judge == label["value"],
                probability=chances.get(label["value"]),
            )
            for label in criterion.labels
        )
        rows.append(CriterionRow(criterion=criterion, field=label_field(output, criterion), options=options))
    return tuple(rows)


@dataclass(frozen=True, slots=True)
class RunLabels:
    """The judge's word on one output of a run; None where it has not rated it, or may not be seen yet."""

    output: Output
    rows: tuple[CriterionRow, ...]
    judge: Assessment | None


def run_labels(run: PipelineRun, user: User) -> tuple[list[RunLabels], bool, bool]:
    """The judge's labels for a run's kept outputs, as `user` may see them.

    Returns them with whether the judge is still at work, and whether some are hidden from this user for now.
    """
    outputs = list(Output.objects.kept().filter(generation__run=run).order_by("generation__created_at", "position"))
    everything = Assessment.objects.verdicts().filter(output__in=outputs)
    judged = set(everything.values_list("output_id", flat=True))
    seen = visibility.visible_assessments(user, Output.objects.filter(pk__in=[output.pk for output in outputs]))
    seen = seen.verdicts().select_related("rubric").prefetch_related("rubric__criteria")
    latest = {assessment.output_id: assessment for assessment in seen.order_by("created_at")}
    labels = []
    for output in outputs:
        judge = latest.get(output.pk)
        criteria = list(judge.rubric.criteria.all()) if judge else []
        labels.append(RunLabels(output=output, rows=_rows(output, criteria, {}, judge), judge=judge))
    return labels, _judge_at_work(run, len(judged), len(outputs)), len(latest) < len(judged)


def _judge_at_work(run: PipelineRun, n_judged: int, n_outputs: int) -> bool:
    """Whether labels may still come: the run makes more outputs, or ended a short while ago with some not rated."""
    if run.is_active:
        return True
    ended = run.finished_at or run.created_at
    return n_judged < n_outputs and timezone.now() - ended < JUDGE_PATIENCE


def comparison(output: Output, human: Assessment, judge: Assessment) -> OutputCard:
    """One output with a person's labels and the judge's, both of one rubric."""
    criteria = list(human.rubric.criteria.all())
    return OutputCard(
        output=output,
        number=output.position + 1,
        rows=_rows(output, criteria, human.labels, judge),
        comment=human.rationale,
        evidence=cited_lines(output),
        judge=judge,
        revised=human.revision > 1,
    )


def decision(output: Output, rubric: Rubric, labels: Mapping[str, str], reason: str) -> OutputCard:
    """One output to decide on, with these labels checked and this reason filled in."""
    return OutputCard(
        output=output,
        number=output.position + 1,
        rows=_rows(output, list(rubric.criteria.all()), labels, None),
        comment=reason,
        evidence=cited_lines(output),
        judge=None,
        revised=False,
    )
