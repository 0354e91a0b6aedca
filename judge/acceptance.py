"""Passing altogether, judge beside people: the rows and the estimate behind the corrected acceptance, and no more.

The dashboard's report has all figures of all criteria; this is for whoever asks for acceptance alone, many times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet

from judge import services
from judge.comparison import (
    Filters,
    Review,
    Verdict,
    judge_of,
    read_reviews,
    read_verdicts,
    reviewed_labels,
    reviews_of,
    rubric_of,
    verdicts_of,
)
from judge.models import Assessment
from judge.rubrics import RubricDef
from judge.statistics.intervals import Estimate
from judge.statistics.rates import ClusterTotal, Population
from judge.statistics.report import ReviewedLabel, conjunctions, pass_rates


def overall_labels(
    reviews: Sequence[Review], verdicts: Mapping[UUID, Verdict], rules: RubricDef
) -> list[ReviewedLabel]:
    """One row for each person and output that both sides labelled on every criterion: does it pass all of them?"""
    by_criterion: dict[str, list[ReviewedLabel]] = {one.name: [] for one in rules.criteria}
    for row in reviewed_labels(reviews, verdicts, rules):
        by_criterion[row.criterion].append(row)
    return conjunctions(by_criterion)


def judged_population(verdicts: QuerySet[Assessment]) -> Population:
    """What the judge found altogether, summed by shopper in the database."""
    rows = (
        verdicts.filter(passed__isnull=False)
        .values(shopper=F("output__generation__shopper"))
        .annotate(judged=Count("pk"), n_passed=Count("pk", filter=Q(passed=True)))
    )
    return {row["shopper"]: ClusterTotal(row["judged"], row["n_passed"]) for row in rows}


class Acceptances:
    """Corrected acceptance for one set of filters after another; what the judge found is counted once for a rubric."""

    def __init__(self) -> None:
        self._populations: dict[tuple[UUID, UUID | None, UUID | None], Population] = {}

    def of(self, filters: Filters) -> Estimate:
        """The rate to quote, 0 to 1. Raises Rubric.DoesNotExist."""
        rubric, judge = rubric_of(filters), judge_of(filters)
        verdicts, reviews = verdicts_of(filters, rubric, judge), reviews_of(filters, rubric)
        labels = overall_labels(read_reviews(reviews), read_verdicts(verdicts, reviews), services.definition(rubric))
        key = (rubric.pk, judge.pk if judge else None, filters.model)
        if key not in self._populations:
            self._populations[key] = judged_population(verdicts)
        return pass_rates(labels, self._populations[key]).corrected
