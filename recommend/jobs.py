"""Jobs that workers do in the background, piece by piece: held by one worker at a time, paused, cancelled, sent again.

What a job is to do is in rows before a worker takes it, and each result is stored while the job is held; so a worker
that is killed loses what was in flight, and a task that is delivered twice finds the job held or nothing left to do.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from recommend import audit
from recommend.audit import Verb
from recommend.leases import lease_end, renewing
from recommend.models import ACTIVE_STATES, JobState
from recommend.models.jobs import Job, PausableJob

J = TypeVar("J", bound=Job)
P = TypeVar("P", bound=PausableJob)

# A task may wait on an idle broker for as long as a busy worker takes; what was sent is not sent again for so long.
SENT_FOR_S = 900
SWEEP_LIMIT = 50


class LostError(RuntimeError):
    """The job was cancelled or paused, or another worker has it."""


@contextmanager
def held(kind: type[J], pk: UUID) -> Iterator[UUID | None]:
    """Hold a job until the block ends: gives the token, None where it has ended or another worker holds it."""
    token = uuid.uuid4()
    rows = kind._default_manager
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    taken = rows.filter(free, kind.GOES, pk=pk).update(
        lease_token=token, lease_until=lease_end(), state=JobState.RUNNING, error=""
    )
    if not taken:
        yield None
        return
    mine = rows.filter(pk=pk, lease_token=token)
    try:
        with renewing(mine):
            yield token
    finally:
        mine.update(lease_token=None, lease_until=None)


def advance(rows: QuerySet[J], pk: UUID, work: Callable[[J, UUID], None]) -> J | None:
    """Do the next piece of a job, which `work` does with the job and its token; returns the job as it stands then.

    rows  of that kind, with what `work` reads of related rows

    None where it has ended, rests, was cancelled meanwhile, or another worker holds it.
    """
    with held(rows.model, pk) as token:
        if token is None:
            return None
        try:
            work(rows.get(pk=pk), token)
        except LostError:
            return None
    return rows.get(pk=pk)


def renew(job: Job, token: UUID, **values: Any) -> None:
    """Make sure that the job is still held, and keep its row locked to the transaction's end; sets columns, if named.

    Raises LostError where the job is not ours.
    """
    if not ours(job, token).update(lease_until=lease_end(), **values):
        raise LostError


def end(job: Job, token: UUID, state: JobState, error: str = "") -> None:
    """Say how a held job ended."""
    ours(job, token).update(state=state, error=error, finished_at=Now())


def ours(job: Job, token: UUID) -> QuerySet[Any]:
    """The job's row as long as this worker holds it."""
    return type(job)._default_manager.filter(pk=job.pk, lease_token=token, state=JobState.RUNNING)


@transaction.atomic
def cancel(job: J, verb: Verb) -> J:
    """Stop a job, and record it as `verb`: results stay, no more is made. One that has ended stays as it is."""
    rows = type(job)._default_manager.filter(pk=job.pk)
    active = rows.filter(state__in=ACTIVE_STATES)
    if active.update(state=JobState.CANCELLED, finished_at=Now(), lease_token=None, lease_until=None):
        audit.record(verb, job)
    return rows.get()


@transaction.atomic
def pause(job: P, verb: Verb) -> P:
    """Let a job rest until it is resumed, and record it; results stay. One that rests or has ended stays as it is."""
    rows = type(job)._default_manager.filter(pk=job.pk)
    going = rows.filter(type(job).GOES)
    if going.update(paused_at=Now(), state=JobState.QUEUED, lease_token=None, lease_until=None):
        audit.record(verb, job)
    return rows.get()


@transaction.atomic
def resume(job: P, verb: Verb) -> P | None:
    """Let a paused job go on, and record it; None where it was not paused."""
    rows = type(job)._default_manager.filter(pk=job.pk)
    if not rows.filter(state__in=ACTIVE_STATES, paused_at__isnull=False).update(paused_at=None):
        return None
    audit.record(verb, job)
    return rows.get()


def send(job: Job, task: Any, priority: int) -> None:
    """Have a worker do the next piece by this Celery task, once the transaction at hand is committed."""
    type(job)._default_manager.filter(pk=job.pk).update(sent_at=timezone.now())
    task.apply_async_on_commit(args=(str(job.pk),), priority=priority)


def resend(kind: type[J], send_one: Callable[[J], None]) -> int:
    """Send again jobs whose task or worker was lost, at most SWEEP_LIMIT; returns how many."""
    lost = forgotten(kind, timezone.now() - timedelta(seconds=SENT_FOR_S))[:SWEEP_LIMIT]
    for job in lost:
        send_one(job)
    return len(lost)


def forgotten(kind: type[J], sent_before: datetime) -> QuerySet[J]:
    """Jobs whose worker is gone, or that nobody holds and that were not sent lately, oldest first."""
    # A lease that ran out is that of a worker that was killed: no task is on the way, unless one was sent since.
    lost = Q(lease_until__lt=timezone.now(), sent_at__lt=F("lease_until"))
    waiting = Q(lease_until=None) | Q(lease_until__lt=timezone.now())
    found = kind._default_manager.filter(kind.GOES, lost | (waiting & Q(sent_at__lt=sent_before)))
    return found.order_by("created_at")
