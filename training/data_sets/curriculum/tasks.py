"""The 16 tasks of the V1 report's curriculum, in three levels, and the order in which they are learned. Pure.

The report sorts them by difficulty and dependency and does not say by which: the dependencies are ours.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

Level = Literal["foundation", "intermediate", "advanced"]
LEVELS: tuple[Level, ...] = ("foundation", "intermediate", "advanced")
# Where the rows of a task are from: items, what shoppers did, or files that are brought.
Source = Literal["catalogue", "logs", "files"]


@dataclass(frozen=True, slots=True)
class Task:
    """One task: what it needs to have been learned, how many samples the report has, and where ours are from."""

    name: str
    level: Level
    source: Source
    in_report: int
    needs: tuple[str, ...] = ()


TASKS = {
    one.name: one
    for one in (
        Task("query-category", "foundation", "logs", 34),
        Task("query-item-relevance", "foundation", "logs", 100, ("query-category",)),
        Task("key-information", "foundation", "catalogue", 200),
        Task("key-points", "foundation", "catalogue", 100, ("key-information",)),
        Task("what-to-buy", "intermediate", "logs", 13_300, ("query-category", "key-points")),
        Task("concept-explanation", "intermediate", "files", 200),
        Task("unique-selling-proposition", "intermediate", "files", 200, ("key-points",)),
        Task("query-correction", "intermediate", "logs", 44),
        Task("query-rewriting", "intermediate", "logs", 108, ("query-category", "query-correction")),
        Task("recommendation", "advanced", "files", 300, ("query-item-relevance", "what-to-buy")),
        Task("keyword-extraction", "advanced", "files", 300, ("key-information",)),
        Task("sentiment-analysis", "advanced", "files", 300),
        Task("text-classification", "advanced", "catalogue", 300, ("query-category",)),
        Task("inductive-reasoning", "advanced", "files", 300, ("concept-explanation",)),
        Task("deductive-reasoning", "advanced", "files", 212, ("inductive-reasoning",)),
        Task("references", "advanced", "files", 300, ("recommendation",)),
    )
}


def in_order(wanted: Collection[str] = ()) -> list[Task]:
    """The tasks, or those that are wanted, each after all that it needs; of several that could be next the easier one.

    Raises ValueError where tasks need each other.

    >>> [one.name for one in in_order(["query-rewriting", "query-category", "sentiment-analysis", "query-correction"])]
    ['query-category', 'query-correction', 'query-rewriting', 'sentiment-analysis']
    """
    chosen = {name: one for name, one in TASKS.items() if not wanted or name in wanted}
    return topological(list(chosen.values()))


def topological(tasks: list[Task]) -> list[Task]:
    """The same of any tasks; what a task needs and is not among them is taken for learned."""
    places = {one.name: (LEVELS.index(one.level), number) for number, one in enumerate(tasks)}
    by_place = {places[one.name]: one for one in tasks}
    left = {one.name: {need for need in one.needs if need in places} for one in tasks}
    ready = [places[name] for name, needs in left.items() if not needs]
    heapq.heapify(ready)
    found: list[Task] = []
    while ready:
        task = by_place[heapq.heappop(ready)]
        found.append(task)
        for name, needs in left.items():
            if task.name in needs:
                needs.remove(task.name)
                if not needs:
                    heapq.heappush(ready, places[name])
    if len(found) < len(tasks):
        stuck = sorted(name for name, needs in left.items() if needs)
        raise ValueError(f"these tasks need each other: {', '.join(stuck)}")
    return found
