"""A worker's hold on a run: taken by one UPDATE, kept alive by a thread, lost when the worker dies."""

import logging
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Q
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
        lease_token=token, lease_until=_end(), state=JobState.RUNNING, started_at=Coalesce("started_at", Now())
    )
    return token if taken else None


@contextmanager
def kept_alive(run_id: UUID, token: UUID) -> Iterator[None]:
    """Renew the lease from a thread until the block ends: a language model may take longer than a lease."""
    stop = threading.Event()
    thread = threading.Thread(target=_renew, args=(run_id, token, stop), daemon=True, name=f"lease-{run_id}")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def watched(run_id: UUID, token: UUID) -> Iterator[threading.Event]:
    """An event that is set within about a second of the run being cancelled, or held by another worker.

    For what takes long and stores nothing meanwhile: it can stop then, not only when it has something to store.
    """
    lost, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=_watch, args=(run_id, token, lost, stop), daemon=True, name=f"watch-{run_id}")
    thread.start()
    try:
        yield lost
    finally:
        stop.set()
        thread.join()


def _watch(run_id: UUID, token: UUID, lost: threading.Event, stop: threading.Event) -> None:
    while not stop.wait(WATCH_EVERY_S):
        try:
            held = PipelineRun.objects.filter(pk=run_id).values_list("state", "lease_token").first()
            if held is not None and held != (JobState.RUNNING, token):
                lost.set()
                return
        except DatabaseError as error:  # as above
            log.warning("Run %s could not be watched: %s", run_id, error)
        finally:
            connection.close()  # back to the pool: a thread that waits needs none


def _renew(run_id: UUID, token: UUID, stop: threading.Event) -> None:
    try:
        while not stop.wait(settings.RUN_LEASE_S / 3):
            try:
                PipelineRun.objects.filter(pk=run_id, lease_token=token).update(lease_until=_end())
            except DatabaseError as error:  # a database that restarts: the next turn may find it again
                log.warning("The lease of run %s could not be renewed: %s", run_id, error)
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


def _end() -> object:
    return timezone.now() + timedelta(seconds=settings.RUN_LEASE_S)
