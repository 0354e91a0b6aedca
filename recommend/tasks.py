"""Celery's way in: fetch by id, call the work. Every task may be delivered twice."""

from datetime import timedelta
from uuid import UUID

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from recommend import pipeline
from recommend.models import ACTIVE_STATES, PipelineRun

SWEEP_LIMIT = 100


def send(run: PipelineRun) -> None:
    """Have a worker do the run's next step, once the transaction at hand is committed."""
    advance_run.apply_async_on_commit(args=(str(run.pk),), priority=run.task_priority)


@shared_task(base=DjangoTask)
def advance_run(run_id: str) -> None:
    """Do the next step of a run, from wherever it stands; nothing happens where another worker holds it.

    One step a task, so that a run that somebody waits for overtakes those in the background at every step.
    """
    run = pipeline.advance(UUID(run_id))
    if run is not None and run.is_active:
        send(run)


@shared_task(base=DjangoTask)
def sweep() -> int:
    """Send again what a lost broker or worker left behind; returns how many runs were sent.

    A run is left behind when nobody holds it, and its task was sent longer ago than a worker takes to pick one up on
    an idle system. On a busy one it is sent twice, which does no harm.
    """
    now = timezone.now()
    unheld = Q(lease_until=None) | Q(lease_until__lt=now)
    left = PipelineRun.objects.filter(
        unheld, state__in=ACTIVE_STATES, sent_at__lt=now - timedelta(seconds=settings.RUN_LEASE_S)
    ).order_by("priority", "created_at")[:SWEEP_LIMIT]
    runs = list(left)
    PipelineRun.objects.filter(pk__in=[run.pk for run in runs]).update(sent_at=now)
    for run in runs:
        send(run)
    return len(runs)
