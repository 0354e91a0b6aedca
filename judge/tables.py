"""Every chart of the dashboard as a table: what its CSV and the API give, one way for all of them.

A table has plain values: shares and coefficients as they are, 0 to 1, and an empty cell where nothing can be computed,
with the reason in the column `note` where there is one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import product

from django.http import HttpResponse
from django.utils import timezone
from django.utils.http import http_date

from judge import campaign_pages, dashboard_figures
from judge.comparison import Filters
from judge.dashboard import Quality
from judge.exchange.cells import guarded
from judge.statistics.intervals import Estimate
from judge.statistics.report import OVERALL, Comparison

Value = str | int | float | bool | date | datetime | None
# Columns, and the rows under them.
Rows = tuple[tuple[str, ...], Sequence[tuple[Value, ...]]]


@dataclass(frozen=True, slots=True)
class Table:
    """Columns by name and the rows under them, as of a moment: now, unless the figures were kept."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    made_at: datetime = field(default_factory=timezone.now)

    def as_csv(self) -> str:
        """As CSV with a heading; no text in it can become a formula."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(self.columns)
        writer.writerows([_cell(value) for value in row] for row in self.rows)
        return text.getvalue()

    def as_records(self) -> list[dict[str, Value]]:
        """Each row by its columns."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart of the dashboard: what it shows, and its table for some filters.

    `table` raises Rubric.DoesNotExist, and NotReadyError where the figures have yet to be computed.
    """

    title: str
    table: Callable[[Filters], Table]


def _cell(value: Value) -> str:
    if isinstance(value, str):
        return guarded(value)
    if isinstance(value, datetime):
        return timezone.localtime(value).isoformat(timespec="seconds")
    return "" if value is None else str(value)


def download(name: str, filters: Filters, table: Table) -> HttpResponse:
    """A table as a CSV file, for page and API alike."""
    file_name = f"{filters.kind}-{name}-{timezone.localdate()}.csv"
    response = HttpResponse(table.as_csv(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{file_name}"'
    response["Last-Modified"] = http_date(table.made_at.timestamp())
    response["Cache-Control"] = "no-store"
    return response


# Columns --------------------------------------------------------------------------------------------------------------


def _estimates(*names: str) -> tuple[str, ...]:
    """Three columns for each estimate: `tpr`, `tpr_low`, `tpr_high`."""
    return tuple(column for name in names for column in (name, f"{name}_low", f"{name}_high"))


def _range(*found: Estimate) -> tuple[float | None, ...]:
    return tuple(number for one in found for number in (one.value, one.low, one.high))


# Tables ---------------------------------------------------------------------------------------------------------------


def _over_time(filters: Filters) -> Table:
    stored = dashboard_figures.trend(filters)
    rows = [
        (
            line.title,
            point.start,
            *_range(point.corrected, point.judge),
            point.judge.n,
            point.corrected.n,
            point.corrected.n_clusters,
            point.corrected.note,
        )
        for line in stored.value.lines
        for point in line.points
    ]
    columns = ("line", "from", *_estimates("corrected", "judge_alone"), "judged", "labelled", "shoppers", "note")
    return Table(columns, tuple(rows), stored.made_at)


def _acceptance(quality: Quality) -> Rows:
    rows = [
        (title, *_range(one.corrected_rate, one.judge_rate, one.human_rate), one.judge_rate.n, one.n_outputs)
        for title, one in _comparisons(quality)
    ]
    columns = ("criterion", *_estimates("corrected", "judge_alone", "people_alone"), "judged", "labelled")
    return columns, rows


def _agreement(quality: Quality) -> Rows:
    rows = [
        (title, one.n, *_range(one.agreement, one.ac1, one.kappa, one.tpr, one.tnr))
        for title, one in _comparisons(quality)
    ]
    return ("criterion", "n", *_estimates("same_label", "ac1", "kappa", "tpr", "tnr")), rows


def _matrix(quality: Quality) -> Rows:
    rows = [
        (title, str(human), str(judge), one.confusion.counts[row][column])
        for title, one in _comparisons(quality)
        for (row, human), (column, judge) in product(enumerate(one.confusion.labels), repeat=2)
    ]
    return ("criterion", "people", "judge", "n"), rows


def _evidence(quality: Quality) -> Rows:
    rows = [(look.n, look.at_least, look.below) for look in quality.gate.looks]
    return ("shoppers", "bet_on_at_least", "bet_on_less"), rows


def _calibration(quality: Quality) -> Rows:
    rows = [
        (_title(quality, found.name), scores, one.score, *_range(one.passed), one.passed.n)
        for found in quality.calibrations
        for scores, reliability in (("raw", found.raw), ("refitted", found.refitted))
        if reliability is not None
        for one in reliability.bins
    ]
    return ("criterion", "scores", "probability", *_estimates("people_passed"), "n"), rows


def _ceiling(quality: Quality) -> Rows:
    rows = [
        (
            _title(quality, one.name),
            one.n_outputs,
            one.n_people,
            *_range(one.people.raw, one.judge.raw, one.people.ac1, one.judge.ac1, one.people.alpha, one.judge.alpha),
        )
        for one in quality.ceilings
    ]
    sides = ("people_same", "judge_same", "people_ac1", "judge_ac1", "people_alpha", "judge_alpha")
    return ("criterion", "outputs", "people", *_estimates(*sides)), rows


def _tag_lists(quality: Quality) -> Rows:
    sides = [] if quality.lists is None else [("people", quality.lists.people), ("judge", quality.lists.judge)]
    rows = [(side, one.n_units, *_range(one.overlap, one.masi, one.jaccard), one.masi.note) for side, one in sides]
    return ("raters", "lists", *_estimates("kept_by_both", "alpha_masi", "alpha_jaccard"), "note"), rows


def _drift(filters: Filters) -> Table:
    stored = dashboard_figures.drift_of(filters)
    rows = [
        (
            one.start,
            one.disagreement.n,
            one.disagreement.n_clusters,
            *_range(one.disagreement),
            one.target,
            one.z,
            one.rising,
            one.falling,
            one.alarm,
            one.since,
        )
        for one in stored.value.weeks
    ]
    columns = ("week", "labels", "shoppers", *_estimates("differs"), "before", "z", "more", "less", "alarm", "since")
    return Table(columns, tuple(rows), stored.made_at)


def _replacement(quality: Quality) -> Rows:
    rows = [
        (quality.names[one.person], one.n_outputs, *_range(one.judge_ahead, one.person_ahead), one.p_value, one.wins)
        for one in quality.replacement.contests
    ]
    columns = ("person", "outputs", *_estimates("judge_ahead", "person_ahead"), "p", "judge_wins")
    return columns, rows


def _reviewers(quality: Quality) -> Rows:
    rows = [
        (
            row.user.username,
            row.n_submitted,
            row.seconds_per_unit,
            row.n_skipped,
            row.n_flagged,
            row.last_at,
            *_range(row.agreement),
            row.agreement.note,
        )
        for row in quality.annotators
    ]
    columns = ("reviewer", "done", "seconds_a_screen", "skipped", "flagged", "last", *_estimates("alike"), "note")
    return columns, rows


def _queue(filters: Filters) -> Table:
    rows = [
        (
            row.campaign.name,
            row.campaign.state,
            row.progress.n_submitted,
            row.progress.n_places,
            row.progress.n_in_work,
            row.progress.n_waiting,
            row.progress.n_skipped,
            row.progress.n_flagged,
        )
        for row in campaign_pages.rows()
    ]
    return Table(
        ("campaign", "state", "done", "places", "in_work", "waiting", "skipped", "flagged"), tuple(rows), timezone.now()
    )


def _burn_down(filters: Filters) -> Table:
    stored = dashboard_figures.burn_downs(filters)
    rows = [(one.campaign.name, day, left) for one in stored.value for day, left in one.left]
    return Table(("campaign", "day", "left"), tuple(rows), stored.made_at)


def _forecast(filters: Filters) -> Table:
    stored = dashboard_figures.burn_downs(filters)
    rows = [
        (
            one.campaign.name,
            one.forecast.per_day,
            one.forecast.days,
            one.forecast.earliest,
            one.forecast.latest,
            one.forecast.note,
            one.campaign.deadline,
            one.precision.asked,
            one.precision.acceptance.half_width,
            one.precision.more_labels,
            *_range(one.precision.acceptance),
        )
        for one in stored.value
    ]
    columns = ("per_day", "days", "earliest", "latest", "note", "deadline", "precision_asked", "precision_reached")
    return Table(("campaign", *columns, "more_labels", *_estimates("acceptance")), tuple(rows), stored.made_at)


def _comparisons(quality: Quality) -> list[tuple[str, Comparison]]:
    return [(_title(quality, one.name), one) for one in (quality.report.overall, *quality.report.criteria)]


def _title(quality: Quality, name: str) -> str:
    titles: Mapping[str, str] = {one.name: one.title for one in quality.criteria}
    return "All together" if name == OVERALL else titles[name]


def _of_quality(rows_of: Callable[[Quality], Rows]) -> Callable[[Filters], Table]:
    def table(filters: Filters) -> Table:
        stored = dashboard_figures.quality(filters)
        columns, rows = rows_of(stored.value)
        return Table(columns, tuple(rows), stored.made_at)

    return table


CHARTS: dict[str, Chart] = {
    "acceptance": Chart("Acceptance: corrected, by the judge alone, by people alone", _of_quality(_acceptance)),
    "acceptance-over-time": Chart("Corrected acceptance over time", _over_time),
    "agreement": Chart("Agreement of judge and people by criterion", _of_quality(_agreement)),
    "matrix": Chart("Judge against people, label by label", _of_quality(_matrix)),
    "evidence": Chart("Evidence of the gate after each shopper", _of_quality(_evidence)),
    "calibration": Chart("The judge's probabilities and what people passed", _of_quality(_calibration)),
    "ceiling": Chart("People among themselves, and judge with people", _of_quality(_ceiling)),
    "tag-lists": Chart("Agreement on whole lists of tags", _of_quality(_tag_lists)),
    "drift": Chart("Weekly disagreement of judge and people, and its CUSUM", _drift),
    "replacement": Chart("The judge in the place of each person", _of_quality(_replacement)),
    "queue": Chart("Screens of work in every campaign", _queue),
    "burn-down": Chart("Screens left in active campaigns, day by day", _burn_down),
    "forecast": Chart("When active campaigns will be done, and how precise they are", _forecast),
    "reviewers": Chart("Reviewers", _of_quality(_reviewers)),
}
