"""Which outputs raters disagree on, the most contested first: one statement, a page at a time.

People's first labels and those of one judge count. Two raters who gave an output different labels on a criterion are
one pair; an output is contested by its pairs, summed over the criteria, so that more people and more criteria weigh
more. Nothing is counted through pages: the place in the list is the pair count and id of the last output seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.models import User
from django.db import connection, models

from judge.comparison import Filters, judge_of, read_filters
from judge.comparison import rubric_of as rubric_of_filters
from judge.models import Rater, Rubric
from recommend.http import read_id

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
# Whoever has a generation in work in a blind campaign is an annotator for it: for them it is not in the list.
FIND = """
WITH reviewed AS MATERIALIZED (
    SELECT DISTINCT said.output_id FROM judge_assessment said
    JOIN judge_rater rater ON rater.id = said.rater_id AND rater.user_id IS NOT NULL
    JOIN recommend_output output ON output.id = said.output_id
    JOIN recommend_generation generation ON generation.id = output.generation_id
    LEFT JOIN judge_assignment held ON held.id = said.assignment_id
    LEFT JOIN judge_campaignunit unit ON unit.id = held.unit_id
    WHERE said.rubric_id = %(rubric)s AND said.revision = 1
      AND unit.is_gold IS NOT TRUE
      AND (%(output)s::uuid IS NULL OR said.output_id = %(output)s::uuid)
      AND (%(campaign)s::uuid IS NULL OR unit.campaign_id = %(campaign)s::uuid)
      AND (%(model)s::uuid IS NULL OR generation.model_id = %(model)s::uuid)
      AND NOT EXISTS (
        SELECT FROM judge_assignment mine JOIN judge_campaignunit theirs ON theirs.id = mine.unit_id
        JOIN judge_campaign campaign ON campaign.id = theirs.campaign_id
        WHERE mine.annotator_id = %(user)s AND mine.state = 'leased' AND campaign.blind
          AND theirs.generation_id = output.generation_id
      )
      AND (%(state)s = 'all' OR (%(state)s = 'resolved') = EXISTS (
        SELECT FROM judge_resolution resolved
        WHERE resolved.output_id = said.output_id AND resolved.rubric_id = said.rubric_id
      ))
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
), ranked AS (
    SELECT output_id, sum(n_pairs)::int AS n_pairs FROM contested GROUP BY output_id
)
SELECT n_pairs, output_id, count(*) OVER () AS n_from_here FROM ranked
WHERE %(after)s::uuid IS NULL OR (n_pairs, output_id) < (%(after_pairs)s, %(after)s::uuid)
ORDER BY n_pairs DESC, output_id DESC LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Found:
    """Some of the contested outputs in their order, and how many there are from the first of these on."""

    places: tuple[Place, ...]
    n_from_here: int

    @property
    def next_place(self) -> Place | None:
        """Where the next page begins after; None on the last."""
        return self.places[-1] if self.n_from_here > len(self.places) else None


def find(
    wanted: Wanted, user: User, *, after: Place | None = None, output: UUID | None = None, limit: int = PAGE_SIZE
) -> Found:
    """The most contested outputs that `user` may see; behind a place in the list, or only one output.

    Raises Rubric.DoesNotExist.
    """
    judge: Rater | None = judge_of(wanted.filters)
    values: dict[str, Any] = {
        "rubric": str(rubric_of(wanted).pk),
        "judge": str(judge.pk) if judge else None,
        "campaign": _text(wanted.filters.campaign),
        "model": _text(wanted.filters.model),
        "criterion": wanted.criterion,
        "state": wanted.state,
        "user": user.pk,
        "output": _text(output),
        "after": _text(after.output) if after else None,
        "after_pairs": after.n_pairs if after else 0,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(FIND, values)
        rows = cursor.fetchall()
    return Found(tuple(Place(row[0], row[1]) for row in rows), rows[0][2] if rows else 0)


def place_of(wanted: Wanted, user: User, output: UUID) -> Place | None:
    """Where an output stands among all of its kind, resolved or not; None where nobody differs on it."""
    found = find(replace(wanted, state=State.ALL), user, output=output, limit=1)
    return found.places[0] if found.places else None


def following(wanted: Wanted, user: User, place: Place | None) -> Place | None:
    """The next one after a place, from the top again after the last; None where there is none but it."""
    for after in (place, None):
        found = find(wanted, user, after=after, limit=2).places
        others = [one for one in found if place is None or one.output != place.output]
        if others:
            return others[0]
    return None


def _text(value: UUID | None) -> str | None:
    return str(value) if value else None
