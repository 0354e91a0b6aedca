"""How far a population job is, how fast, and what it took: the same while it works and as its report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db.models import Count, Q, Sum
from django.utils import timezone

from recommend.models import ACTIVE_STATES, PipelineRun, PopulationJob, PopulationShopper

State = PopulationShopper.State

# The pace of now is that of the shoppers that ended last: so many at most, and not longer ago.
PACE_OF = 200
PACE_WITHIN = timedelta(minutes=10)
SHOWN = 50


@dataclass(frozen=True, slots=True)
class Failure:
    """A reason, in words, and how many shoppers failed by it."""

    reason: str
    words: str
    n: int


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a job stands. Shoppers are those that its query chose; all of them end as done, skipped or failed.

    money                            in the currency of the models' prices; None where a model has none
    seconds                          since it was started, to its end or now, rests included
    shoppers_per_s, tokens_per_s     at work: of the last shoppers; ended: over the whole time. None before the first
    seconds_left                     at that pace; None where there is none, it rests or has ended
    silence                          what the language model's server said or did not, where it is away; "" else
    """

    n_shoppers: int
    n_done: int
    n_skipped: int
    n_failed: int
    failures: tuple[Failure, ...]
    n_calls: int
    prompt_tokens: int
    completion_tokens: int
    money: Decimal | None
    seconds: float
    shoppers_per_s: float | None
    tokens_per_s: float | None
    seconds_left: float | None
    silence: str

    @property
    def n_ended(self) -> int:
        return self.n_done + self.n_skipped + self.n_failed

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    @property
    def n_left(self) -> int:
        return self.n_shoppers - self.n_ended


def progress_of(population: PopulationJob) -> Progress:
    """Where a job stands, in four queries."""
    counted = population.members.order_by().values_list("state", "reason").annotate(n=Count("pk"))
    n = dict.fromkeys(State.values, 0)
    failures = []
    for state, reason, many in counted:
        n[state] += many
        if state == State.FAILED:
            failures.append(Failure(reason, str(PopulationShopper.Reason(reason).label), many))
    spent = population.chunks.aggregate(
        calls=Sum("n_calls"),
        read=Sum("prompt_tokens"),
        written=Sum("completion_tokens"),
        paid=Sum("money"),
        n_unpriced=Count("pk", filter=Q(money=None)),
    )
    seconds = ((population.finished_at or timezone.now()) - population.created_at).total_seconds()
    n_ended, tokens = sum(n.values()) - n[State.WAITING], (spent["read"] or 0) + (spent["written"] or 0)
    is_at_work = population.is_active and not population.is_paused
    pace = _pace_of_now(population) if is_at_work else _pace(n_ended, tokens, seconds)
    away = population.chunks.filter(state__in=ACTIVE_STATES).exclude(error="").values_list("error", flat=True).first()
    return Progress(
        n_shoppers=population.n_shoppers or 0,
        n_done=n[State.DONE],
        n_skipped=n[State.SKIPPED],
        n_failed=n[State.FAILED],
        failures=tuple(sorted(failures, key=lambda one: (-one.n, one.words))),
        n_calls=spent["calls"] or 0,
        prompt_tokens=spent["read"] or 0,
        completion_tokens=spent["written"] or 0,
        money=None if spent["n_unpriced"] else (spent["paid"] or Decimal(0)),
        seconds=seconds,
        shoppers_per_s=pace[0] if pace else None,
        tokens_per_s=pace[1] if pace else None,
        seconds_left=n[State.WAITING] / pace[0] if pace and is_at_work else None,
        silence=away or "",
    )


def _pace_of_now(population: PopulationJob) -> tuple[float, float] | None:
    now = timezone.now()
    last = population.members.filter(ended_at__gt=now - PACE_WITHIN).order_by("-ended_at")
    found = list(last.values_list("ended_at", "tokens")[:PACE_OF])
    if not found:
        return None
    # From the first of them to now and not to the last: a job that hangs is seen to.
    first = found[-1][0] or now
    return _pace(len(found), sum(tokens for _, tokens in found), (now - first).total_seconds())


def _pace(n_shoppers: int, tokens: int, seconds: float) -> tuple[float, float] | None:
    return (n_shoppers / seconds, tokens / seconds) if n_shoppers and seconds > 0 else None


@dataclass(frozen=True, slots=True)
class FailedShopper:
    """A shopper that failed, and the run that says why; None where it was deleted."""

    member: PopulationShopper
    run: PipelineRun | None


def failed(population: PopulationJob) -> Sequence[FailedShopper]:
    """The first shoppers that failed, at most SHOWN."""
    found = list(population.members.filter(state=State.FAILED).select_related("shopper")[:SHOWN])
    runs = population.runs.filter(shopper__in=[member.shopper_id for member in found]).select_related("shopper")
    by_shopper = {run.shopper_id: run for run in runs}
    return [FailedShopper(member, by_shopper.get(member.shopper_id)) for member in found]
