"""Histories as people write them, a behaviour a line. Pure.

    2024-03-31 purchase 25671 ×2  # ice cubes
    2024-04-02T18:30 search oat milk

When, what was done, and the item's sku with its units, or the words of a search. What follows a # is a remark.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from recommend.extraction import Event

_UNITS = re.compile(r"\s+[×x*](\d+)$")
_REMARK = re.compile(r"(^|\s)#.*$")


def read(text: str) -> dict[int, Mapping[str, Any]]:
    """Line number (from 1) -> behaviour, with the names of an import's columns; empty lines and remarks are left out.

    What a line lacks is missing in its behaviour: the rules for behaviours say so (`guests.check`).

    >>> read("2024-03-31 purchase 25671 ×2  # ice")
    {1: {'occurred_at': '2024-03-31', 'kind': 'purchase', 'sku': '25671', 'quantity': '2'}}
    >>> read("\\n2024-04-02 search oat milk")
    {2: {'occurred_at': '2024-04-02', 'kind': 'search', 'query': 'oat milk'}}
    """
    lines = {number: _REMARK.sub("", line).strip() for number, line in enumerate(text.splitlines(), start=1)}
    return {number: _behavior(line) for number, line in lines.items() if line}


def _behavior(line: str) -> dict[str, str]:
    when, _, rest = line.partition(" ")
    kind, _, what = rest.strip().partition(" ")
    behavior, what = {"occurred_at": when, "kind": kind}, what.strip()
    if kind == "search":
        return behavior | {"query": what}
    units = _UNITS.search(what)
    if units:
        return behavior | {"sku": what[: units.start()].strip(), "quantity": units[1]}
    return behavior | {"sku": what}


def write(events: Iterable[Event]) -> str:
    """The lines that `read` gives back, with what an item is called as a remark."""
    return "\n".join(_line(event) for event in events)


def _line(event: Event) -> str:
    when = event.at.strftime("%Y-%m-%d" if event.at.time().isoformat() == "00:00:00" else "%Y-%m-%dT%H:%M:%S")
    if not event.sku:
        words = " ".join(event.text.replace("#", " ").split())
        return f"{when} {event.kind} {words}"
    units = f" ×{event.quantity}" if event.quantity > 1 else ""
    return f"{when} {event.kind} {event.sku}{units}  # {' '.join(event.text.split())}"
