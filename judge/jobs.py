"""Jobs that ask a judge in the background: held by one worker at a time, each answer stored once.

All questions are rows before the first is asked, so a worker that is killed loses at most the answers in flight, and a
task that is delivered twice finds the job held or nothing left to ask.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from judge.asking import Reply
from judge.models.jobs import Answered, Job
from recommend import audit
from recommend.audit import Verb
from recommend.engines.errors import EngineUnavailableError
from recommend.models import ACTIVE_STATES, JobState

J = TypeVar("J", bound=Job)
A = TypeVar("A", bound=Answered)

# Questions of one task: short enough that runs and verdicts come between, and that the broker waits for it.
BATCH_SIZE = 16


class LostError(RuntimeError):
    """The job was cancelled, or another worker has it."""


@contextmanager
def held(kind: type[J], pk: UUID) -> Iterator[UUID | None]:
    """Hold a job until the block ends: gives the token, None where it has ended or another worker holds it."""
    token = uuid.uuid4()
    rows = kind._default_manager
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    taken = rows.filter(free, kind.GOES, pk=pk).update(
        lease_token=token, lease_until=_lease_end(), state=JobState.RUNNING, error=""
    )
    try:
        yield token if taken else None
    finally:
        rows.filter(pk=pk, lease_token=token).update(lease_token=None, lease_until=None)


def advance(rows: QuerySet[J], pk: UUID, ask: Callable[[J, UUID], None]) -> J | None:
    """Do the next piece of a job, which `ask` does with the job and its token; returns the job as it stands then.

    rows  of that kind, with what `ask` reads of related rows

    None where it has ended, was cancelled meanwhile, or another worker holds it.
    """
    with held(rows.model, pk) as token:
        if token is None:
            return None
        try:
            ask(rows.get(pk=pk), token)
        except LostError:
            return None
    return rows.get(pk=pk)


def renew(job: Job, token: UUID) -> None:
    """Renew the lease, and keep the row locked to the transaction's end. Raises LostError where it is not ours."""
    if not _ours(job, token).update(lease_until=_lease_end()):
        raise LostError


def end(job: Job, token: UUID, state: JobState, error: str = "") -> None:
    """Say how a held job ended."""
    _ours(job, token).update(state=state, error=error, finished_at=Now())


@transaction.atomic
def cancel(job: J, verb: Verb) -> J:
    """Stop a job, and record it as `verb`: answers stay, no more is asked. One that has ended stays as it is."""
    rows = type(job)._default_manager.filter(pk=job.pk)
    active = rows.filter(state__in=ACTIVE_STATES)
    if active.update(state=JobState.CANCELLED, finished_at=Now(), lease_token=None, lease_until=None):
        audit.record(verb, job)
    return rows.get()


def store(job: Job, token: UUID, replies: Generator[Reply], cases: QuerySet[A]) -> None:
    """Store each reply in the case of its key, as it comes.

    Raises LostError, and, after storing what came, EngineUnavailableError where a question got no answer at all.
    """
    unanswered = ""
    with closing(replies):
        for reply in replies:
            if reply.answer is None:
                unanswered = reply.silence
                continue
            with transaction.atomic():
                renew(job, token)
                cases.filter(pk=reply.key, answered_at=None).update(answered_at=Now(), **asdict(reply.answer))
    if unanswered:
        _ours(job, token).update(error=unanswered)
        raise EngineUnavailableError(unanswered)


def forgotten(kind: type[J], sent_before: datetime) -> QuerySet[J]:
    """Jobs whose worker is gone, or that nobody holds and that were not sent lately, oldest first."""
    # A lease that ran out is that of a worker that was killed: no task is on the way, unless one was sent since.
    lost = Q(lease_until__lt=timezone.now(), sent_at__lt=F("lease_until"))
    waiting = Q(lease_until=None) | Q(lease_until__lt=timezone.now())
    found = kind._default_manager.filter(kind.GOES, lost | (waiting & Q(sent_at__lt=sent_before)))
    return found.order_by("created_at")


def _ours(job: Job, token: UUID) -> QuerySet[Any]:
    return type(job)._default_manager.filter(pk=job.pk, lease_token=token, state=JobState.RUNNING)


def _lease_end() -> datetime:
    # No answer takes longer than the engine's timeout and its retries; correctness does not rest on it, thrift does.
    return timezone.now() + timedelta(seconds=3 * settings.LLM_TIMEOUT_S)
