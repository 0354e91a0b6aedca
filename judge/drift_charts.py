"""The drift chart as plain values: where its two sums run, and where it is too much."""

from __future__ import annotations

from dataclasses import dataclass

from judge.statistics.drift import ALLOWANCE, LIMIT, RUN_LENGTH_WEEKS, Drift, Week

HEIGHT, MAX_ROWS = 60.0, 26


@dataclass(frozen=True, slots=True)
class DriftChart:
    """Two lines over the weeks, in units of the chart, and the height of the limit; no lines before two weeks.

    newest  the last weeks for the table, newest first
    """

    drift: Drift
    rising: str
    falling: str
    limit: float
    newest: tuple[Week, ...]
    allowance: float = ALLOWANCE
    most: float = LIMIT
    run_length_weeks: int = RUN_LENGTH_WEEKS


def chart(found: Drift) -> DriftChart:
    """The chart of a judge's drift."""
    weeks = found.weeks
    top = max([1.2 * LIMIT, *(max(one.rising, one.falling) for one in weeks)])

    def line(name: str) -> str:
        heights = [HEIGHT * (1 - float(getattr(one, name)) / top) for one in weeks]
        return " ".join(f"{100 * place / (len(weeks) - 1):.2f},{y:.2f}" for place, y in enumerate(heights))

    return DriftChart(
        drift=found,
        rising=line("rising") if len(weeks) > 1 else "",
        falling=line("falling") if len(weeks) > 1 else "",
        limit=HEIGHT * (1 - LIMIT / top),
        newest=weeks[::-1][:MAX_ROWS],
    )
