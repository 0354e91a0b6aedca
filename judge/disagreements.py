"""Which outputs raters disagree on, the most contested first: one statement, a page at a time.

People's first labels and those of one judge count. Two raters who gave an output different labels on a criterion are
one pair; an output is contested by its pairs, summed over the criteria, so that more people and more criteria weigh
more. Nothing is counted through pages: the place in the list is the pair count and id of the last output seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.models import User
from django.db import connection, models

from judge import visibility
from judge.comparison import Filters, judge_of, read_filters
from judge.comparison import rubric_of as rubric_of_filters
from judge.models import Resolution, Rubric
from judge.stored import Figures, Stored, is_large
from recommend.http import read_id
from recommend.models import Output

PAGE_SIZE = 25


class State(models.TextChoices):
    OPEN = "open", "Open"
    RESOLVED = "resolved", "Resolved"
    ALL = "all", "Open and resolved"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the list an output stands: its pairs of raters who differ, then its id."""

    n_pairs: int
    output: UUID

    def __str__(self) -> str:
        return f"{self.n_pairs}.{self.output}"

    @classmethod
    def read(cls, text: str) -> Place | None:
        """The place that str() wrote; None for anything else."""
        count, _, output = text.partition(".")
        try:
            return cls(int(count), UUID(output)) if len(count) < 10 else None
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which disagreements: of a kind, model, campaign and judge, on one criterion or any.

    rubric     None stands for the chosen campaign's, else the newest of the kind
    criterion  empty for any
    """

    filters: Filters
    rubric: UUID | None = None
    criterion: str = ""
    state: str = State.OPEN

    def query(self, **changes: Any) -> str:
        """As a query string, with some changed."""
        changed = replace(self, **changes)
        own = {"rubric": changed.rubric, "criterion": changed.criterion, "state": changed.state}
        return "&".join((changed.filters.query(), urlencode({name: str(one) for name, one in own.items() if one})))


def read_wanted(params: Mapping[str, str]) -> Wanted:
    """What a query string asks for; what is not understood is as if it had not been said."""
    state = params.get("state", "")
    return Wanted(
        filters=read_filters(params),
        rubric=read_id(params.get("rubric", "")),
        criterion=params.get("criterion", "").replace("\x00", ""),
        state=state if state in State.values else State.OPEN,
    )


def rubric_of(wanted: Wanted) -> Rubric:
    """The rubric under which labels are compared. Raises Rubric.DoesNotExist."""
    if wanted.rubric is not None:
        chosen = Rubric.objects.fixed().filter(pk=wanted.rubric, kind=wanted.filters.kind).first()
        if chosen is not None:
            return chosen
    return rubric_of_filters(wanted.filters)


# What people say of gold units is measured against the known labels, and makes nothing contested.
# `reviewed` is found by the few raters that are people, so the judge's many rows are only read for those outputs.
RANK = """
WITH reviewed AS MATERIALIZED (
    SELECT DISTINCT said.output_id FROM judge_assessment said
    JOIN judge_rater rater ON rater.id = said.rater_id AND rater.user_id IS NOT NULL
    JOIN recommend_output output ON output.id = said.output_id
    JOIN recommend_generation generation ON generation.id = output.generation_id
    LEFT JOIN judge_assignment held ON held.id = said.assignment_id
    LEFT JOIN judge_campaignunit unit ON unit.id = held.unit_id
    WHERE said.rubric_id = %(rubric)s AND said.revision = 1 AND unit.is_gold IS NOT TRUE
      AND (%(output)s::uuid IS NULL OR said.output_id = %(output)s::uuid)
      AND (%(campaign)s::uuid IS NULL OR unit.campaign_id = %(campaign)s::uuid)
      AND (%(model)s::uuid IS NULL OR generation.model_id = %(model)s::uuid)
), votes AS (
    SELECT said.output_id, label.key AS criterion, count(*) AS n
    FROM reviewed JOIN judge_assessment said USING (output_id)
    JOIN judge_rater rater ON rater.id = said.rater_id
    LEFT JOIN judge_assignment held ON held.id = said.assignment_id
    LEFT JOIN judge_campaignunit unit ON unit.id = held.unit_id
    CROSS JOIN LATERAL jsonb_each_text(said.labels) AS label
    WHERE said.rubric_id = %(rubric)s AND said.revision = 1 AND unit.is_gold IS NOT TRUE
      AND (rater.user_id IS NOT NULL OR rater.id = %(judge)s::uuid)
      AND (%(criterion)s = '' OR label.key = %(criterion)s)
    GROUP BY said.output_id, label.key, label.value
), contested AS (
    SELECT output_id, (power(sum(n), 2) - sum(power(n, 2))) / 2 AS n_pairs
    FROM votes GROUP BY output_id, criterion HAVING count(*) > 1
)
SELECT sum(n_pairs)::int, uuid_send(output_id) FROM contested GROUP BY output_id ORDER BY 1 DESC, 2 DESC
"""

# Every contested output with its pairs, the most contested first. Ids as their 16 bytes: it may be a million of them.
Ranking = tuple[tuple[int, bytes], ...]


@dataclass(frozen=True, slots=True)
class Found:
    """Some of the contested outputs in their order, and how many there are from the first of these on.

    made_at  when they were ranked, None for just now; what is decided or in work is always of now
    """

    places: tuple[Place, ...]
    n_from_here: int
    made_at: datetime | None = None

    @property
    def next_place(self) -> Place | None:
        """Where the next page begins after; None on the last."""
        return self.places[-1] if self.n_from_here > len(self.places) else None


def find(wanted: Wanted, user: User, *, after: Place | None = None, limit: int = PAGE_SIZE) -> Found:
    """The most contested outputs that `user` may see; behind a place in the list.

    Raises Rubric.DoesNotExist.
    """
    rubric = rubric_of(wanted)
    stored = _ranking(wanted, rubric)
    resolved, hidden = _resolved(rubric), _hidden(user)
    begin = None if after is None else (after.n_pairs, after.output.bytes)
    shown = [
        (n_pairs, output)
        for n_pairs, output in stored.value
        if (begin is None or (n_pairs, output) < begin)
        and output not in hidden
        and (wanted.state == State.ALL or (wanted.state == State.RESOLVED) == (output in resolved))
    ]
    places = tuple(Place(n_pairs, UUID(bytes=output)) for n_pairs, output in shown[:limit])
    return Found(places, len(shown), None if stored.is_live else stored.made_at)


def place_of(wanted: Wanted, user: User, output: UUID) -> Place | None:
    """Where an output stands among all of its kind, resolved or not; None where nobody differs on it."""
    if output.bytes in _hidden(user):
        return None
    found = _rank(wanted, output)
    return Place(found[0][0], output) if found else None


def following(wanted: Wanted, user: User, place: Place | None) -> Place | None:
    """The next one after a place, from the top again after the last; None where there is none but it."""
    for after in (place, None):
        found = find(wanted, user, after=after, limit=2).places
        others = [one for one in found if place is None or one.output != place.output]
        if others:
            return others[0]
    return None


def keep_fresh() -> None:
    """Have every kind's outputs ranked anew where there are many assessments."""
    if not is_large():
        return
    for kind in Output.Kind:
        with suppress(Rubric.DoesNotExist):
            wanted = Wanted(Filters(kind=kind))
            _ranking(wanted, rubric_of(wanted))


