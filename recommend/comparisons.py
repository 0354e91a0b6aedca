"""Two runs side by side: what was chosen for each, and stage by stage what only one of them has. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from recommend import languages
from recommend.models import Generation, JobState, Output
from recommend.selectors import CardView, RunView

T = TypeVar("T")
NONE = "–"


@dataclass(frozen=True, slots=True)
class Row:
    """A choice or figure of both runs, in words."""

    name: str
    a: str
    b: str

    @property
    def differs(self) -> bool:
        return self.a != self.b


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """One result of a run; `place` is the other run's for the same, counted from 1, None where only this one has it."""

    value: T
    place: int | None

    @property
    def is_alone(self) -> bool:
        return self.place is None


@dataclass(frozen=True, slots=True)
class Side(Generic[T]):
    """What one run has of a kind; `name` and `other` are A and B."""

    name: str
    other: str
    entries: tuple[Entry[T], ...]


@dataclass(frozen=True, slots=True)
class Sides(Generic[T]):
    """What both runs have of a kind, each in its own order."""

    a: tuple[Entry[T], ...]
    b: tuple[Entry[T], ...]

    @property
    def each(self) -> tuple[Side[T], Side[T]]:
        return Side("A", "B", self.a), Side("B", "A", self.b)

    @property
    def n_both(self) -> int:
        return sum(not entry.is_alone for entry in self.a)

    @property
    def n_a(self) -> int:
        return len(self.a) - self.n_both

    @property
    def n_b(self) -> int:
        return sum(entry.is_alone for entry in self.b)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs. `lines` are those of the compressed history; interests and tags are without what a rule rejected."""

    a: RunView
    b: RunView
    choices: tuple[Row, ...]
    figures: tuple[Row, ...]
    lines: Sides[str]
    interests: Sides[Output]
    tags: Sides[Output]
    cards: Sides[CardView]

    @property
    def views(self) -> tuple[RunView, RunView]:
        return self.a, self.b

    @property
    def is_active(self) -> bool:
        return self.a.run.is_active or self.b.run.is_active

    @property
    def stages(self) -> tuple[tuple[str, str, Sides[Output]], ...]:
        """The lists of outputs that stand side by side: name, title, sides."""
        return ("interests", "2. Interests", self.interests), ("tags", "3. Item tags", self.tags)


def compare(a: RunView, b: RunView) -> Comparison:
    """Results are the same where their words are, but for case and blanks; items where they are one item."""
    return Comparison(
        a=a,
        b=b,
        choices=_rows(_choices(a), _choices(b)),
        figures=_rows(_figures(a), _figures(b)),
        lines=_sides(_lines(a), _lines(b), lambda line: line),
        interests=_sides(_interests(a), _interests(b), _words),
        tags=_sides(_tags(a), _tags(b), _words),
        cards=_sides(a.cards, b.cards, lambda card: card.recommendation.item_id),
    )


def _rows(a: dict[str, str], b: dict[str, str]) -> tuple[Row, ...]:
    return tuple(Row(name, a.get(name, NONE), b.get(name, NONE)) for name in dict.fromkeys([*a, *b]))


def _sides(a: Sequence[T], b: Sequence[T], key: Callable[[T], Hashable]) -> Sides[T]:
    return Sides(_entries(a, b, key), _entries(b, a, key))


def _entries(own: Sequence[T], other: Sequence[T], key: Callable[[T], Hashable]) -> tuple[Entry[T], ...]:
    places = {key(value): place for place, value in reversed(list(enumerate(other, start=1)))}
    return tuple(Entry(value, places.get(key(value))) for value in own)


def _words(output: Output) -> str:
    return " ".join(output.text.casefold().split())


def _lines(view: RunView) -> list[str]:
    return [str(line["text"]) for line in view.run.history.get("lines", ())]


def _interests(view: RunView) -> list[Output]:
    return [interest.output for interest in view.interests]


def _tags(view: RunView) -> list[Output]:
    return [tag for interest in view.interests for tag in interest.tags]


def _choices(view: RunView) -> dict[str, str]:
    """What was chosen or served, by name."""
    run = view.run
    return {
        "Shopper": run.shopper.label,
        "Looks from": f"{run.reference_at:%-d %b %Y, %H:%M}",
        "Steps": ", ".join(run.steps[1:]),
        **_asked(view.generations),
        "Rules of the list": _rules(run.rules),
        "Language": languages.LANGUAGES[run.language].name,
        "Tags by": run.get_tag_strategy_display(),
        "β": f"{run.beta:g}",
        "Items": str(run.n_items),
    }


def _rules(rules: Mapping[str, Any]) -> str:
    told = [f"{name} {', '.join(value) if isinstance(value, list) else value}" for name, value in sorted(rules.items())]
    return "; ".join(told).replace("_", " ") or "as set for the site"


def _asked(generations: Iterable[Generation]) -> dict[str, str]:
    """Stage -> the models and prompt versions that its calls went to."""
    found: dict[str, dict[str, None]] = {}
    for one in generations:
        found.setdefault(one.get_stage_display(), {})[f"{one.model.name}, prompt {one.prompt_version}"] = None
    return {stage: "; ".join(asked) for stage, asked in found.items()}


def _figures(view: RunView) -> dict[str, str]:
    """What a run took and made, by name."""
    states = Counter(one.state for one in view.generations)
    return {
        "State": view.run.get_state_display().lower(),
        "Seconds": f"{view.elapsed_s:,.0f}",
        "Calls": f"{states[JobState.DONE]:,}"
        + (f", {states[JobState.FAILED]} failed" if states[JobState.FAILED] else ""),
        "Tokens read": f"{sum(one.prompt_tokens for one in view.generations):,}",
        "Tokens written": f"{sum(one.completion_tokens for one in view.generations):,}",
        "Interests": str(len(view.interests)),
        "Distinct tags": str(len({_words(tag) for tag in _tags(view)})),
        "Rejected by rules": str(len(view.rejected)),
    }
