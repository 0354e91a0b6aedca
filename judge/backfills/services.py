"""A backfill that a user asks for: stored, and sent to a worker."""

from __future__ import annotations

from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction

from judge import tasks
from judge.backfills import runner
from judge.frames import Population
from judge.models import Backfill, Rater, Rubric
from recommend import jobs
from recommend.audit import Verb


@transaction.atomic
def start(
    judge: Rater,
    rubric: Rubric,
    population: Population,
    *,
    by: User | None,
    again: bool = False,
    max_calls: int | None = None,
    max_money: Decimal | None = None,
) -> Backfill:
    """Store a queued backfill, and send its task once it is committed.

    Arguments and what is raised are those of `runner.prepare`.
    """
    backfill = runner.prepare(judge, rubric, population, again=again, max_calls=max_calls, max_money=max_money, by=by)
    tasks.send_backfill(backfill)
    return backfill


@transaction.atomic
def resume(backfill: Backfill) -> Backfill:
    """Let a paused backfill go on; one that is not paused stays as it is."""
    resumed = jobs.resume(backfill, Verb.BACKFILL_RESUMED)
    if resumed is None:
        return Backfill.objects.get(pk=backfill.pk)
    tasks.send_backfill(resumed)
    return resumed