def _ranking(wanted: Wanted, rubric: Rubric) -> Stored[Ranking]:
    """The ranking, the same for everybody and whatever is decided: both change with every click. It is waited for."""
    judge = judge_of(wanted.filters)
    asked = replace(wanted, filters=replace(wanted.filters, gate=None, by=None, span=None), state=State.ALL)
    return _RANKING.of(asked.query(), f"{rubric.pk} {judge.pk if judge else ''}", wait=True)


def _rank(wanted: Wanted, output: UUID | None = None) -> Ranking:
    """All contested outputs, or one of them. Raises Rubric.DoesNotExist."""
    judge = judge_of(wanted.filters)
    values = {
        "rubric": str(rubric_of(wanted).pk),
        "judge": _text(judge.pk if judge else None),
        "campaign": _text(wanted.filters.campaign),
        "model": _text(wanted.filters.model),
        "criterion": wanted.criterion,
        "output": _text(output),
    }
    with connection.cursor() as cursor:
        cursor.execute(RANK, values)
        return tuple((n_pairs, bytes(one)) for n_pairs, one in cursor.fetchall())


_RANKING: Figures[Ranking] = Figures("ranking", lambda asked: _rank(read_wanted(asked)))


def _resolved(rubric: Rubric) -> set[bytes]:
    rows = Resolution.objects.filter(rubric=rubric, revision=1).order_by().values_list("output_id", flat=True)
    return {one.bytes for one in rows}


def _hidden(user: User) -> set[bytes]:
    """Outputs of what the user has in work in a blind campaign: for that they are an annotator, not a lead."""
    held = visibility.blind_work(user).values("unit__generation")
    rows = Output.objects.filter(generation__in=held).order_by().values_list("pk", flat=True)
    return {one.bytes for one in rows}


def _text(value: UUID | None) -> str | None:
    return str(value) if value else None
