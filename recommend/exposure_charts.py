"""Where the dots of a list of items lie on a line from the most popular item to the least. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from recommend.exposure import Exposed, Exposure, Placed

NEAR = 1.6  # dots nearer than that stand one above the other
FLOOR, STEP = 85, 16


@dataclass(frozen=True, slots=True)
class Dot:
    """An item of a list, in percent of the box from its upper left corner."""

    item: Placed
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Line:
    """One list, with its dots from left to right."""

    exposed: Exposed
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True)
class ExposureChart:
    """Both lists; right of `head` is the tail. `ticks`: places by popularity, equally far apart from edge to edge."""

    lines: tuple[Line, ...]
    head: float
    ticks: tuple[int, ...]


def chart(found: Exposure) -> ExposureChart:
    """The chart of an exposure: places by powers of ten, as most items are in the tail."""
    last = found.n_items + 1  # the place of whatever nobody took
    n_powers = max(1, math.ceil(math.log10(last)))
    return ExposureChart(
        lines=tuple(Line(one, _dots(one, n_powers)) for one in found.lists),
        head=_across(found.n_head + 0.5, n_powers),
        ticks=tuple(10**power for power in range(n_powers + 1)),
    )


def _dots(exposed: Exposed, n_powers: int) -> tuple[Dot, ...]:
    dots: list[Dot] = []
    for one in sorted(exposed.items, key=lambda one: one.place):
        x = _across(one.place, n_powers)
        n_below = sum(abs(dot.x - x) < NEAR for dot in dots)
        dots.append(Dot(one, x, FLOOR - STEP * (n_below % 5)))
    return tuple(dots)


def _across(place: float, n_powers: int) -> float:
    return 100 * math.log10(max(place, 1.0)) / n_powers
