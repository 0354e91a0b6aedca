"""How often resolving overruled people and judges: a figure of its own, beside the rates and never inside them.

Resolved outputs are those on which raters differed, so this says who was right where it was doubtful, and nothing
about how good outputs are or how often anybody is right altogether. Where somebody decided on an output that they had
labelled, their own label is left out: it would agree with itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from judge import services
from judge.comparison import judge_of
from judge.disagreements import Wanted, rubric_of
from judge.models import Assessment, CampaignUnit, Rater, Resolution
from judge.statistics.intervals import Estimate, proportion


@dataclass(frozen=True, slots=True)
class Kept:
    """One label of one rater on a resolved output, and whether the resolution kept it."""

    rater: UUID
    criterion: str
    output: UUID
    shopper: UUID
    kept: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """How one side fared: labels that were overruled of those given, and the share that was kept with its interval."""

    name: str
    n_outputs: int
    n: int
    n_overruled: int
    kept: Estimate


@dataclass(frozen=True, slots=True)
class Overruled:
    """What resolving showed under one rubric.

    criteria  people's labels by criterion, in the rubric's order
    raters    each person, then the judge; those without a resolved label are absent
    """

    n_resolved: int
    n_self_resolved: int
    people: Standing
    judge: Standing | None
    criteria: tuple[Standing, ...]
    raters: tuple[Standing, ...]
    sentence: str


def overruled(wanted: Wanted) -> Overruled:
    """People's and the judge's first labels against the resolutions in force; three queries.

    Raises Rubric.DoesNotExist.
    """
    rubric, judge = rubric_of(wanted), judge_of(wanted.filters)
    rules = services.definition(rubric)
    resolutions = _in_force(wanted, rubric.pk)
    decided = {output: (labels, by) for output, labels, by in resolutions.values_list("output_id", "labels", "by_id")}
    # Gold units are measured by what was resolved already: their figure is `annotators`', and would come in here often.
    said = (
        Assessment.objects.exclude(assignment__unit__is_gold=True)
        .filter(
            Q(rater__user__isnull=False) | Q(rater=judge),
            output__in=resolutions.values("output"),
            rubric=rubric,
            revision=1,
        )
        .order_by()
    )
    rows = [
        Kept(rater, criterion, output, shopper, label == decided[output][0][criterion])
        for rater, user, output, shopper, labels in said.values_list(
            "rater_id", "rater__user_id", "output_id", "output__generation__shopper_id", "labels"
        )
        for criterion, label in labels.items()
        if wanted.criterion in ("", criterion) and user != decided[output][1]
    ]
    judge_id = judge.pk if judge else None
    by_people = [row for row in rows if row.rater != judge_id]
    by_judge = [row for row in rows if row.rater == judge_id]
    people = _standing("People", by_people)
    judged = _standing(str(judge), by_judge) if by_judge else None
    return Overruled(
        n_resolved=len(decided),
        n_self_resolved=resolutions.filter(by_rater=True).count(),
        people=people,
        judge=judged,
        criteria=tuple(
            _standing(one.title, [row for row in by_people if row.criterion == one.name])
            for one in rules.criteria
            if wanted.criterion in ("", one.name)
        ),
        raters=(*_people(by_people), *([judged] if judged else [])),
        sentence=_sentence(people, judged),
    )


def _in_force(wanted: Wanted, rubric: UUID) -> QuerySet[Resolution]:
    same = Resolution.objects.filter(output=OuterRef("output"), rubric=OuterRef("rubric")).order_by("-revision")
    found = Resolution.objects.filter(rubric=rubric, pk=Subquery(same.values("pk")[:1])).order_by()
    if wanted.filters.model:
        found = found.filter(output__generation__model=wanted.filters.model)
    if wanted.filters.campaign:
        units = CampaignUnit.objects.sampled().filter(campaign=wanted.filters.campaign)
        found = found.filter(output__generation__in=units.values("generation"))
    return found


def _people(rows: Iterable[Kept]) -> list[Standing]:
    """Each person's labels, whoever has most of them first."""
    by_rater: defaultdict[UUID, list[Kept]] = defaultdict(list)
    for row in rows:
        by_rater[row.rater].append(row)
    names = dict(Rater.objects.filter(pk__in=by_rater).values_list("pk", F("user__username")))
    found = [_standing(names[rater], own) for rater, own in by_rater.items()]
    return sorted(found, key=lambda one: (-one.n, one.name))


def _standing(name: str, rows: Sequence[Kept]) -> Standing:
    kept = [row.kept for row in rows]
    return Standing(
        name=name,
        n_outputs=len({row.output for row in rows}),
        n=len(rows),
        n_overruled=len(rows) - sum(kept),
        kept=proportion(kept, [row.shopper for row in rows]) if rows else Estimate.unknown("nothing is resolved yet"),
    )


def _sentence(people: Standing, judge: Standing | None) -> str:
    if not people.n:
        return "Nothing is resolved yet. How often people and the judge were overruled appears here."
    said = f"People were overruled in {people.n_overruled:,} of {people.n:,} labels"
    return f"{said}, the judge in {judge.n_overruled:,} of {judge.n:,}." if judge else f"{said}."
