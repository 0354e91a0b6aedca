"""Celery's way into what joins the layers."""

from uuid import UUID

from celery import shared_task
from celery.contrib.django.task import DjangoTask

from recgpt_site.webhooks import outbox
from recommend import months


@shared_task(base=DjangoTask, acks_late=True)
def make_months() -> int:
    """Make the coming months' partitions of the tables that have them; returns how many are new. Daily."""
    return sum(map(months.make, months.TABLES))


@shared_task(base=DjangoTask, acks_late=True)
def deliver(delivery_id: str) -> None:
    """Make the attempt that is due; nothing happens where none is."""
    outbox.attempt(UUID(delivery_id))


@shared_task(base=DjangoTask, acks_late=True)
def sweep_webhooks() -> int:
    """Send a worker to every delivery that is due, since its time has come or the first one was lost; how many."""
    due = outbox.due()
    for delivery_id in due:
        deliver.delay(str(delivery_id))
    return len(due)


@shared_task(base=DjangoTask, acks_late=True)
def forget_deliveries() -> int:
    """Delete old deliveries; returns how many. Daily."""
    return outbox.forget_old()


def send_worker(delivery_id: UUID) -> None:
    """Have a worker make a delivery's attempt now."""
    deliver.delay(str(delivery_id))
