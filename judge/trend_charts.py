"""Acceptance over time as a chart: where its bands, lines and points lie, in a box of 100 by 100."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from judge.comparison import Span
from judge.statistics.intervals import Estimate
from judge.trends import Line, Point, Trend

# Words under a chart; more of them run into each other on a phone.
MAX_WORDS = 4


@dataclass(frozen=True, slots=True)
class Dot:
    """A period with a corrected rate; `low` and `high` are the ends of its interval, None without one."""

    x: float
    y: float
    low: float | None
    high: float | None
    is_alone: bool


@dataclass(frozen=True, slots=True)
class LineChart:
    """One line: bands (polygons) and lines (polylines) over neighbouring periods with a figure, and every dot.

    judge  the judge's own rates
    gaps   where periods lie that the judge rated, with too few labels for a corrected rate
    """

    line: Line
    bands: tuple[str, ...]
    corrected: tuple[str, ...]
    judge: tuple[str, ...]
    dots: tuple[Dot, ...]
    gaps: tuple[float, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class TrendChart:
    """Lines beside each other on the same axes, and the words under them: periods from the first to the last."""

    trend: Trend
    lines: tuple[LineChart, ...]
    words: tuple[str, ...]

    @property
    def is_single(self) -> bool:
        return len(self.lines) == 1


def chart(trend: Trend) -> TrendChart:
    """All lines of a trend."""
    n = len(trend.periods)
    shown = sorted({round(step * (n - 1) / (MAX_WORDS - 1)) for step in range(MAX_WORDS)})
    words = tuple(period_name(trend.periods[place], trend.span) for place in shown)
    return TrendChart(trend, tuple(_line(line) for line in trend.lines), words)


def period_name(start: date, span: Span) -> str:
    """A period in few words, by its first day.

    >>> period_name(date(2026, 3, 2), Span.WEEK), period_name(date(2026, 3, 1), Span.MONTH)
    ('2 Mar', 'Mar 2026')
    """
    return f"{start:%b %Y}" if span == Span.MONTH else f"{start:%-d %b}"


def _line(line: Line) -> LineChart:
    points = line.points
    width = 100 / len(points)
    corrected = _runs(points, lambda point: point.corrected)
    bands = [run for run in _runs(points, _with_interval) if len(run) > 1]
    alone = {run[0] for run in corrected if len(run) == 1}

    def across(place: int) -> float:
        return (place + 0.5) * width

    def joined(run: Sequence[int], height: Callable[[Point], float]) -> str:
        return _polyline((across(place), height(points[place])) for place in run)

    return LineChart(
        line=line,
        bands=tuple(
            f"{joined(run, _high)} {joined(run[::-1], _low)}"  # along the upper ends, and back along the lower ones
            for run in bands
        ),
        corrected=tuple(joined(run, _corrected) for run in corrected if len(run) > 1),
        judge=tuple(joined(run, _judge) for run in _runs(points, lambda point: point.judge)),
        dots=tuple(_dot(across(place), points[place], place in alone) for run in corrected for place in run),
        gaps=tuple(
            across(place)
            for place, point in enumerate(points)
            if point.corrected.value is None and point.judge.value is not None
        ),
        sentence=_sentence(line),
    )


def _runs(points: Sequence[Point], estimate: Callable[[Point], Estimate | None]) -> list[list[int]]:
    """Places of neighbouring periods with a figure: what may be joined."""
    known = [(found := estimate(point)) is not None and found.value is not None for point in points]
    return [list(run) for is_known, run in groupby(range(len(points)), known.__getitem__) if is_known]


def _with_interval(point: Point) -> Estimate | None:
    return point.corrected if point.corrected.low is not None else None


def _dot(x: float, point: Point, is_alone: bool) -> Dot:
    found = point.corrected
    low = None if found.low is None else _up(found.low)
    high = None if found.high is None else _up(found.high)
    return Dot(x, _corrected(point), low, high, is_alone)


def _corrected(point: Point) -> float:
    return _up(point.corrected.value or 0.0)


def _judge(point: Point) -> float:
    return _up(point.judge.value or 0.0)


def _low(point: Point) -> float:
    return _up(point.corrected.low or 0.0)


def _high(point: Point) -> float:
    return _up(point.corrected.high or 0.0)


def _up(share: float) -> float:
    return 100 - 100 * share


def _polyline(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in points)


def _sentence(line: Line) -> str:
    """How much of the line can be drawn, and why not all of it."""
    judged = [point for point in line.points if point.judge.value is not None]
    if not judged:
        return "Nothing that was made in these periods has been judged."
    missing = len(judged) - line.n_known
    if not missing:
        return f"{len(judged)} period{'' if len(judged) == 1 else 's'} with outputs, each with a corrected rate."
    return (
        f"{line.n_known} of {len(judged)} periods with outputs have a corrected rate; the others have too few labels, "
        "and none is guessed for them. The table says how many there are."
    )
