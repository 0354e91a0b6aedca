"""Corrected acceptance over time: one estimate for each period and line, or the reason why there is none.

A period is when outputs were made, not when they were reviewed. Each has an estimate of its own: the judge's rate over
what was made in it, corrected by what people found on the part of it that they were given. So a period in which few
were reviewed has no figure, instead of one that leans on its neighbours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, DateField, F, Q, QuerySet
from django.db.models.functions import Trunc
from django.utils import timezone

from judge import services
from judge.acceptance import overall_labels
from judge.comparison import (
    Filters,
    Review,
    Span,
    Split,
    judge_of,
    read_reviews,
    read_verdicts,
    reviews_of,
    rubric_of,
    verdicts_of,
)
from judge.models import Assessment, Rubric
from judge.rubrics import RubricDef
from judge.statistics.intervals import Estimate
from judge.statistics.rates import ClusterTotal, judge_rate
from judge.statistics.report import ReviewedLabel, pass_rates
from recommend.models import LanguageModel, Output

# Periods shown; the last one is that of today.
N_PERIODS = {Span.DAY: 28, Span.WEEK: 12, Span.MONTH: 12}
# Charts beside each other; the rest is named with its number.
MAX_LINES = 12
NOTHING_JUDGED = "the judge has judged nothing that was made then"


@dataclass(frozen=True, slots=True)
class Point:
    """One period of a line: the rate to quote, and the judge's own. `start` is the period's first day."""

    start: date
    corrected: Estimate
    judge: Estimate


@dataclass(frozen=True, slots=True)
class Line:
    """One kind, model or prompt version over time, oldest period first."""

    title: str
    points: tuple[Point, ...]

    @property
    def n_judged(self) -> int:
        return sum(point.judge.n for point in self.points)

    @property
    def n_known(self) -> int:
        """Periods with a corrected rate."""
        return sum(point.corrected.value is not None for point in self.points)


@dataclass(frozen=True, slots=True)
class Trend:
    """Acceptance over time. Lines by what was judged most; `n_left_out` more have no chart."""

    span: Span
    split: Split
    periods: tuple[date, ...]
    lines: tuple[Line, ...]
    n_left_out: int


@dataclass(frozen=True, slots=True)
class _Source:
    """How lines are told apart: the database's column, the same of a review, and what a line is called."""

    column: str
    of_review: Callable[[Review], Hashable]
    titles: Callable[[Sequence[Any]], Mapping[Any, str]]


def trend(filters: Filters, today: date | None = None) -> Trend:
    """Corrected acceptance by period, split as the filters ask for.

    A kind without rubric has no line. Raises Rubric.DoesNotExist where the chosen kind has none.
    """
    periods = periods_until(today or timezone.localdate(), filters.over)
    if filters.split == Split.KIND:
        lines = [line for kind in Output.Kind for line in _lines_of_kind(filters, kind, periods)]
    else:
        lines = _lines(filters, periods, _SOURCES[filters.split])
    lines.sort(key=lambda line: (-line.n_judged, line.title))
    return Trend(filters.over, filters.split, periods, tuple(lines[:MAX_LINES]), max(0, len(lines) - MAX_LINES))


