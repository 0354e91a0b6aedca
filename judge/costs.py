"""What judging and making an output that is accepted takes: tokens, seconds, and money where models have prices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from judge.models import Rater
from recommend.models import LanguageModel
from recommend.prices import price

DAYS, MAX_DAYS = 30, 3650


@dataclass(frozen=True, slots=True)
class Spent:
    """What some calls took; `money` is None where a model that was called has no price."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    money: Decimal | None = Decimal(0)

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Spent) -> Spent:
        return Spent(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.seconds + other.seconds,
            None if self.money is None or other.money is None else self.money + other.money,
        )


@dataclass(frozen=True, slots=True)
class CostRow:
    """One judge on the outputs of one model.

    n_accepted  outputs that passed, by the judge's own verdict
    judging     its calls; a panel's are those of its members, which have rows of their own: rows are not to be summed
    making      the calls of the generations whose outputs it judged
    """

    judge: Rater
    model: LanguageModel
    n_judged: int
    n_unusable: int
    n_accepted: int
    judging: Spent
    making: Spent

    @property
    def per_accepted(self) -> tuple[Spent, Spent] | None:
        """Judging and making, each by accepted output; None where nothing was accepted. Tokens are rounded."""
        if not self.n_accepted:
            return None
        return _divided(self.judging, self.n_accepted), _divided(self.making, self.n_accepted)


# What a panel took is what its members took for outputs on which it voted; the votes themselves take nothing. Answers
# of no use that were asked again were paid for as well; only the one that counts is an output that was judged.
READ = """
WITH calls AS (
    SELECT said.rater_id AS judge, rater.language_model_id AS paid, output.generation_id,
        count(*) FILTER (WHERE said.revision = 1) AS n,
        count(*) FILTER (WHERE said.passed AND said.revision = 1) AS n_accepted,
        count(*) FILTER (WHERE said.passed IS NULL AND said.revision = 1) AS n_unusable,
        sum(said.prompt_tokens) AS prompt_tokens, sum(said.completion_tokens) AS completion_tokens,
        sum(said.seconds) AS seconds
    FROM judge_assessment said
    JOIN judge_rater rater ON rater.id = said.rater_id AND rater.user_id IS NULL
    JOIN recommend_output output ON output.id = said.output_id AND output.kind = %(kind)s
    WHERE said.created_at >= %(since)s
    GROUP BY 1, 2, 3
    UNION ALL
    SELECT vote.rater_id, rater.language_model_id, output.generation_id, 0, 0, 0,
        sum(said.prompt_tokens), sum(said.completion_tokens), sum(said.seconds)
    FROM judge_assessment vote
    JOIN judge_rater panel ON panel.id = vote.rater_id
    JOIN judge_panelmember member ON member.panel_id = panel.panel_id
    JOIN judge_rater rater ON rater.id = member.rater_id
    JOIN judge_assessment said ON said.rater_id = member.rater_id AND said.output_id = vote.output_id
        AND said.rubric_id = vote.rubric_id
    JOIN recommend_output output ON output.id = vote.output_id AND output.kind = %(kind)s
    WHERE vote.revision = 1 AND vote.created_at >= %(since)s
    GROUP BY 1, 2, 3
)
SELECT judge, paid, generation.model_id, sum(n)::int, sum(n_unusable)::int, sum(n_accepted)::int,
    sum(calls.prompt_tokens)::bigint, sum(calls.completion_tokens)::bigint, sum(seconds)::float,
    coalesce(sum(generation.prompt_tokens) FILTER (WHERE n > 0), 0)::bigint,
    coalesce(sum(generation.completion_tokens) FILTER (WHERE n > 0), 0)::bigint,
    coalesce(sum(generation.latency_s) FILTER (WHERE n > 0), 0)::float
FROM calls JOIN recommend_generation generation ON generation.id = calls.generation_id
GROUP BY judge, paid, generation.model_id
"""


def costs(kind: str, *, days: int = DAYS, now: datetime | None = None) -> list[CostRow]:
    """What was judged of a kind of output in the last days, by judge and generating model, the most first."""
    since = (now or timezone.now()) - timedelta(days=days)
    with connection.cursor() as cursor:
        cursor.execute(READ, {"kind": kind, "since": since})
        read = cursor.fetchall()
    models = LanguageModel.objects.in_bulk({pk for row in read for pk in (row[1], row[2]) if pk is not None})
    judges = Rater.objects.select_related("language_model", "panel", "user").in_bulk({row[0] for row in read})
    found: defaultdict[tuple[UUID, UUID], list[Any]] = defaultdict(list)
    for row in read:
        found[row[0], row[2]].append(row)
    rows = [_row(judges[judge], models[model], parts, models) for (judge, model), parts in found.items()]
    return sorted(rows, key=lambda row: (-row.n_judged, str(row.judge), row.model.name))


def _row(judge: Rater, model: LanguageModel, parts: Iterable[Any], models: dict[UUID, LanguageModel]) -> CostRow:
    n_judged = n_unusable = n_accepted = 0
    judging, making = Spent(), Spent()
    for _, paid, _, n, unusable, accepted, read, written, seconds, made_read, made_written, made_seconds in parts:
        n_judged, n_unusable, n_accepted = n_judged + n, n_unusable + unusable, n_accepted + accepted
        judging += _spent(read, written, seconds, models[paid]) if paid else Spent()
        making += _spent(made_read, made_written, made_seconds, model)
    return CostRow(judge, model, n_judged, n_unusable, n_accepted, judging, making)


def _spent(prompt_tokens: int, completion_tokens: int, seconds: float, model: LanguageModel) -> Spent:
    return Spent(prompt_tokens, completion_tokens, seconds, price(model, prompt_tokens, completion_tokens))


def _divided(spent: Spent, n: int) -> Spent:
    return Spent(
        round(spent.prompt_tokens / n),
        round(spent.completion_tokens / n),
        spent.seconds / n,
        None if spent.money is None else spent.money / n,
    )
