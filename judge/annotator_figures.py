"""The figures of the annotators' page as plain values: where bars begin, and the table behind them."""

from __future__ import annotations

from dataclasses import dataclass

from judge import figures, tables
from judge.annotators import Annotator, Annotators
from judge.figures import Mark
from judge.statistics.intervals import Estimate
from judge.statistics.raters import Standing
from judge.tables import Table

PILLS = {Standing.BELOW: "bad", Standing.REACHED: "ok", Standing.UNCLEAR: "warn", Standing.UNKNOWN: ""}
COLUMNS = (
    *("annotator", "generations", "outputs", "skipped", "flagged", "seconds_a_generation", "seconds_an_output"),
    *("gold", "gold_low", "gold_high", "gold_labels", "gold_units", "bar", "standing"),
    *("people_same", "people_same_low", "people_same_high", "people_same_labels"),
    *("judge_same", "judge_same_low", "judge_same_high", "judge_same_labels"),
    *("revised", "revised_low", "revised_high", "revealed_labels", "towards_judge", "away_from_judge", "elsewhere"),
    *("followed", "followed_low", "followed_high", "differing_labels"),
    *("left", "left_low", "left_high", "same_labels", "last"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One person with where the pictures have them; bars are 0 to 100 of the longest."""

    person: Annotator
    pill: str
    gold: Mark | None
    with_people: Mark | None
    with_judge: Mark | None
    seconds: float
    towards: float
    away: float
    elsewhere: float
    weeks: tuple[tuple[int, float, float], ...]


def rows(found: Annotators) -> list[Row]:
    """Everybody's place in the pictures, each person's first and that of all together last."""
    everybody = [*found.people, found.everybody] if found.people else []
    longest = max((one.seconds_per_generation or 0 for one in everybody), default=0) or 1
    most_revised = max((one.anchoring.n_revised for one in found.people), default=0) or 1
    return [_row(one, longest, max(most_revised, one.anchoring.n_revised)) for one in everybody]


def _row(one: Annotator, longest: float, most_revised: int) -> Row:
    busiest = max(one.weeks) or 1
    width = 100 / len(one.weeks)
    moved = one.anchoring
    return Row(
        person=one,
        pill=PILLS[one.standing],
        gold=figures.mark(one.gold),
        with_people=figures.mark(one.with_people),
        with_judge=figures.mark(one.with_judge),
        seconds=100 * (one.seconds_per_generation or 0) / longest,
        towards=100 * moved.n_towards / most_revised,
        away=100 * moved.n_away / most_revised,
        elsewhere=100 * moved.n_elsewhere / most_revised,
        weeks=tuple((n, number * width, 24 * n / busiest) for number, n in enumerate(one.weeks)),
    )


def table(found: Annotators) -> Table:
    """The figures as plain values, for CSV and API: shares from 0 to 1, empty where nothing can be computed."""
    everybody = [*found.people, found.everybody] if found.people else []
    return Table((*COLUMNS, *(f"week_{week}" for week in found.weeks)), tuple(_values(found, one) for one in everybody))


def _values(found: Annotators, one: Annotator) -> tuple[tables.Value, ...]:
    moved = one.anchoring
    return (
        *(one.name, one.n_submitted, one.n_outputs, one.n_skipped, one.n_flagged),
        *(one.seconds_per_generation, one.seconds_per_output),
        *(*_range(one.gold), one.n_gold, found.bar, one.standing.value),
        *_range(one.with_people),
        *_range(one.with_judge),
        *(*_range(moved.revised), moved.n_towards, moved.n_away, moved.n_elsewhere),
        *_range(moved.followed),
        *_range(moved.left),
        one.last_at,
        *one.weeks,
    )


def _range(estimate: Estimate) -> tuple[float | None, float | None, float | None, int]:
    return estimate.value, estimate.low, estimate.high, estimate.n
