"""The figures of the quality pages as plain values: where bars begin, where cells link, what cannot be computed."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from judge.dashboard import Filters
from judge.rubrics import CriterionDef
from judge.statistics.ceiling import Ceiling
from judge.statistics.intervals import Estimate
from judge.statistics.replacement import Contest, Replacement
from judge.statistics.report import OVERALL, Comparison

TITLES = {"pass": "pass", "fail": "fail"}


@dataclass(frozen=True, slots=True)
class Mark:
    """A share on a line from 0 to 100: where it is, where its interval begins, and how long that is."""

    at: float
    low: float | None
    width: float | None


@dataclass(frozen=True, slots=True)
class CeilingRow:
    """People among themselves, and judge with people, on one criterion: on one line each."""

    title: str
    ceiling: Ceiling
    people: Mark | None
    judge: Mark | None


@dataclass(frozen=True, slots=True)
class RatePlot:
    """Pass rates on a line from 0 to 100: the corrected one with its interval, the judge's and the people's own."""

    corrected: float | None
    low: float | None
    width: float | None
    judge: float | None
    human: float | None


@dataclass(frozen=True, slots=True)
class Cell:
    """How often people gave the row's label and the judge the column's; the link shows those outputs."""

    count: int
    url: str
    agrees: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One label of people, against every label of the judge."""

    title: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """A confusion matrix: people by row, judge by column."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    n: int


@dataclass(frozen=True, slots=True)
class CriterionFigures:
    """One line of the agreement table, and the matrix behind it."""

    title: str
    question: str
    comparison: Comparison
    matrix: Matrix
    reasons: tuple[str, ...]


def rate_plot(comparison: Comparison) -> RatePlot:
    """Where the pass rates of a comparison lie."""
    corrected = comparison.corrected_rate
    has_interval = corrected.low is not None and corrected.high is not None
    return RatePlot(
        corrected=_percent(corrected),
        low=100 * corrected.low if corrected.low is not None else None,
        width=100 * (corrected.high - corrected.low) if has_interval else None,  # type: ignore[operator]
        judge=_percent(comparison.judge_rate),
        human=_percent(comparison.human_rate),
    )


def mark(estimate: Estimate) -> Mark | None:
    """Where a share lies, None where there is none."""
    if estimate.value is None:
        return None
    if estimate.low is None or estimate.high is None:
        return Mark(100 * estimate.value, None, None)
    return Mark(100 * estimate.value, 100 * estimate.low, 100 * (estimate.high - estimate.low))


def ceiling_rows(ceilings: Sequence[Ceiling], criteria: Sequence[CriterionDef]) -> tuple[CeilingRow, ...]:
    """The human ceiling by criterion, in the order given."""
    titles = {OVERALL: "All together", **{criterion.name: criterion.title for criterion in criteria}}
    return tuple(CeilingRow(titles[one.name], one, mark(one.people.raw), mark(one.judge.raw)) for one in ceilings)


def contest_rows(replacement: Replacement, names: Mapping[Hashable, str]) -> list[tuple[str, Contest]]:
    """The judge against each person, with that person's name."""
    return [(names[one.person], one) for one in replacement.contests]


def matrix(comparison: Comparison, filters: Filters, criterion: CriterionDef | None = None) -> Matrix:
    """A comparison's confusion matrix, its cells linked to the outputs behind them."""
    table = comparison.confusion
    labels = [str(label) for label in table.labels]
    titles = {label.value: label.title for label in criterion.labels} if criterion else TITLES
    rows = tuple(
        Row(
            title=titles[human],
            cells=tuple(
                Cell(count, _cell_url(filters, comparison.name, human, judge), agrees=human == judge)
                for judge, count in zip(labels, counts, strict=True)
            ),
        )
        for human, counts in zip(labels, table.counts, strict=True)
    )
    return Matrix(columns=tuple(titles[label] for label in labels), rows=rows, n=table.n)


def criterion_figures(criterion: CriterionDef, comparison: Comparison, filters: Filters) -> CriterionFigures:
    """The figures of one criterion; `reasons` say in words what cannot be computed, each once."""
    figures = (comparison.agreement, comparison.ac1, comparison.kappa, comparison.tpr, comparison.tnr)
    reasons = dict.fromkeys(
        comparison.sentences[name]
        for name, figure in zip(("agreement", "ac1", "kappa", "tpr", "tnr"), figures, strict=True)
        if figure.value is None
    )
    warnings = [warning for warning in (comparison.prevalence_warning, comparison.scope_warning) if warning]
    return CriterionFigures(
        title=criterion.title,
        question=criterion.question,
        comparison=comparison,
        matrix=matrix(comparison, filters, criterion),
        reasons=(*warnings, *(reasons if comparison.n else ())),
    )


def _cell_url(filters: Filters, criterion: str, human: str, judge: str) -> str:
    asked = urlencode({"criterion": criterion, "human": human, "judge_label": judge})
    return f"{reverse('judge:disagreements')}?{filters.query()}&{asked}"


def _percent(estimate: Estimate) -> float | None:
    return None if estimate.value is None else 100 * estimate.value
