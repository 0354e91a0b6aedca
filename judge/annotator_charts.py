"""The charts of the annotators' page as plain values: where bars begin and how long they are."""

from __future__ import annotations

from dataclasses import dataclass

from judge import charts
from judge.annotators import Annotator, Annotators
from judge.charts import Mark
from judge.statistics.raters import Standing

PILLS = {Standing.BELOW: "bad", Standing.REACHED: "ok", Standing.UNCLEAR: "warn", Standing.UNKNOWN: ""}


@dataclass(frozen=True, slots=True)
class Row:
    """One person with where the charts have them; bars are 0 to 100 of the longest."""

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
    """Everybody's place in the charts, each person's first and that of all together last."""
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
        gold=charts.mark(one.gold),
        with_people=charts.mark(one.with_people),
        with_judge=charts.mark(one.with_judge),
        seconds=100 * (one.seconds_per_generation or 0) / longest,
        towards=100 * moved.n_towards / most_revised,
        away=100 * moved.n_away / most_revised,
        elsewhere=100 * moved.n_elsewhere / most_revised,
        weeks=tuple((n, number * width, 24 * n / busiest) for number, n in enumerate(one.weeks)),
    )
