"""People and judges together on the same outputs: what each probably deserves, who errs how, and where it is doubtful.

Counted are people's first labels given blind, and those of judges on the same outputs: of every judge model the newest
prompt version that labelled any, since two versions of one model would vote twice with the same mistakes. A chosen
judge counts alone, and so does a panel that serves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, QuerySet

from judge import services, visibility
from judge.comparison import Filters, judge_of, reviews_of, rubric_of
from judge.models import Assessment, Rater, Rubric
from judge.rubrics import RubricDef
from judge.statistics.consensus import DOUBTFUL, Agreed, Consensus, Label, Rated, RaterErrors, consensus
from judge.statistics.intervals import FloatArray, IntArray
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


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The consensus on one criterion, or all together, and what it says of each of n outputs.

    That is kept as arrays, since there may be hundreds of thousands of them, of which a page shows a few.

    consensus  without its own list of outputs
    outputs    (n,) their ids, as 16 bytes
    posterior  (n, k) probability of each label, in the order of the scale
    n_labels   (n,) how many labels each got
    judged     (n,) the place of the judge's label on the scale; -1 where it has none
    """

    asked: Asked
    consensus: Consensus
    outputs: tuple[bytes, ...]
    posterior: FloatArray
    n_labels: IntArray
    judged: IntArray

    @property
    def n(self) -> int:
        return len(self.outputs)

    @property
    def n_doubtful(self) -> int:
        return len(self._doubtful)

    @property
    def n_differing(self) -> int:
        return len(self._differing)

    @property
    def held(self) -> list[Held]:
        """Every output."""
        return [self._held(place) for place in range(self.n)]

    @property
    def doubtful(self) -> list[Held]:
        """The outputs on which it is unsure, the least sure first."""
        return sorted(map(self._held, self._doubtful), key=lambda one: one.agreed.certainty)

    @property
    def differing(self) -> list[Held]:
        """The outputs on which the judge says otherwise, those first where that is least probably right."""
        return sorted(map(self._held, self._differing), key=lambda one: (one.for_judge or 0.0, str(one.output)))

    def without(self, hidden: Set[bytes]) -> Found:
        """The same without some outputs; the estimates stay, as they are of nobody's alone."""
        kept = [place for place, output in enumerate(self.outputs) if output not in hidden]
        if len(kept) == self.n:
            return self
        outputs = tuple(self.outputs[place] for place in kept)
        arrays = (self.posterior[kept], self.n_labels[kept], self.judged[kept])
        return Found(self.asked, self.consensus, outputs, *arrays)

    @property
    def _doubtful(self) -> list[int]:
        places: list[int] = np.flatnonzero(self.posterior.max(axis=1) < DOUBTFUL).tolist() if self.n else []
        return places

    @property
    def _differing(self) -> list[int]:
        if not self.n:
            return []
        differs = (self.judged >= 0) & (self.judged != self.posterior.argmax(axis=1))
        places: list[int] = np.flatnonzero(differs).tolist()
        return places

    def _held(self, place: int) -> Held:
        output, row, judged = UUID(bytes=self.outputs[place]), self.posterior[place].tolist(), int(self.judged[place])
        labels = list(self.asked.labels)
        best = int(self.posterior[place].argmax())
        probabilities: dict[Label, float] = dict(zip(labels, row, strict=True))
        agreed = Agreed(output, labels[best], row[best], probabilities, int(self.n_labels[place]))
        return Held(output, agreed, *(("", None) if judged < 0 else (labels[judged], row[judged])))


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


def found_on(filters: Filters) -> tuple[Found, ...]:
    """The consensus on what people reviewed, all together first, then by criterion. Raises Rubric.DoesNotExist.

    Few queries, however many labels; the labels themselves are read into memory.
    """
    rubric, judge = rubric_of(filters), judge_of(filters)
    reviews = reviews_of(filters, rubric)
    said = [*_read(reviews), *_judged(filters, rubric, judge, reviews)]
    return tuple(_found(asked, said, judge) for asked in questions(services.definition(rubric)))


def overview(filters: Filters, found: Sequence[Found], user: User) -> Overview:
    """What was found, as `user` may see it: without the outputs that they hold in blind campaigns, as of now."""
    held = visibility.blind_work(user).values("unit__generation")
    hidden = {one.bytes for one in Output.objects.filter(generation__in=held).values_list("pk", flat=True)}
    raters = {UUID(str(errors.rater)) for one in found for errors in one.consensus.raters}
    return Overview(
        rubric=rubric_of(filters),
        judge=judge_of(filters),
        raters=Rater.objects.select_related("user", "language_model", "panel").in_bulk(raters),
        found=tuple(one.without(hidden) for one in found),
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
    labels = list(asked.labels)
    result = consensus(ratings, labels)
    by_output = [UUID(str(one.output)) for one in result.outputs]
    return Found(
        asked=asked,
        consensus=replace(result, outputs=()),
        outputs=tuple(output.bytes for output in by_output),
        posterior=np.array([[one.probabilities[label] for label in labels] for one in result.outputs]),
        n_labels=np.array([one.n for one in result.outputs], dtype=np.intp),
        judged=np.array(
            [labels.index(by_judge[output]) if output in by_judge else -1 for output in by_output], dtype=np.intp
        ),
    )
