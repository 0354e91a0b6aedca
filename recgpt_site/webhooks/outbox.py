"""The outbox: events are rows before anything is sent, and stay due until they have arrived or were given up.

A worker is sent to each at once; if the broker is down, the sweep finds them. An attempt takes the row by moving its
next moment ahead, so two workers do not make it at once and a worker that dies leaves it due again.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from kombu.exceptions import OperationalError

from recgpt_site.models import Delivery, Event, Webhook
from recgpt_site.webhooks import sending
from recommend import audit
from recommend.audit import Verb
from recommend.prepared import Prepared

logger = logging.getLogger(__name__)

State = Delivery.State
HELD_FOR = timedelta(seconds=60)  # longer than an attempt can take
FIRST_WAIT_S = 10
LONGEST_WAIT_S = 6 * 3600
SWEEP_LIMIT = 200

# Sends a worker to a delivery; the task registers itself, as tasks call this module.
_sender: list[Callable[[UUID], None]] = []


def use_sender(sender: Callable[[UUID], None]) -> None:
    """Name what sends a worker to a delivery."""
    _sender[:] = [sender]


def wanted(*events: Event) -> dict[Event, list[Webhook]]:
    """Which active webhooks ask for which of these events; one query, and the usual answer is none."""
    hooks = _asking(events)()
    return {event: asked for event in events if (asked := [hook for hook in hooks if event.value in hook.events])}


@cache
def _asking(events: tuple[Event, ...]) -> Prepared[Webhook]:
    names = [event.value for event in events]
    return Prepared(lambda: Webhook.objects.filter(is_active=True, events__overlap=names).only("pk", "events"))


def store(event: str, hooks: list[Webhook], data: Mapping[str, Any]) -> list[Delivery]:
    """Store one event for each of `hooks` in the transaction at hand; workers are sent once it is committed."""
    stored = Delivery.objects.bulk_create(Delivery(webhook=hook, event=event, data=dict(data)) for hook in hooks)
    for delivery in stored:
        transaction.on_commit(partial(send_worker, delivery.pk))
    return stored


def send_worker(delivery_id: UUID) -> None:
    """Send a worker to a delivery; without a broker it waits for the sweep."""
    try:
        for sender in _sender:
            sender(delivery_id)
    except OperationalError as error:
        # What the event tells of is stored; the caller must not fail over the broker.
        logger.warning("Delivery %s waits for the sweep: the broker cannot be reached (%s).", delivery_id, error)


def attempt(delivery_id: UUID) -> Delivery | None:
    """Make the attempt that is due, and store what came of it; None where none is due, or another worker makes it."""
    now = timezone.now()
    due = Delivery.objects.filter(
        pk=delivery_id, state=State.PENDING, next_attempt_at__lte=now, webhook__is_active=True
    )
    if not due.update(next_attempt_at=now + HELD_FOR, n_attempts=F("n_attempts") + 1, last_attempt_at=now):
        return None
    delivery = Delivery.objects.select_related("webhook").get(pk=delivery_id)
    answer = sending.send(delivery)
    with transaction.atomic():
        delivery.status, delivery.excerpt, delivery.error = answer.status, answer.excerpt, answer.error
        delivery.seconds = answer.seconds
        if not answer.error:
            delivery.state = State.DELIVERED
            _hurry(delivery)
        elif delivery.n_attempts >= settings.WEBHOOK_ATTEMPTS:
            delivery.state = State.FAILED
            _disable(delivery)
        else:
            delivery.next_attempt_at = timezone.now() + wait(delivery.n_attempts)
            _hold_back(delivery)
        delivery.save(update_fields=["status", "excerpt", "error", "seconds", "state", "next_attempt_at"])
    return delivery


def wait(n_attempts: int) -> timedelta:
    """How long to wait after so many attempts: 10 s, 40 s, 160 s … up to 6 h, each by chance up to a fifth longer.

    The chance keeps the deliveries that failed together from coming back together.
    """
    seconds = min(LONGEST_WAIT_S, FIRST_WAIT_S * 4 ** (n_attempts - 1))
    return timedelta(seconds=seconds * random.uniform(1.0, 1.2))  # noqa: S311  # no secret


def _hold_back(failed: Delivery) -> None:
    """Have what else is due at an address that fails wait with it: workers are for those that answer."""
    _reschedule(Q(webhook=failed.webhook_id, next_attempt_at__lte=timezone.now()), failed.next_attempt_at)


def _hurry(arrived: Delivery) -> None:
    """Make what waits for an address due, now that it answers; what another worker holds is left alone."""
    now = timezone.now()
    _reschedule(Q(webhook=arrived.webhook_id, next_attempt_at__gt=now + HELD_FOR), now)


def _reschedule(which: Q, moment: datetime) -> None:
    # Locked first, and what others have locked left out: two workers that move the same rows must not wait in a ring.
    pending = Delivery.objects.filter(which, state=State.PENDING).select_for_update(skip_locked=True)
    found = list(pending.values_list("pk", flat=True)[:SWEEP_LIMIT])
    Delivery.objects.filter(pk__in=found).update(next_attempt_at=moment)


def _disable(delivery: Delivery) -> None:
    """Stop calling an address that took nothing through all attempts; what waits for it is kept."""
    webhook = delivery.webhook
    attempts = f"{delivery.n_attempts} attempt{'s' * (delivery.n_attempts != 1)}"
    reason = f"{attempts} to deliver {delivery.event} failed. The last: {delivery.error}"
    if Webhook.objects.filter(pk=webhook.pk, is_active=True).update(is_active=False, disabled_because=reason):
        logger.warning("The webhook to %s is disabled. %s", webhook.url, reason)
        audit.record(Verb.WEBHOOK_DISABLED, webhook, {"delivery": str(delivery.pk), "attempts": delivery.n_attempts})


def due() -> list[UUID]:
    """The deliveries whose attempt is due, the longest waiting first; at most SWEEP_LIMIT."""
    found = Delivery.objects.filter(
        state=State.PENDING, next_attempt_at__lte=timezone.now(), webhook__is_active=True
    ).order_by("next_attempt_at")
    return list(found.values_list("pk", flat=True)[:SWEEP_LIMIT])


def forget_old() -> int:
    """Delete what arrived or was given up longer ago than WEBHOOK_LOG_DAYS; returns how many."""
    before = timezone.now() - timedelta(days=settings.WEBHOOK_LOG_DAYS)
    ended = Delivery.objects.filter(created_at__lt=before).exclude(state=State.PENDING)
    return ended.delete()[0]
