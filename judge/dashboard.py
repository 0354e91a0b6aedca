"""What the dashboard shows, read from what was really judged and reviewed: a handful of queries, however many rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Aggregate, Count, Exists, F, FloatField, Max, OuterRef, Q, QuerySet

from judge import services
from judge.comparison import (
    Filters,
    first_labels,
    judge_of,
    populations,
    read_filters,
    read_reviews,
    read_verdicts,
    reviewed_labels,
    reviews_of,
    rubric_of,
    said,
    screens_in_order,
    shared_outputs,
    verdicts_of,
)
from judge.models import Assessment, Assignment, Campaign, Rater, Rubric
from judge.rubrics import CriterionDef
from judge.statistics.agreement import raw_agreement
from judge.statistics.calibration import Calibration, calibration
from judge.statistics.ceiling import Ceiling, human_ceiling
from judge.statistics.intervals import Estimate
from judge.statistics.replacement import Replacement, alternative_annotator_test
from judge.statistics.report import FAIL, OVERALL, PASS, AgreementReport, ReviewedLabel, agreement_report, conjunctions
from judge.statistics.sequential import Gate, sequential_gate
from judge.statistics.surprise import Surprise, surprises
from judge.tag_lists import TagLists, tag_lists
from judge.worth_reading import N_KEPT
from recommend.models import LanguageModel, Output

__all__ = [
    "AnnotatorRow",
    "Cell",
    "CellOutput",
    "Choices",
    "Counts",
    "Filters",
    "Quality",
    "behind_cell",
    "choices",
    "quality",
    "read_filters",
]


@dataclass(frozen=True, slots=True)
class Choices:
    """What can be chosen for each filter."""

    kinds: tuple[tuple[str, str], ...]
    models: tuple[LanguageModel, ...]
    campaigns: tuple[Campaign, ...]
    judges: tuple[Rater, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many outputs stand behind the figures.

    n_rejected   by the rules, so that neither judge nor people see them
    n_unusable   judge answers without labels
    n_reviewed   outputs that people labelled blind
    n_not_blind  first labels left out, since the judge's could be seen before they were given
    """

    n_outputs: int
    n_rejected: int
    n_judged: int
    n_unusable: int
    n_reviewed: int
    n_not_blind: int

    @property
    def n_unjudged(self) -> int:
        """Kept outputs that still wait for the judge."""
        return self.n_outputs - self.n_rejected - self.n_judged - self.n_unusable


@dataclass(frozen=True, slots=True)
class AnnotatorRow:
    """One person's work.

    seconds_per_unit  the median, which a lunch break does not move; None where no time was measured
    agreement         share of the outputs on which person and judge agree whether it passes
    """

    user: User
    n_submitted: int
    n_skipped: int
    n_flagged: int
    seconds_per_unit: float | None
    last_at: datetime | None
    agreement: Estimate


@dataclass(frozen=True, slots=True)
class Quality:
    """One kind of output, judged and reviewed. `judge` is None before a judge has judged anything.

    ceilings     overall first, then each criterion in the rubric's order
    lists        agreement on whole lists of tags; None for other kinds
    replacement  whether the judge can stand in for a person, on passing altogether
    names        {rater id: name} of the people in it
    calibrations overall first, then each criterion
    gate         whether acceptance is at least what the filters ask for
    surprises    where people are unanimous against the judge, the most surprising first
    """

    filters: Filters
    rubric: Rubric
    criteria: tuple[CriterionDef, ...]
    judge: Rater | None
    report: AgreementReport
    ceilings: tuple[Ceiling, ...]
    lists: TagLists | None
    replacement: Replacement
    names: Mapping[Hashable, str]
    calibrations: tuple[Calibration, ...]
    gate: Gate
    surprises: tuple[Surprise, ...]
    counts: Counts
    annotators: tuple[AnnotatorRow, ...]


@dataclass(frozen=True, slots=True)
class CellOutput:
    """An output behind a cell of a confusion matrix, with both labels."""

    output: Output
    human: Assessment
    judge: Assessment


@dataclass(frozen=True, slots=True)
class Cell:
    """The outputs behind a cell: n of them, of which `outputs` are the newest."""

    n: int
    outputs: tuple[CellOutput, ...]


class _Median(Aggregate):
    function = "PERCENTILE_CONT"
    name = "Median"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


def choices(filters: Filters) -> Choices:
    """What can be chosen beside the kind that is chosen."""
    judges = Rater.objects.filter(user__isnull=True).select_related("language_model", "panel", "user")
    return Choices(
        kinds=tuple((str(value), str(label)) for value, label in Output.Kind.choices),
        models=tuple(LanguageModel.objects.filter(role=filters.stage).order_by("-created_at")),
        campaigns=tuple(Campaign.objects.filter(stage=filters.stage, task=Campaign.Task.RATE)),
        judges=tuple(judges.order_by("-created_at")),
    )


