"""People and judges together on the same outputs: what each probably deserves, who errs how, and where it is doubtful.

Counted are people's first labels given blind, and those of judges on the same outputs: of every judge model the newest
prompt version that labelled any, since two versions of one model would vote twice with the same mistakes. A chosen
judge counts alone, and so does a panel that serves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, QuerySet

from judge import services, visibility
from judge.comparison import Filters, judge_of, reviews_of, rubric_of
from judge.models import Assessment, Rater, Rubric
from judge.rubrics import RubricDef
from judge.statistics.consensus import Agreed, Consensus, Rated, RaterErrors, consensus
from judge.statistics.report import FAIL, OVERALL, PASS
from recommend.models import Output

ALL_TOGETHER = "All together"


@dataclass(frozen=True, slots=True)
class Asked:
    """One criterion, or all together: its name, its title, and its labels with their titles in their order."""

    name: str
    title: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Held:
    """The consensus on one output beside the judge's label: "" where the judge has none.

    for_judge  probability that the judge's label is the right one; None without it
    """

    output: UUID
    agreed: Agreed
    judge: str
    for_judge: float | None

    @property
    def differs(self) -> bool:
        return self.judge not in ("", self.agreed.label)


@dataclass(frozen=True, slots=True)
class Found:
    """The consensus on one criterion, or all together, and what it says of each output."""

    asked: Asked
    consensus: Consensus
    held: tuple[Held, ...]

    @property
    def doubtful(self) -> list[Held]:
        """The outputs on which it is unsure, the least sure first."""
        return sorted((one for one in self.held if one.agreed.is_doubtful), key=lambda one: one.agreed.certainty)

    @property
    def differing(self) -> list[Held]:
        """The outputs on which the judge says otherwise, those first where that is least probably right."""
        return sorted(
            (one for one in self.held if one.differs), key=lambda one: (one.for_judge or 0.0, str(one.output))
        )


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything about one rubric: all together first, then each criterion; `judge` is the one compared with."""

    rubric: Rubric
    judge: Rater | None
    raters: Mapping[UUID, Rater]
    found: tuple[Found, ...]

    def of(self, name: str) -> Found:
        """The criterion of that name; all together where there is none."""
        return next((one for one in self.found if one.asked.name == name), self.found[0])


@dataclass(frozen=True, slots=True)
class _Said:
    """One rater's labels for one output."""

    output: UUID
    shopper: UUID
    rater: UUID
    labels: Mapping[str, str]
    passed: bool | None

    def label(self, name: str) -> str | None:
        if name != OVERALL:
            return self.labels.get(name)
        return None if self.passed is None else PASS if self.passed else FAIL


def overview(filters: Filters, user: User) -> Overview:
    """The consensus on what people reviewed, without what `user` holds in blind campaigns. Raises Rubric.DoesNotExist.

    Five queries, however many labels; the labels themselves are read into memory.
    """
    rubric, judge = rubric_of(filters), judge_of(filters)
    rules = services.definition(rubric)
    held = visibility.blind_work(user).values("unit__generation")
    reviews = reviews_of(filters, rubric).exclude(output__generation__in=held)
    said = [*_read(reviews), *_judged(filters, rubric, judge, reviews)]
    raters = Rater.objects.select_related("user", "language_model", "panel").in_bulk({one.rater for one in said})
    return Overview(
        rubric=rubric,
        judge=judge,
        raters=raters,
        found=tuple(_found(asked, said, judge) for asked in questions(rules)),
    )


def questions(rules: RubricDef) -> list[Asked]:
    """What there is a consensus on: passing altogether, and each criterion."""
    return [
        Asked(OVERALL, ALL_TOGETHER, {PASS: "pass", FAIL: "fail"}),
        *(Asked(one.name, one.title, {label.value: label.title for label in one.labels}) for one in rules.criteria),
    ]


def outputs(held: Sequence[Held]) -> list[tuple[Held, Output]]:
    """What a page shows of these outputs, in their order; one query."""
    related = ("parent", "item", "generation__model", "generation__shopper")
    found = Output.objects.select_related(*related).in_bulk([one.output for one in held])
    return [(one, found[one.output]) for one in held]


def errors_in_order(found: Found, raters: Mapping[UUID, Rater]) -> list[tuple[Rater, RaterErrors]]:
    """Each rater's errors, people first, whoever labelled most first."""
    rows = [(raters[UUID(str(one.rater))], one) for one in found.consensus.raters]
    return sorted(rows, key=lambda row: (not row[0].is_person, -row[1].n, str(row[0])))


def _read(assessments: QuerySet[Assessment]) -> Iterator[_Said]:
    columns = ("output_id", "output__generation__shopper_id", "rater_id", "labels", "passed")
    return (_Said(*row) for row in assessments.values_list(*columns).iterator())


def _judged(filters: Filters, rubric: Rubric, judge: Rater | None, reviews: QuerySet[Assessment]) -> Iterator[_Said]:
    """What judges said of the outputs that people reviewed."""
    found = Assessment.objects.filter(
        Exists(reviews.filter(output=OuterRef("output"))),
        rater__user__isnull=True,
        rubric=rubric,
        revision=1,
        passed__isnull=False,
    ).order_by()
    # A panel says what its members say: it stands for them.
    if judge is not None and (filters.judge is not None or judge.panel_id is not None):
        return _read(found.filter(rater=judge))
    newest = (
        Rater.objects.filter(language_model__isnull=False, pk__in=found.values("rater"))
        .order_by("language_model", "-created_at")
        .distinct("language_model")
    )
    return _read(found.filter(rater__in=list(newest.values_list("pk", flat=True))))


def _found(asked: Asked, said: Sequence[_Said], judge: Rater | None) -> Found:
    ratings: list[Rated] = []
    by_judge: dict[UUID, str] = {}
    for one in said:
        label = one.label(asked.name)
        if label is None:
            continue
        ratings.append(Rated(one.output, one.rater, label, one.shopper))
        if judge is not None and one.rater == judge.pk:
            by_judge[one.output] = label
    result = consensus(ratings, list(asked.labels))
    held = []
    for agreed in result.outputs:
        output = UUID(str(agreed.output))
        label = by_judge.get(output, "")
        held.append(Held(output, agreed, label, agreed.probabilities.get(label)))
    return Found(asked, result, tuple(held))
