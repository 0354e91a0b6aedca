"""The charts of a data set's report: where its bars lie. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Bar:
    """One group of rows before and after cleaning: how many, and in percent of the longest bar."""

    label: str
    before: int
    after: int
    before_width: float
    after_width: float


@dataclass(frozen=True, slots=True)
class Chart:
    """One distribution as bars, in their order."""

    title: str
    bars: tuple[Bar, ...]


def charts(distributions: Sequence[Mapping[str, Any]]) -> list[Chart]:
    """The distributions of a report that say something: those with two bars or more.

    >>> one, other = [["a", 4, 2], ["b", 1, 1]], [["en", 5, 3]]
    >>> found = charts([{"title": "Model", "bars": one}, {"title": "Language", "bars": other}])
    >>> [(chart.title, [bar.after_width for bar in chart.bars]) for chart in found]
    [('Model', [50.0, 25.0])]
    """
    return [_chart(one) for one in distributions if len(one["bars"]) > 1]


def _chart(distribution: Mapping[str, Any]) -> Chart:
    most = max(before for _, before, _ in distribution["bars"])
    return Chart(
        distribution["title"],
        tuple(
            Bar(label, before, after, 100 * before / most, 100 * after / most)
            for label, before, after in distribution["bars"]
        ),
    )
