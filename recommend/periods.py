"""Stretches of time that a history is told in: days, then months, then years, counted back from a reference date."""

from dataclasses import dataclass
from datetime import date
from functools import total_ordering
from typing import Literal

DAY_GRAIN_DAYS = 30
MONTH_DAYS = 30
YEAR_DAYS = 365


@total_ordering
@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time counted back from the reference date; a smaller one is more recent."""

    grain: Literal["day", "month", "year"]
    n: int

    @property
    def label(self) -> str:
        """What the line says: "today", "1 day ago", "2 months ago"."""
        if self.n == 0:
            return "today"
        return f"{self.n} {self.grain}{'' if self.n == 1 else 's'} ago"

    @property
    def oldest_age_days(self) -> int:
        """How many days before the reference date the period begins."""
        if self.grain == "day":
            return self.n
        if self.grain == "month":
            return min((self.n + 1) * MONTH_DAYS - 1, YEAR_DAYS)
        return (self.n + 1) * YEAR_DAYS - 1

    def __lt__(self, other: "Period") -> bool:
        return self.oldest_age_days < other.oldest_age_days


def period_of(day: date, reference: date) -> Period:
    """The period of a day. Raises ValueError for a day after the reference date.

    >>> from datetime import timedelta
    >>> [period_of(date(2018, 1, 1) - timedelta(days=age), date(2018, 1, 1)).label for age in (0, 1, 30, 31, 75, 400)]
    ['today', '1 day ago', '30 days ago', '1 month ago', '2 months ago', '1 year ago']
    """
    age = (reference - day).days
    if age < 0:
        raise ValueError(f"an event on {day} lies after the reference date {reference}")
    if age <= DAY_GRAIN_DAYS:
        return Period("day", age)
    if age <= YEAR_DAYS:
        return Period("month", age // MONTH_DAYS)
    return Period("year", age // YEAR_DAYS)
