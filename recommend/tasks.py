"""Celery's way in: fetch by id, call the work. Every task may be delivered twice."""

from datetime import timedelta
from uuid import UUID

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone

from recommend import pipeline
from recommend.models import ACTIVE_STATES, JobState, PipelineRun

SWEEP_LIMIT = 100


@shared_task(base=DjangoTask)
def advance_run(run_id: str) -> None:
    """Bring a run to its end, from wherever it stands; nothing happens where another worker holds it."""
    pipeline.advance(UUID(run_id))


@shared_task(base=DjangoTask)
def sweep() -> int:
    """Send again what a lost broker or worker left behind; returns how many runs were sent.

    A run is left behind when its lease has run out, or when it waits without one for longer than a task takes to be
    picked up on an idle system. On a busy one it is sent twice, which does no harm.
    """
    now = timezone.now()
    waiting = Q(state=JobState.QUEUED, lease_until=None, created_at__lt=now - timedelta(seconds=settings.RUN_LEASE_S))
    abandoned = Q(state=JobState.RUNNING, lease_until__lt=now) | Q(state=JobState.RUNNING, lease_until=None)
    left = PipelineRun.objects.filter(waiting | abandoned, state__in=ACTIVE_STATES).order_by("created_at")
    ids = list(left.values_list("pk", flat=True)[:SWEEP_LIMIT])
    PipelineRun.objects.filter(pk__in=ids).update(n_sent=F("n_sent") + 1)
    for run_id in ids:
        advance_run.delay(str(run_id))
    return len(ids)
