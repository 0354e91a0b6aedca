"""When a campaign will be done, going by its last two weeks, and how precise it is so far.

The forecast takes each of the last 14 times 24 hours as one draw of what a day brings. Two whole weeks hold each day of
the week twice, so weekends are in the pace; they widen the interval, which is meant: it says what is known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import fmean, variance
from uuid import UUID

from django.db.models import Count, DateField, DurationField, ExpressionWrapper, F, Max, Q, Value
from django.db.models.functions import Extract, Floor, Trunc
from django.utils import timezone

from judge import campaigns
from judge.acceptance import Acceptances
from judge.campaigns import Progress
from judge.comparison import Filters
from judge.models import Assignment, Campaign
from judge.services import KIND_OF_STAGE
from judge.statistics.intervals import Estimate, t_quantile
from judge.statistics.rates import more_labels_needed
from recommend.models import Stage

PACE_DAYS = 14
# A pace from fewer days would be a guess.
MIN_DAYS = 3
# Beyond that a forecast says nothing that anybody plans by.
MAX_DAYS = 730
DAYS_SHOWN = 28
MAX_CAMPAIGNS = 6
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Forecast:
    """Days until nothing is left; None with the reason in `note`.

    per_day   screens submitted in a day, the mean of the days that the pace rests on
    latest    None where the pace is too uneven for one
    """

    per_day: float
    days: float | None
    earliest: float | None
    latest: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Precision:
    """How narrow the campaign's corrected acceptance is, and what was asked for: half widths as shares, 0 to 1.

    more_labels  about how many labels more it takes; 0 where it is reached, None without an interval or a wish
    """

    asked: float | None
    acceptance: Estimate
    more_labels: int | None


@dataclass(frozen=True, slots=True)
class BurnDown:
    """One campaign's work: what was left at the end of each day, the forecast, and the precision.

    left  (day, places left), oldest first, the last one now; by the places that there are now
    """

    campaign: Campaign
    progress: Progress
    left: tuple[tuple[date, int], ...]
    forecast: Forecast
    precision: Precision

    @property
    def sentence(self) -> str:
        """The forecast in words."""
        found = self.forecast
        if found.days is None:
            return f"No forecast: {found.note}."
        today = self.left[-1][0]
        said = f"At {found.per_day:.1f} screens a day it is done about {_day(today, found.days)}"
        said += f", {_day(today, found.earliest or 0)} at the earliest"
        if found.latest is None:
            return f"{said}; the pace is too uneven to say when at the latest."
        return f"{said} and {_day(today, found.latest)} at the latest (95%)."

    @property
    def deadline_sentence(self) -> str:
        """What the forecast means for the deadline; empty without either."""
        deadline, found = self.campaign.deadline, self.forecast
        if deadline is None or found.days is None:
            return ""
        days = (deadline - self.left[-1][0]).days + 1  # all of that day counts
        if days < (found.earliest or 0):
            return f"The deadline, {deadline:%-d %B}, will be missed."
        if found.latest is not None and found.latest <= days:
            return f"The deadline, {deadline:%-d %B}, will be kept."
        return f"The deadline, {deadline:%-d %B}, may be missed."

    @property
    def precision_sentence(self) -> str:
        """The precision in words."""
        found = self.precision
        asked = "" if found.asked is None else f"±{100 * found.asked:.1f} points were asked for"
        half = found.acceptance.half_width
        if half is None:
            reason = f"No precision yet: {found.acceptance.note}."
            return f"{asked}. {reason}" if asked else reason
        reached = f"Acceptance is known to ±{100 * half:.1f} points"
        if found.asked is None:
            return f"{reached}; no precision was asked for."
        if not found.more_labels:
            return f"{reached}: {asked}, so that is reached."
        labels = "label" if found.more_labels == 1 else "labels"
        return f"{reached}; {asked}, which takes about {found.more_labels:,} {labels} more."


def burn_downs(filters: Filters, now: datetime | None = None) -> tuple[BurnDown, ...]:
    """The chosen campaign, else the active ones of the chosen kind: the newest, MAX_CAMPAIGNS at most."""
    wanted = Q(state=Campaign.State.ACTIVE) if filters.campaign is None else Q(pk=filters.campaign)
    rated = Campaign.objects.filter(wanted, stage=filters.stage, task=Campaign.Task.RATE)
    found = list(rated.select_related("rubric")[:MAX_CAMPAIGNS])
    now, acceptances = now or timezone.now(), Acceptances()
    progress = campaigns.progress_of(found)
    by_day, recent, last = _by_day(found, now), _recent(found, now), _last_submits(found)
    return tuple(
        BurnDown(
            campaign=one,
            progress=progress[one.pk],
            left=_left(progress[one.pk], by_day.get(one.pk, {}), _first_day(one, now), timezone.localdate(now)),
            forecast=forecast_of(one, progress[one.pk], recent.get(one.pk, {}), last.get(one.pk), now),
            precision=precision_of(one, filters, acceptances),
        )
        for one in found
    )


def precision_of(campaign: Campaign, filters: Filters, acceptances: Acceptances) -> Precision:
    """How narrow the corrected acceptance of one campaign is by now, by the judge that the filters name."""
    own = Filters(kind=KIND_OF_STAGE[Stage(campaign.stage)], campaign=campaign.pk, judge=filters.judge)
    acceptance = acceptances.of(own)
    more = None if campaign.precision is None else more_labels_needed(campaign.precision, acceptance)
    return Precision(campaign.precision, acceptance, more)


def forecast_of(
    campaign: Campaign, progress: Progress, recent: Mapping[int, int], last: datetime | None, now: datetime
) -> Forecast:
    """When the places of a campaign will all be submitted.

    recent  {how many times 24 hours ago, 0 for the last: screens submitted then}
    last    when the last one was submitted
    """
    left = progress.n_places - progress.n_submitted
    if not progress.n_places:
        return _none("nothing is in the queue yet")
    if left <= 0:
        return _none("everything is submitted")
    if campaign.state != Campaign.State.ACTIVE:
        return _none(f"the campaign is {Campaign.State(campaign.state).label.lower()}")
    age = math.ceil((now - campaign.created_at) / timedelta(days=1))
    n_days = min(PACE_DAYS, age)
    days = [recent.get(ago, 0) for ago in range(n_days)]
    if not sum(days):
        when = f"; the last screen came on {timezone.localtime(last):%-d %B}" if last else ""
        return _none(f"nothing was submitted in the last {n_days} days{when}" if n_days > 1 else "nobody has begun")
    if n_days < MIN_DAYS:
        return _none(f"it takes {MIN_DAYS} days of work to see a pace, and this is day {n_days}", fmean(days))
    return forecast(left, days)


def forecast(left: int, days: Sequence[int]) -> Forecast:
    """Days until `left` screens are submitted, going by what each of some days brought, with a 95 % interval.

    What d more days bring has the mean m d and the variance s² (d + d² / n), of the days themselves and of the mean of
    n days behind it (the prediction interval of a mean, as in Hahn and Meeker, Statistical Intervals, 1991, section
    4.8). The earliest and latest d are those at which `left` lies on the edge of that interval.

    >>> forecast(70, [10] * 14)
    Forecast(per_day=10.0, days=7.0, earliest=7.0, latest=7.0, note='')
    """
    n, mean = len(days), fmean(days)
    done = left / mean
    if done > MAX_DAYS:
        return _none(f"at {mean:.2g} screens a day it would take more than {MAX_DAYS // 365} years", mean)
    spread = t_quantile(n - 1) ** 2 * variance(days)
    # (m d - left)² = spread (d + d² / n), solved for d.
    square, linear = mean**2 - spread / n, -(2 * mean * left + spread)
    root = math.sqrt(max(0.0, linear**2 - 4 * square * left**2))
    earliest = 2 * left**2 / (-linear + root)
    latest = (-linear + root) / (2 * square) if square > 0 else None
    if latest is not None and latest > MAX_DAYS:
        latest = None
    return Forecast(mean, done, earliest, latest)


def _none(note: str, per_day: float = 0.0) -> Forecast:
    return Forecast(per_day, None, None, None, note)


def _day(today: date, days: float) -> str:
    day = today + timedelta(days=math.ceil(days))
    return f"{day:%-d %B}" if day.year == today.year else f"{day:%-d %B %Y}"


# Counting -------------------------------------------------------------------------------------------------------------


def _submitted(found: Sequence[Campaign]) -> Q:
    # Gold units stand beside the sample, and their reviews bring its end no nearer.
    return Q(unit__campaign__in=[one.pk for one in found], unit__is_gold=False, state=Assignment.State.SUBMITTED)


def _by_day(found: Sequence[Campaign], now: datetime) -> dict[UUID, dict[date, int]]:
    """Screens submitted on each day, by campaign."""
    since = now - timedelta(days=DAYS_SHOWN)
    rows = (
        Assignment.objects.filter(_submitted(found), submitted_at__gt=since, submitted_at__lte=now)
        .values("unit__campaign", day=Trunc("submitted_at", "day", output_field=DateField()))
        .annotate(n=Count("pk"))
        .order_by()
    )
    counts: dict[UUID, dict[date, int]] = {}
    for row in rows:
        counts.setdefault(row["unit__campaign"], {})[row["day"]] = row["n"]
    return counts


def _recent(found: Sequence[Campaign], now: datetime) -> dict[UUID, dict[int, int]]:
    """Screens submitted in each of the last times 24 hours, by campaign: a day just begun is not a slow one."""
    since = now - timedelta(days=PACE_DAYS)
    elapsed = ExpressionWrapper(Value(now) - F("submitted_at"), output_field=DurationField())
    rows = (
        Assignment.objects.filter(_submitted(found), submitted_at__gt=since, submitted_at__lte=now)
        .values("unit__campaign", ago=Floor(Extract(elapsed, "epoch") / DAY_S))
        .annotate(n=Count("pk"))
        .order_by()
    )
    counts: dict[UUID, dict[int, int]] = {}
    for row in rows:
        counts.setdefault(row["unit__campaign"], {})[int(row["ago"])] = row["n"]
    return counts


def _last_submits(found: Sequence[Campaign]) -> dict[UUID, datetime]:
    rows = Assignment.objects.filter(_submitted(found)).values("unit__campaign").annotate(last=Max("submitted_at"))
    return {row["unit__campaign"]: row["last"] for row in rows.order_by()}


def _first_day(campaign: Campaign, now: datetime) -> date:
    return max(timezone.localdate(campaign.created_at), timezone.localdate(now) - timedelta(days=DAYS_SHOWN - 1))


def _left(progress: Progress, by_day: Mapping[date, int], first: date, today: date) -> tuple[tuple[date, int], ...]:
    """Places left at the end of each day, counted back from now."""
    left = progress.n_places - progress.n_submitted
    found = []
    for back in range((today - first).days + 1):
        day = today - timedelta(days=back)
        found.append((day, left))
        left += by_day.get(day, 0)
    return tuple(reversed(found))
