"""What quality pages are made of, as they, files and API read it: at once where there is little, else as it is kept."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from judge import burndown, consensus, dashboard, drift, trends
from judge.burndown import BurnDown
from judge.comparison import Filters, judge_of, read_filters, rubric_of
from judge.consensus import Found
from judge.dashboard import Quality
from judge.models import Rubric
from judge.statistics.drift import Drift
from judge.stored import Figures, NotReadyError, Stored, is_large
from judge.trends import Trend
from recommend.models import Output

_QUALITY: Figures[Quality] = Figures("quality", lambda asked: dashboard.quality(read_filters(asked)))
_TREND: Figures[Trend] = Figures("trend", lambda asked: trends.trend(read_filters(asked)))
_BURN_DOWNS: Figures[tuple[BurnDown, ...]] = Figures(
    "burn-downs", lambda asked: burndown.burn_downs(read_filters(asked))
)
_DRIFT: Figures[Drift] = Figures("drift", lambda asked: drift.of(read_filters(asked)))
_CONSENSUS: Figures[tuple[Found, ...]] = Figures("consensus", lambda asked: consensus.found_on(read_filters(asked)))


def quality(filters: Filters) -> Stored[Quality]:
    """Everything about one kind of output. Raises Rubric.DoesNotExist and NotReadyError, as the others do."""
    return _QUALITY.of(replace(filters, by=None, span=None).query(), _about(filters))


def trend(filters: Filters) -> Stored[Trend]:
    """Acceptance over time."""
    return _TREND.of(replace(filters, gate=None).query(), _about(filters))


def burn_downs(filters: Filters) -> Stored[tuple[BurnDown, ...]]:
    """What is left in the campaigns, and when they will be done."""
    asked = replace(filters, model=None, gate=None, by=None, span=None)
    return _BURN_DOWNS.of(asked.query(), _about(filters))


def drift_of(filters: Filters) -> Stored[Drift]:
    """Whether judge and people come to differ more, week by week."""
    return _DRIFT.of(replace(filters, gate=None, by=None, span=None).query(), _about(filters))


def consensus_on(filters: Filters) -> Stored[tuple[Found, ...]]:
    """What outputs probably deserve by everybody's labels; the same for every reader, who may not see all of it."""
    return _CONSENSUS.of(replace(filters, gate=None, by=None, span=None).query(), _about(filters))


def all_of(filters: Filters) -> tuple[Stored[Quality], Stored[Trend], Stored[tuple[BurnDown, ...]], Stored[Drift]]:
    """The whole dashboard. What is missing is sent for before NotReadyError is raised: it is computed side by side."""
    found: list[Any] = []
    for read in (quality, trend, burn_downs, drift_of):
        try:
            found.append(read(filters))
        except NotReadyError:
            found.append(None)
    if None in found:
        raise NotReadyError
    return found[0], found[1], found[2], found[3]


def keep_fresh() -> None:
    """Have the dashboard of every kind computed anew where it is old, so that the first to look need not wait."""
    if not is_large():
        return
    for kind in Output.Kind:
        with suppress(NotReadyError, Rubric.DoesNotExist):
            all_of(Filters(kind=kind))


def _about(filters: Filters) -> str:
    judge = judge_of(filters)
    return f"{rubric_of(filters).pk} {judge.pk if judge else ''}"
