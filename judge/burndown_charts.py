"""A burn-down as a chart in a box of 100 by 100: what was left day by day, and where the forecast ends."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from judge.burndown import BurnDown

# Days of the future shown at most: a far end must not squeeze what has happened into a corner.
MAX_AHEAD = 60


@dataclass(frozen=True, slots=True)
class BurnDownChart:
    """`left` is the line of what was left; `ahead` and `band` go on from it, empty without a forecast.

    now, deadline  how far across they lie; None for a deadline outside the chart
    words          under the chart: its first day, today, and its last day where a forecast reaches beyond today
    """

    burn_down: BurnDown
    left: str
    ahead: str
    band: str
    now: float
    deadline: float | None
    words: tuple[str, ...]


def chart(found: BurnDown) -> BurnDownChart:
    """The chart of one campaign."""
    forecast, n_past = found.forecast, max(1, len(found.left) - 1)
    n_ahead = 0 if forecast.days is None else min(MAX_AHEAD, math.ceil(forecast.latest or 1.5 * forecast.days))
    first, (today, now_left) = found.left[0][0], found.left[-1]
    deadline = found.campaign.deadline
    if n_ahead and deadline is not None:
        n_ahead = max(n_ahead, min(MAX_AHEAD, (deadline - today).days))
    width = 100 / (n_past + n_ahead)
    top = max(1, found.progress.n_places, *(left for _, left in found.left))

    def at(day: float, left: float) -> str:
        return f"{day * width:.2f},{100 - 100 * left / top:.2f}"

    def ending(days: float) -> str:
        """Where a steady pace that is done after so many days leaves the chart."""
        shown = min(days, n_ahead)
        return at(n_past + shown, now_left * (1 - shown / days))

    # A campaign of today has one day only: its line begins at the left edge all the same.
    past = [at(day, left) for day, (_, left) in enumerate(found.left, start=n_past + 1 - len(found.left))]
    ahead = band = ""
    if forecast.days is not None and forecast.earliest is not None:
        ahead = f"{at(n_past, now_left)} {ending(forecast.days)}"
        latest = ending(forecast.latest) if forecast.latest is not None else at(n_past + n_ahead, now_left)
        corner = f" {at(n_past + n_ahead, 0)}" if forecast.latest is None or forecast.latest > n_ahead else ""
        band = f"{at(n_past, now_left)} {ending(forecast.earliest)}{corner} {latest}"
    across = None if deadline is None else ((deadline - today).days + n_past) * width
    end = today + timedelta(days=n_ahead)
    return BurnDownChart(
        burn_down=found,
        left=" ".join(past),
        ahead=ahead,
        band=band,
        now=n_past * width,
        deadline=across if across is not None and 0 <= across <= 100 else None,
        words=tuple(f"{day:%-d %b}" for day in (first, end if n_ahead else today)),
    )
