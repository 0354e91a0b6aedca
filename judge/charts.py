"""The charts of the quality pages as plain values: where bars begin, where cells link, what cannot be computed."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from judge.dashboard import Filters
from judge.rubrics import CriterionDef
from judge.statistics.calibration import Bin, Calibration
from judge.statistics.ceiling import Ceiling
from judge.statistics.intervals import Estimate
from judge.statistics.replacement import Contest, Replacement
from judge.statistics.report import OVERALL, Comparison
from judge.statistics.sequential import ALPHA, Gate, Look

MAX_POINTS, MAX_LOOKS = 200, 10
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
class Point:
    """A bin of a reliability diagram, in units of the chart: where it lies and how far its interval reaches."""

    x: float
    y: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Reliability:
    """A reliability diagram: the judge's scores as they are, and the line through the refitted ones."""

    points: tuple[Point, ...]
    refitted: str


@dataclass(frozen=True, slots=True)
class EvidenceChart:
    """How the evidence grew, shopper by shopper: two lines, and the height at which it is enough."""

    at_least: str
    below: str
    enough: float
    looks: tuple[Look, ...]


@dataclass(frozen=True, slots=True)
class RateChart:
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


def rate_chart(comparison: Comparison) -> RateChart:
    """Where the pass rates of a comparison lie."""
    corrected = comparison.corrected_rate
    has_interval = corrected.low is not None and corrected.high is not None
    return RateChart(
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
    titles = _titles(criteria)
    return tuple(CeilingRow(titles[one.name], one, mark(one.people.raw), mark(one.judge.raw)) for one in ceilings)


def titled(found: Sequence[Calibration], criteria: Sequence[CriterionDef]) -> list[tuple[str, Calibration]]:
    """Calibrations with what they are about."""
    return [(_titles(criteria)[one.name], one) for one in found]


def _titles(criteria: Sequence[CriterionDef]) -> dict[str, str]:
    return {OVERALL: "All together", **{criterion.name: criterion.title for criterion in criteria}}


def reliability(found: Calibration) -> Reliability | None:
    """The diagram of a calibration, None where there is none."""
    if found.raw is None or found.refitted is None:
        return None
    return Reliability(
        points=tuple(_point(one) for one in found.raw.bins),
        refitted=_polyline((_across(one.score), _up(one.passed.value or 0.0)) for one in found.refitted.bins),
    )


def evidence_chart(gate: Gate) -> EvidenceChart | None:
    """The evidence of a gate over its shoppers, None before there is any."""
    n = len(gate.looks)
    if not n:
        return None
    # No more points than a screen can show; the last one always.
    shown = [gate.looks[i] for i in sorted({*range(0, n, max(1, n // MAX_POINTS)), n - 1})]
    steps = [gate.looks[i] for i in sorted({*range(max(1, n // MAX_LOOKS) - 1, n, max(1, n // MAX_LOOKS)), n - 1})]
    return EvidenceChart(
        at_least=_polyline((100 * look.n / n, _evidence_height(look.at_least)) for look in shown),
        below=_polyline((100 * look.n / n, _evidence_height(look.below)) for look in shown),
        enough=_evidence_height(1 / ALPHA),
        looks=tuple(steps),
    )


def _point(one: Bin) -> Point:
    share = one.passed
    return Point(
        x=_across(one.score),
        y=_up(share.value or 0.0),
        low=None if share.low is None else _up(share.low),
        high=None if share.high is None else _up(share.high),
    )


def _across(share: float) -> float:
    return 30 + 150 * share


def _up(share: float) -> float:
    return 170 - 150 * share


def _evidence_height(capital: float) -> float:
    """From 1/100 of the stake at the bottom, 60, to 1,000 times it at the top, 0; by powers of ten."""
    return 60 - 12 * (min(max(math.log10(max(capital, 1e-9)), -2.0), 3.0) + 2)


def _polyline(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in points)


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
    return f"{reverse('judge:cell-outputs')}?{filters.query()}&{asked}"


def _percent(estimate: Estimate) -> float | None:
    return None if estimate.value is None else 100 * estimate.value
