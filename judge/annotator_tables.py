"""Annotators as a table: what the CSV of their page and the API give."""

from __future__ import annotations

from judge.annotators import Annotator, Annotators
from judge.statistics.intervals import Estimate
from judge.tables import Table, Value

COLUMNS = (
    *("annotator", "generations", "outputs", "skipped", "flagged", "seconds_a_generation", "seconds_an_output"),
    *("gold", "gold_low", "gold_high", "gold_labels", "gold_units", "bar", "standing"),
    *("people_same", "people_same_low", "people_same_high", "people_same_labels"),
    *("judge_same", "judge_same_low", "judge_same_high", "judge_same_labels"),
    *("revised", "revised_low", "revised_high", "revealed_labels", "towards_judge", "away_from_judge", "elsewhere"),
    *("followed", "followed_low", "followed_high", "differing_labels"),
    *("left", "left_low", "left_high", "same_labels", "last"),
)


def table(found: Annotators) -> Table:
    """The figures as plain values, for CSV and API: shares from 0 to 1, empty where nothing can be computed."""
    everybody = [*found.people, found.everybody] if found.people else []
    return Table((*COLUMNS, *(f"week_{week}" for week in found.weeks)), tuple(_values(found, one) for one in everybody))


def _values(found: Annotators, one: Annotator) -> tuple[Value, ...]:
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
