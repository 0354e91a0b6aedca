"""Celery's way into training: fetch by id, call the work. Every task may be delivered twice."""

from uuid import UUID

from celery import shared_task
from celery.contrib.django.task import DjangoTask

from recommend import jobs
from training.data_sets import building
from training.models import DataSet

# Whatever somebody waits for goes first.
PRIORITY = 9


def send_data_set(data_set: DataSet) -> None:
    """Have a worker build a data set, once the transaction at hand is committed."""
    jobs.send(data_set, build_data_set, PRIORITY)


@shared_task(base=DjangoTask, acks_late=True)
def build_data_set(data_set_id: str) -> None:
    """Build a data set, from the beginning; nothing happens where another worker builds it or it has ended."""
    building.advance(UUID(data_set_id))


@shared_task(base=DjangoTask, acks_late=True)
def sweep() -> int:
    """Send again the data sets whose task or worker was lost; returns how many."""
    return jobs.resend(DataSet, send_data_set)
