"""What a campaign that compares has found so far: which population's answers people prefer, as figures and a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from judge.models import Assignment, Campaign, Preference
from judge.statistics.intervals import Estimate
from judge.statistics.preferences import Choice, Compared, Preferences, preferences
from judge.tables import Table

TITLES = {
    "win_rate": "A preferred, ties as half",
    "win_decided": "A preferred, without ties",
    "ties": "Ties",
    "left": "Left preferred, without ties",
    "same": "Two people choose the same",
    "alpha": "Krippendorff’s alpha",
}


def of(campaign: Campaign) -> Preferences:
    """The figures of everything that was submitted in a campaign; of what was only begun, nothing."""
    rows = (
        Preference.objects.filter(
            assignment__unit__campaign=campaign,
            assignment__unit__is_gold=False,
            assignment__state=Assignment.State.SUBMITTED,
        )
        .order_by("assignment__unit", "created_at")
        .values_list(
            "assignment__unit",
            "assignment__annotator",
            "assignment__unit__generation__shopper",
            "choice",
            "a_was_left",
            "assignment__unit__inclusion_probability",
        )
    )
    return preferences(
        Compared(pair, rater, shopper, cast("Choice", choice), a_was_left, inclusion)
        for pair, rater, shopper, choice, a_was_left, inclusion in rows
    )


def figures(found: Preferences) -> list[tuple[str, str, Estimate]]:
    """Each figure by its name, with its title."""
    return [(name, title, getattr(found, name)) for name, title in TITLES.items()]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure as the page shows it; `even` is where it says that nothing is preferred, in percent, if it has that.

    at, low, width  in percent of the chart, None where there is no figure or no interval
    """

    title: str
    estimate: Estimate
    is_share: bool
    even: float | None

    @property
    def at(self) -> float | None:
        return None if self.estimate.value is None else 100 * self.estimate.value

    @property
    def low(self) -> float | None:
        return None if self.estimate.low is None else 100 * self.estimate.low

    @property
    def width(self) -> float | None:
        one = self.estimate
        return None if one.low is None or one.high is None else 100 * (one.high - one.low)


def rows(found: Preferences) -> list[Row]:
    """All figures in their order, as the page shows them."""
    even = {"win_rate": 50.0, "win_decided": 50.0, "left": 50.0}
    return [Row(title, one, name != "alpha", even.get(name)) for name, title, one in figures(found)]


def table(found: Preferences) -> Table:
    """The figures as page, CSV and API give them: a row for each."""
    rows = tuple(
        (name, title, one.value, one.low, one.high, one.n, one.n_clusters, one.note)
        for name, title, one in figures(found)
    )
    return Table(("figure", "title", "value", "low", "high", "pairs", "shoppers", "note"), rows)