def periods_until(today: date, span: Span) -> tuple[date, ...]:
    """The first days of the periods shown, oldest first; weeks begin on Monday.

    >>> [str(day) for day in periods_until(date(2026, 3, 5), Span.WEEK)[-2:]]
    ['2026-02-23', '2026-03-02']
    >>> [str(day) for day in periods_until(date(2026, 2, 5), Span.MONTH)[-3:]]
    ['2025-12-01', '2026-01-01', '2026-02-01']
    """
    n = N_PERIODS[span]
    if span == Span.MONTH:
        months = range(12 * today.year + today.month - n, 12 * today.year + today.month)
        return tuple(date(month // 12, month % 12 + 1, 1) for month in months)
    step = timedelta(weeks=1) if span == Span.WEEK else timedelta(days=1)
    last = today - timedelta(days=today.weekday()) if span == Span.WEEK else today
    return tuple(last - step * back for back in range(n - 1, -1, -1))


def _lines_of_kind(filters: Filters, kind: Output.Kind, periods: Sequence[date]) -> list[Line]:
    # A model and a campaign belong to one stage, so neither narrows the other kinds.
    own = filters if kind == filters.kind else replace(filters, kind=kind, model=None, campaign=None)
    try:
        found = _lines(own, periods, _SOURCES[Split.ALL])
    except Rubric.DoesNotExist:
        return []
    return [replace(line, title=str(kind.label)) for line in found]


def _lines(filters: Filters, periods: Sequence[date], source: _Source) -> list[Line]:
    rubric = rubric_of(filters)
    rules = services.definition(rubric)
    verdicts = verdicts_of(filters, rubric, judge_of(filters))
    reviews = reviews_of(filters, rubric)
    labels = _labels(reviews, verdicts, rules, filters.over, source)
    populations = _populations(verdicts, periods[0], filters.over, source)
    titles = source.titles(list(populations))
    return [
        Line(titles[key], tuple(_point(start, labels[key, start], by_period.get(start, {})) for start in periods))
        for key, by_period in populations.items()
    ]


def _labels(
    found: QuerySet[Assessment], verdicts: QuerySet[Assessment], rules: RubricDef, span: Span, source: _Source
) -> Mapping[tuple[Hashable, date], list[ReviewedLabel]]:
    """Both sides' verdicts on reviewed outputs, by line and the first day of the period in which they were made.

    All reviews are read, since how probable it was to draw an output is found from everything that was reviewed.
    """
    reviews = read_reviews(found)
    places = {one.output: (source.of_review(one), _start_of(one.made_at, span)) for one in reviews}
    labels: defaultdict[tuple[Hashable, date], list[ReviewedLabel]] = defaultdict(list)
    for row in overall_labels(reviews, read_verdicts(verdicts, found), rules):
        labels[places[row.output]].append(row)  # type: ignore[index]  # outputs are UUIDs here
    return labels


def _populations(
    verdicts: QuerySet[Assessment], since: date, span: Span, source: _Source
) -> dict[Any, dict[date, dict[Hashable, ClusterTotal]]]:
    """What the judge found, summed by line, period and shopper in the database."""
    made_at = "output__generation__created_at"
    beginning = timezone.make_aware(datetime.combine(since, time.min))
    rows = (
        verdicts.filter(passed__isnull=False, output__generation__created_at__gte=beginning)
        .values(
            key=F(source.column),
            start=Trunc(made_at, span.value, output_field=DateField()),
            shopper=F("output__generation__shopper"),
        )
        .annotate(judged=Count("pk"), n_passed=Count("pk", filter=Q(passed=True)))
    )
    found: defaultdict[Any, defaultdict[date, dict[Hashable, ClusterTotal]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        found[row["key"]][row["start"]][row["shopper"]] = ClusterTotal(row["judged"], row["n_passed"])
    return {key: dict(by_period) for key, by_period in found.items()}


def _point(start: date, rows: Sequence[ReviewedLabel], judged: Mapping[Hashable, ClusterTotal]) -> Point:
    if not judged:
        return Point(start, Estimate.unknown(NOTHING_JUDGED), Estimate.unknown(NOTHING_JUDGED))
    return Point(start, pass_rates(rows, judged).corrected, judge_rate(judged))


def _start_of(moment: datetime, span: Span) -> date:
    """The first day of a moment's period, as the database truncates it."""
    day = timezone.localtime(moment).date()
    if span == Span.MONTH:
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if span == Span.WEEK else day


def _model_names(ids: Sequence[UUID]) -> dict[UUID, str]:
    return dict(LanguageModel.objects.filter(pk__in=ids).values_list("pk", "name"))


_SOURCES = {
    Split.ALL: _Source("output__kind", lambda review: review.kind, lambda keys: dict.fromkeys(keys, "All together")),
    Split.MODEL: _Source("output__generation__model", lambda review: review.model, _model_names),
    Split.PROMPT: _Source(
        "output__generation__prompt_version",
        lambda review: review.prompt_version,
        lambda keys: {key: f"Prompt version {key}" for key in keys},
    ),
}
