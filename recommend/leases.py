"""A worker's hold on a run or job: taken by one UPDATE, kept alive by a thread, lost when the worker dies."""

import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from recommend.models import ACTIVE_STATES, JobState, PipelineRun

log = logging.getLogger(__name__)

WATCH_EVERY_S = 1.0


class LeaseLostError(RuntimeError):
    """The run was cancelled, or another worker holds it now: what was computed must not be stored."""


def take(run_id: UUID) -> UUID | None:
    """Take the run for this worker; None where it has ended or another worker holds it."""
    token = uuid.uuid4()
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    taken = PipelineRun.objects.filter(free, pk=run_id, state__in=ACTIVE_STATES).update(
        lease_token=token, lease_until=lease_end(), state=JobState.RUNNING, started_at=Coalesce("started_at", Now())
    )
    return token if taken else None


def take_over(run_id: UUID, token: UUID) -> bool:
    """Take a run, whoever holds it: for who holds the chunk of a population that it belongs to. False if it has ended.

    The lease is the chunk's, so the run's own does not run out.
    """
    active = PipelineRun.objects.filter(pk=run_id, state__in=ACTIVE_STATES)
    return bool(
        active.update(
            lease_token=token, lease_until=None, state=JobState.RUNNING, started_at=Coalesce("started_at", Now())
        )
    )


def kept_alive(run_id: UUID, token: UUID) -> AbstractContextManager[None]:
    """Renew the lease of a run until the block ends."""
    return renewing(PipelineRun.objects.filter(pk=run_id, lease_token=token))


@contextmanager
def renewing(held: QuerySet[Any]) -> Iterator[None]:
    """Renew the lease of a held row from a thread until the block ends: a language model may take longer than a lease.

    held  the row as long as it is ours, with a `lease_until`
    """
    stop = threading.Event()
    thread = threading.Thread(target=_renew, args=(held, stop), daemon=True, name="lease")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def watched(run_id: UUID, token: UUID) -> Iterator[threading.Event]:
    """An event that is set within about a second of the run being cancelled, or held by another worker."""

    def is_lost() -> bool:
        held = PipelineRun.objects.filter(pk=run_id).values_list("state", "lease_token").first()
        return held is not None and held != (JobState.RUNNING, token)

    with watching(is_lost) as lost:
        yield lost


@contextmanager
def watching(is_lost: Callable[[], bool]) -> Iterator[threading.Event]:
    """An event that is set within about a second of `is_lost`, which a thread of its own asks.

    For what takes long and stores nothing meanwhile: it can stop then, not only when it has something to store.
    """
    lost, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=_watch, args=(is_lost, lost, stop), daemon=True, name="watch")
    thread.start()
    try:
        yield lost
    finally:
        stop.set()
        thread.join()


def _watch(is_lost: Callable[[], bool], lost: threading.Event, stop: threading.Event) -> None:
    while not stop.wait(WATCH_EVERY_S):
        try:
            if is_lost():
                lost.set()
                return
        except DatabaseError as error:  # as below
            log.warning("Work could not be watched: %s", error)
        finally:
            connection.close()  # back to the pool: a thread that waits needs none


def _renew(held: QuerySet[Any], stop: threading.Event) -> None:
    try:
        while not stop.wait(settings.RUN_LEASE_S / 3):
            try:
                held.update(lease_until=lease_end())
            except DatabaseError as error:  # a database that restarts: the next turn may find it again
                log.warning("A lease could not be renewed: %s", error)
                connection.close()
    finally:
        connection.close()  # the thread's own


@contextmanager
def locked(run_id: UUID, token: UUID) -> Iterator[PipelineRun]:
    """The run, locked in a transaction in which results may be stored. Raises LeaseLostError."""
    with transaction.atomic():
        run = PipelineRun.objects.select_for_update().get(pk=run_id)
        if run.state != JobState.RUNNING or run.lease_token != token:
            raise LeaseLostError(f"Run {run_id} is {run.get_state_display().lower()} or held by another worker.")
        yield run


def lease_end() -> datetime:
    """When a lease that is taken or renewed now runs out."""
    return timezone.now() + timedelta(seconds=settings.RUN_LEASE_S)
