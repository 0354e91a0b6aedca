"""Celery's way into what joins the layers."""

from celery import shared_task
from celery.contrib.django.task import DjangoTask

from recgpt_site import audit_log


@shared_task(base=DjangoTask, acks_late=True)
def make_audit_months() -> int:
    """Make the audit log's partitions for the coming months; returns how many are new. Daily."""
    return audit_log.make_months()
