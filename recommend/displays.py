"""What the demo's run page draws: the run's results, with the lengths of its bars and the words of its state."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from recommend.categories.summary import Summary, summary
from recommend.models import JobState, Output
from recommend.selectors import CardView, InterestView, RunView, StepView, reranked


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the compressed history: when (with what was done) and which items, each with its count."""

    index: int
    when: str
    items: tuple[tuple[str, int], ...]


_CONTEXT = re.compile(r"(.+?) \(([^()]*)\)(?:, |$)")


def history_lines(history: Mapping[str, Any]) -> tuple[Line, ...]:
    """The lines of a run's stored history."""
    return tuple(
        Line(
            index, when(str(line["text"]).partition(" | ")[0]), tuple((str(name), int(n)) for name, n in line["items"])
        )
        for index, line in enumerate(history.get("lines", ()))
    )


def when(contexts: str) -> str:
    """A line's contexts with what is done said once where it is the same each time.

    >>> when("9 days ago (purchased), 3 days ago (purchased)")
    '9 days ago, 3 days ago (purchased)'
    >>> when("9 days ago (purchased), 3 days ago (searched)")
    '9 days ago (purchased), 3 days ago (searched)'
    """
    found = _CONTEXT.findall(contexts)
    if len(found) < 2 or len({done for _, done in found}) > 1:
        return contexts
    return f"{', '.join(period for period, _ in found)} ({found[0][1]})"


@dataclass(frozen=True, slots=True)
class Bar:
    """A score as the two parts that it is made of, in percent of the longest bar possible."""

    collaborative: float
    semantic: float

    @property
    def end(self) -> float:
        return self.collaborative + self.semantic


@dataclass(frozen=True, slots=True)
class Card:
    """A recommended item with its bar."""

    view: CardView
    bar: Bar


@dataclass(frozen=True, slots=True)
class RunPage:
    """A run as its page shows it."""

    run: RunView
    lines: tuple[Line, ...]
    cards: tuple[Card, ...]
    beta: float

    @property
    def history(self) -> dict[str, Any]:
        return dict(self.run.run.history)

    @property
    def reached(self) -> frozenset[str]:
        """The steps that have something to show."""
        return frozenset(step.name for step in self.run.steps if step.state in ("done", "running", "skipped", "failed"))

    @property
    def current(self) -> StepView | None:
        return next((step for step in self.run.steps if step.state in ("running", "failed", "cancelled")), None)

    @property
    def interests(self) -> tuple[InterestView, ...]:
        return self.run.interests

    @property
    def categories(self) -> Summary | None:
        """Of its tags; asked when it is drawn, as most requests for a page find nothing new."""
        return summary([tag.text for interest in self.run.interests for tag in interest.tags])

    @property
    def semantic_weight(self) -> float:
        return 1 - self.beta

    @property
    def is_reranked(self) -> bool:
        """Whether the items are in another order than the run's own."""
        return self.beta != self.run.run.beta

    @property
    def has_both_arms(self) -> bool:
        """Whether another weight of the arms would make another list."""
        return self.run.run.state == JobState.DONE and any(interest.tags for interest in self.run.interests)

    @property
    def has_ended(self) -> bool:
        return not self.run.run.is_active

    @property
    def failed(self) -> bool:
        return self.run.run.state == JobState.FAILED

    @property
    def kept(self) -> tuple[Output, ...]:
        """Everything that the judge is going to rate."""
        outputs: list[Output] = []
        for interest in self.run.interests:
            outputs += [interest.output, *interest.tags]
        return (*outputs, *(card.view.explanation for card in self.cards if card.view.explanation))

    @property
    def fingerprint(self) -> str:
        """Changes whenever the page would look different, the clock aside."""
        shown = (
            self.run.run.state,
            self.run.run.error,
            [(step.name, step.state) for step in self.run.steps],
            [str(output.pk) for output in self.kept],
            [str(output.pk) for output in self.run.rejected],
            [str(generation.pk) for generation in self.run.failed],
            [str(card.view.recommendation.pk) for card in self.cards],
        )
        return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def run_page(view: RunView, *, beta: float | None = None) -> RunPage:
    """The page of a run; with a `beta` other than its own the items are ranked by that."""
    weight = view.run.beta if beta is None else beta
    found = view.cards if weight == view.run.beta else reranked(view.run, weight)
    return RunPage(run=view, lines=history_lines(view.run.history), cards=cards(found, weight), beta=weight)


def cards(found: Iterable[CardView], beta: float) -> tuple[Card, ...]:
    """Recommended items with their bars."""
    return tuple(
        Card(
            card,
            Bar(
                collaborative=100 * beta * card.recommendation.collaborative,
                semantic=100 * (1 - beta) * card.recommendation.semantic,
            ),
        )
        for card in found
    )
