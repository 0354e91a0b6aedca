"""Does the judge still agree with people as it did? A two-sided CUSUM on their disagreement, week by week.

Every week is compared with all weeks before it since the last change, so no target has to be guessed, and its error
does not make false alarms: standardised like that, weeks without a change are independent of each other with mean 0 and
variance 1 (recursive residuals), which is what the run lengths below are for.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeVar

import numpy as np

from judge.statistics.intervals import MIN_CLUSTERS, Estimate, FloatArray, proportion
from judge.statistics.rates import MIN_LABELS
from judge.statistics.wording import percent

# A week has to be off by this many standard errors before it counts, and the sum over this limit before there is an
# alarm: a shift of one standard error is what it is tuned to find. Average run lengths in weeks, two-sided (Montgomery,
# Introduction to Statistical Quality Control, table 9.4): 465 without a change, 38 for a shift of half a standard
# error, 10.4 for one, 4.0 for two.
ALLOWANCE, LIMIT = 0.5, 5.0
RUN_LENGTH_WEEKS = 465

Number = TypeVar("Number", float, FloatArray)
Direction = Literal["rising", "falling"]


@dataclass(frozen=True, slots=True)
class Seen:
    """What people labelled of one shopper in one week: n labels, and on how many of them the judge says otherwise."""

    week: date
    cluster: Hashable
    n: int
    n_differing: int


@dataclass(frozen=True, slots=True)
class Week:
    """One week, or several where one had too few shoppers: `start` is the Monday of the last.

    disagreement     share of labels on which the judge says otherwise
    target           the same over the weeks that it is compared with; None where these are too few still
    z                how many standard errors it is above the target
    rising, falling  the two sums, after this week
    alarm            which of them is over the limit; "" where neither is. Both begin anew after it
    since            of an alarm: the Monday from which the sum grew, when the change probably came
    """

    start: date
    disagreement: Estimate
    target: float | None
    z: float | None
    rising: float
    falling: float
    alarm: Direction | Literal[""] = ""
    since: date | None = None


@dataclass(frozen=True, slots=True)
class Drift:
    """All weeks in their order; `sentence` says how it stands."""

    weeks: tuple[Week, ...]
    sentence: str

    @property
    def alarms(self) -> list[Week]:
        """The weeks with an alarm, the newest last."""
        return [one for one in self.weeks if one.alarm]


@dataclass(frozen=True, slots=True)
class _Sums:
    """What a stretch of weeks adds up to, over its shoppers: labels n, differing y, and the sums of y², yn and n²."""

    n: float = 0.0
    y: float = 0.0
    yy: float = 0.0
    yn: float = 0.0
    nn: float = 0.0
    shoppers: int = 0

    def __add__(self, other: _Sums) -> _Sums:
        return _Sums(
            self.n + other.n,
            self.y + other.y,
            self.yy + other.yy,
            self.yn + other.yn,
            self.nn + other.nn,
            self.shoppers + other.shoppers,
        )

    @property
    def is_enough(self) -> bool:
        return self.n >= MIN_LABELS and self.shoppers >= MIN_CLUSTERS

    def spread(self, share: float) -> float:
        """How far shoppers are from a share, as a variance for one label of each."""
        squares = self.yy - 2 * share * self.yn + share * share * self.nn
        return max(squares, 0.0) / self.nn * self.shoppers / max(self.shoppers - 1, 1)


def drift(seen: Iterable[Seen]) -> Drift:
    """The chart of a judge's disagreement with people on a weekly uniform sample.

    Weeks of fewer than MIN_CLUSTERS shoppers wait for the next one. The first weeks, up to MIN_LABELS labels of
    MIN_CLUSTERS shoppers, only serve to be compared with. After an alarm the weeks in which the sum grew are the new
    start: what it is alarmed about is then taken for usual, and only a further change is one. A slow change can in part
    become usual unnoticed, as with every chart that learns its target.
    Sources: Page (1954), Biometrika 41, 100–115; Hawkins (1987), The Statistician 36, 299–315 (self-starting); Brown,
    Durbin and Evans (1975), JRSS B 37, 149–192 (recursive residuals).
    """
    weeks: list[Week] = []
    before, run_up = _Sums(), {"rising": _Sums(), "falling": _Sums()}
    since: dict[str, date | None] = {"rising": None, "falling": None}
    rising = falling = 0.0
    for start, rows in _weeks(seen):
        now = _sums(rows)
        estimate = proportion(
            [one.n_differing / one.n for one in rows], [one.cluster for one in rows], [one.n for one in rows]
        )
        if not before.is_enough:
            weeks.append(Week(start, estimate, None, None, rising, falling))
            before += now
            continue
        z, target = standardised(before, now), before.y / before.n
        rising, falling = step(rising, falling, z)
        for name, height in (("rising", rising), ("falling", falling)):
            run_up[name] = run_up[name] + now if height > 0 else _Sums()
            since[name] = (since[name] or start) if height > 0 else None
        alarm: Direction | Literal[""] = "rising" if rising > LIMIT else "falling" if falling > LIMIT else ""
        weeks.append(Week(start, estimate, target, z, rising, falling, alarm, since[alarm] if alarm else None))
        before += now
        if alarm:
            before, rising, falling = run_up[alarm], 0.0, 0.0
            run_up, since = {"rising": _Sums(), "falling": _Sums()}, {"rising": None, "falling": None}
    return Drift(tuple(weeks), _sentence(weeks))


def step(rising: Number, falling: Number, z: Number) -> tuple[Number, Number]:
    """Both sums after one more week, z standard errors above the target.

    >>> step(1.0, 1.0, 2.0)
    (2.5, 0.0)
    """
    if isinstance(z, float):
        return max(0.0, rising + z - ALLOWANCE), max(0.0, falling - z - ALLOWANCE)
    return np.maximum(0.0, rising + z - ALLOWANCE), np.maximum(0.0, falling - z - ALLOWANCE)


def standardised(before: _Sums, now: _Sums) -> float:
    """How many standard errors this week's share lies above that of the weeks before; 0 where all labels are alike.

    The variance is cluster-robust, around the share of both together, as if nothing had changed; and that of all weeks
    together serves for this one too. A week's own is small where its share is, which would make low weeks look lower.
    """
    both = before + now
    share = both.y / both.n
    variance = both.spread(share) * (before.nn / before.n**2 + now.nn / now.n**2)
    return (now.y / now.n - before.y / before.n) / math.sqrt(variance) if variance > 0 else 0.0


def _weeks(seen: Iterable[Seen]) -> list[tuple[date, list[Seen]]]:
    """Weeks in order, those of too few shoppers together with the next; what is left over at the end waits."""
    by_week: defaultdict[date, list[Seen]] = defaultdict(list)
    for one in seen:
        by_week[one.week].append(one)
    found, waiting = [], []
    for start in sorted(by_week):
        waiting += by_week[start]
        if len({one.cluster for one in waiting}) >= MIN_CLUSTERS:
            found.append((start, waiting))
            waiting = []
    return found


def _sums(rows: Sequence[Seen]) -> _Sums:
    by_shopper: defaultdict[Hashable, list[int]] = defaultdict(lambda: [0, 0])
    for one in rows:
        by_shopper[one.cluster][0] += one.n
        by_shopper[one.cluster][1] += one.n_differing
    n, y = np.array(list(by_shopper.values()), dtype=np.float64).T
    return _Sums(n.sum(), y.sum(), (y * y).sum(), (y * n).sum(), (n * n).sum(), len(n))


def _sentence(weeks: Sequence[Week]) -> str:
    watched = [one for one in weeks if one.target is not None]
    if not watched:
        return (
            f"Whether the judge drifts is not known yet: it takes {MIN_LABELS} labels of {MIN_CLUSTERS} shoppers from "
            f"uniform campaigns, and a week of {MIN_CLUSTERS} shoppers to compare with them."
        )
    last = watched[-1]
    share = percent(last.disagreement.value or 0.0)
    now = f"In the week of {last.start:%-d %B %Y} the judge differed from people on {share}"
    alarms = [one for one in watched if one.alarm]
    if not alarms:
        over = f"{len(watched):,} week{'' if len(watched) == 1 else 's'}"
        return f"{now} of the labels, before on {percent(last.target or 0.0)}: no drift shows in {over}."
    return f"{now} of the labels. {alarm_sentence(alarms[-1])}"


def alarm_sentence(week: Week) -> str:
    """What a week with an alarm means, in words."""
    since = f", probably since the week of {week.since:%-d %B %Y}" if week.since else ""
    return (
        f"Since the week of {week.start:%-d %B %Y} it is plain that the judge differs from people "
        f"{'more' if week.alarm == 'rising' else 'less'} often than before{since}: "
        f"{percent(week.disagreement.value or 0.0)} of that week's labels, {percent(week.target or 0.0)} before."
    )
