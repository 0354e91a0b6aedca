"""Why an item is in a run's list: what each arm says of it, and what in the shopper's history that comes from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from recommend import citations, histories, selectors
from recommend.compression import clean_item
from recommend.extraction import Event
from recommend.models import ITEM_NAME, Item, Output, PipelineRun, Recommendation
from recommend.retrieval import serving

N_VOTERS = 5  # shown; the rest is told as one number
_COUNT = re.compile(r" ×\d+$")


@dataclass(frozen=True, slots=True)
class Voter:
    """An item of the history that votes for the recommended one.

    share    of all votes for it, 0 to 1
    n_times  how often the history has it, and last_at when last
    line     index of the run's history line that names it; None where none does
    """

    item: Item
    share: float
    n_times: int
    last_at: datetime | None
    line: int | None


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text of a line; `is_named` where the reason names it."""

    text: str
    is_named: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """A line of the history that the tag or its interest cites: when, and what, in pieces.

    line  its index in the run's history; None where the model of that stage read other lines than the run keeps
    """

    text: str
    when: str
    pieces: tuple[Piece, ...]
    line: int | None

    @property
    def named(self) -> list[str]:
        """The items that the reason names."""
        return [piece.text for piece in self.pieces if piece.is_named]


@dataclass(frozen=True, slots=True)
class Why:
    """Why an item is in the list.

    beta                          weight of the collaborative arm that the score is by
    collaborative_part            beta * collaborative; semantic_part the rest of the score
    voters, other_share           the loudest of the history, and what all others have together, 0 to 1
    evidence                      lines that the tag or its interest cites
    is_fitted_again               retrieval was fitted since: the votes of now are not those that the score is of
    """

    recommendation: Recommendation
    beta: float
    voters: tuple[Voter, ...]
    other_share: float
    evidence: tuple[Evidence, ...]
    is_fitted_again: bool

    @property
    def tag(self) -> Output | None:
        return self.recommendation.tag

    @property
    def interest(self) -> Output | None:
        return self.tag.parent if self.tag else None

    @property
    def collaborative_part(self) -> float:
        # Without tags only the collaborative arm speaks, whatever beta is.
        return (self.beta if self.tag else 1.0) * self.recommendation.collaborative

    @property
    def semantic_part(self) -> float:
        return (1 - self.beta) * self.recommendation.semantic if self.tag else 0.0


def recommendation_of(run: PipelineRun, item_id: UUID, *, beta: float) -> Recommendation | None:
    """The item in the run's list, or in the list that another weight of the arms makes; None where it is not in it."""
    if beta != run.beta:
        found = (card.recommendation for card in selectors.reranked(run, beta))
        return next((one for one in found if one.item_id == item_id), None)
    related = ("item", "tag__generation", "tag__parent__generation")
    return run.recommendations.select_related(*related).filter(item=item_id).first()


def why(run: PipelineRun, recommendation: Recommendation, *, beta: float) -> Why:
    """Why `recommendation` is in the list of its run, where `beta` weighs the arms.

    The votes are those of the retrieval of now. Raises SourceError where the history cannot be read.
    """
    loaded = histories.load(run.shopper, run.reference_at)
    fitted_at = serving.fitted_at()
    shares = serving.votes_for(recommendation.item_id, loaded.moments) if fitted_at else {}
    loudest = dict(list(shares.items())[:N_VOTERS])
    items = Item.objects.in_bulk(list(loudest))
    names = dict(Item.objects.annotate(name=ITEM_NAME).filter(pk__in=items).values_list("pk", "name"))
    return Why(
        recommendation=recommendation,
        beta=beta,
        voters=tuple(
            _voter(items[pk], names[pk], share, loaded.events, run.history)
            for pk, share in loudest.items()
            if pk in items
        ),
        other_share=max(0.0, 1.0 - sum(loudest.values())) if shares else 0.0,
        evidence=_evidence(run, recommendation.tag),
        is_fitted_again=bool(recommendation.created_at and fitted_at and fitted_at > recommendation.created_at),
    )


def _voter(item: Item, called: str, share: float, events: Sequence[Event], history: Mapping[str, Any]) -> Voter:
    taken = [event.at for event in events if event.sku == item.sku]
    name = clean_item(called)
    lines = (
        index for index, line in enumerate(history.get("lines", ())) if any(name == known for known, _ in line["items"])
    )
    return Voter(item, share, len(taken), max(taken, default=None), next(lines, None))


def _evidence(run: PipelineRun, tag: Output | None) -> tuple[Evidence, ...]:
    """The lines that a tag and its interest cite, each once, as the models read them."""
    outputs = [output for output in (tag, tag.parent if tag else None) if output is not None]
    reasons = " ".join(output.reason for output in outputs)
    kept = {str(line["text"]): index for index, line in enumerate(run.history.get("lines", ()))}
    texts = dict.fromkeys(text for output in outputs for text in _cited(output))
    found = [_read(text, reasons, kept.get(text)) for text in texts]
    return tuple(sorted(found, key=lambda one: len(kept) if one.line is None else one.line))


def _cited(output: Output) -> Iterable[str]:
    read = output.generation.input.get("history", ())
    return (str(read[number]) for number in output.evidence if 0 <= number < len(read))


def _read(text: str, reasons: str, line: int | None) -> Evidence:
    when, _, items = text.partition(" | ")
    units = items.split(", ")
    named = set(citations.names_in(reasons, [_COUNT.sub("", unit) for unit in units]))
    pieces: list[Piece] = []
    for number, unit in enumerate(units):
        name = _COUNT.sub("", unit)
        rest = unit[len(name) :] + (", " if number < len(units) - 1 else "")
        pieces += [Piece(name, name in named), Piece(rest, is_named=False)]
    return Evidence(text, when, tuple(piece for piece in pieces if piece.text), line)