def quality(filters: Filters) -> Quality:
    """Everything about one kind of output. Raises Rubric.DoesNotExist before rubrics are seeded."""
    rubric = rubric_of(filters)
    rules = services.definition(rubric)
    judge = judge_of(filters)
    verdicts = verdicts_of(filters, rubric, judge)
    found = reviews_of(filters, rubric)
    reviews, said_by_judge = read_reviews(found), read_verdicts(verdicts, found)
    rows = reviewed_labels(reviews, said_by_judge, rules)
    shared = shared_outputs(reviews, said_by_judge, rules)
    replacement = alternative_annotator_test(shared[OVERALL])
    by_criterion = {one.name: [row for row in rows if row.criterion == one.name] for one in rules.criteria}
    overall = conjunctions(by_criterion)
    scales = {criterion.name: criterion.values for criterion in rules.criteria}
    return Quality(
        filters=filters,
        rubric=rubric,
        criteria=rules.criteria,
        judge=judge,
        report=agreement_report(rows, populations(verdicts, rules), scales),
        ceilings=tuple(
            human_ceiling(name, shared[name], scale) for name, scale in {OVERALL: (PASS, FAIL), **scales}.items()
        ),
        lists=tag_lists(reviews, said_by_judge) if filters.kind == Output.Kind.TAG else None,
        replacement=replacement,
        calibrations=tuple(calibration(name, found) for name, found in {OVERALL: overall, **by_criterion}.items()),
        gate=sequential_gate(screens_in_order(reviews), filters.threshold),
        surprises=surprises(overall, N_KEPT),
        names=_names([one.person for one in replacement.contests]),
        counts=_counts(filters, rubric, verdicts),
        annotators=_annotators(filters, overall),
    )


def behind_cell(filters: Filters, criterion: str, human_label: str, judge_label: str, limit: int = 100) -> Cell:
    """The outputs that people gave one label and the judge another, on a criterion or, with OVERALL, pass or fail."""
    rubric, judge = rubric_of(filters), judge_of(filters)
    verdicts = verdicts_of(filters, rubric, judge).filter(said(criterion, judge_label))
    reviews = reviews_of(filters, rubric).filter(
        said(criterion, human_label), Exists(verdicts.filter(output=OuterRef("output")))
    )
    shown = list(
        reviews.select_related(
            "rubric",
            "rater__user",
            "output__generation__shopper",
            "output__generation__model",
            "output__parent",
            "output__item",
        )
        .prefetch_related("rubric__criteria")
        .order_by("-created_at")[:limit]
    )
    by_output = {one.output_id: one for one in verdicts.filter(output__in=[one.output_id for one in shown])}
    return Cell(
        n=reviews.count(),
        outputs=tuple(CellOutput(one.output, one, by_output[one.output_id]) for one in shown),
    )


def _counts(filters: Filters, rubric: Rubric, verdicts: QuerySet[Assessment]) -> Counts:
    outputs = Output.objects.filter(kind=filters.kind)
    if filters.model:
        outputs = outputs.filter(generation__model=filters.model)
    made = outputs.aggregate(n_outputs=Count("pk"), n_rejected=Count("pk", filter=~Q(rejected_by="")))
    answers = verdicts.aggregate(
        n_judged=Count("pk", filter=Q(passed__isnull=False)), n_unusable=Count("pk", filter=Q(passed__isnull=True))
    )
    labelled = first_labels(filters, rubric).aggregate(
        n_reviewed=Count("output", distinct=True, filter=Q(blind=True)),
        n_not_blind=Count("pk", filter=Q(blind=False)),
    )
    return Counts(**made, **answers, **labelled)


# People ---------------------------------------------------------------------------------------------------------------


def _names(raters: Sequence[Hashable]) -> dict[Hashable, str]:
    """{rater id: the person's name}"""
    found = Rater.objects.select_related("user", "language_model").in_bulk(list(raters)) if raters else {}
    return {pk: str(rater) for pk, rater in found.items()}


def _annotators(filters: Filters, overall: Sequence[ReviewedLabel]) -> tuple[AnnotatorRow, ...]:
    """Everybody who took part, the busiest first."""
    work = Assignment.objects.filter(unit__campaign__stage=filters.stage, unit__rival__isnull=True)
    if filters.campaign:
        work = work.filter(unit__campaign=filters.campaign)
    if filters.model:
        work = work.filter(unit__generation__model=filters.model)
    submitted = Q(state=Assignment.State.SUBMITTED)
    people = work.values(person=F("annotator")).annotate(
        n_submitted=Count("pk", filter=submitted),
        n_skipped=Count("pk", filter=Q(state=Assignment.State.SKIPPED)),
        n_flagged=Count("pk", filter=~Q(flag="")),
        seconds_per_unit=_Median("seconds", filter=submitted & Q(seconds__gt=0)),
        last_at=Max("submitted_at"),
    )
    found: list[dict[str, Any]] = [dict(row) for row in people]
    users = User.objects.select_related("rater").in_bulk([row["person"] for row in found])
    agreement = _agreement_by_rater(overall)
    result = []
    for row in found:
        user = users[row.pop("person")]
        rater = getattr(user, "rater", None)  # nobody is a rater before their first submit
        alike = agreement.get(rater.pk) if rater else None
        nothing = Estimate.unknown("no output of theirs has been judged yet")
        result.append(AnnotatorRow(user=user, agreement=alike or nothing, **row))
    return tuple(sorted(result, key=lambda row: (-row.n_submitted, row.user.username)))


def _agreement_by_rater(overall: Sequence[ReviewedLabel]) -> dict[Any, Estimate]:
    """For each person the share of outputs on which they and the judge agree whether it passes all criteria."""
    by_rater: defaultdict[Any, list[ReviewedLabel]] = defaultdict(list)
    for row in overall:
        by_rater[row.rater].append(row)
    return {
        rater: raw_agreement(
            [one.human_label for one in found], [one.judge_label for one in found], [one.cluster for one in found]
        )
        for rater, found in by_rater.items()
    }
