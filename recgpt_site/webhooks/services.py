"""What leads can ask of webhooks: register, change, disable, delete, a new secret, a test, and sending again."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from recgpt_site.models import Delivery, Event, Webhook
from recgpt_site.webhooks import addresses, outbox, signing
from recgpt_site.webhooks.addresses import AddressRefusedError
from recommend import audit
from recommend.audit import Verb

PING = "ping"


class InvalidWebhookError(ValueError):
    """A webhook that cannot be; `field` names the value that is at fault."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@transaction.atomic
def register(*, url: str, events: Sequence[str], by: User) -> tuple[Webhook, str]:
    """Store a webhook; returns it and its secret, which is shown only now. Raises InvalidWebhookError."""
    secret = signing.new_secret()
    webhook = Webhook.objects.create(
        url=_checked_url(url), events=_checked_events(events), secret=secret, created_by=by
    )
    audit.record(Verb.WEBHOOK_CREATED, webhook, {"events": webhook.events}, by=by)
    return webhook, secret


@transaction.atomic
def change(
    webhook: Webhook, *, url: str | None = None, events: Sequence[str] | None = None, is_active: bool | None = None
) -> Webhook:
    """Change what is named. Enabling makes what has waited due at once. Raises InvalidWebhookError."""
    if url is not None:
        webhook.url = _checked_url(url)
    if events is not None:
        webhook.events = _checked_events(events)
    if is_active is not None:
        webhook.is_active = is_active
        webhook.disabled_because = ""
    webhook.save(update_fields=["url", "events", "is_active", "disabled_because"])
    audit.record(Verb.WEBHOOK_CHANGED, webhook, {"events": webhook.events, "is_active": webhook.is_active})
    return webhook


@transaction.atomic
def renew_secret(webhook: Webhook) -> str:
    """Sign with a new secret from now on; returns it, shown only now. The old one is of no use any more."""
    webhook.secret = signing.new_secret()
    webhook.save(update_fields=["secret"])
    audit.record(Verb.WEBHOOK_CHANGED, webhook, {"secret": "renewed"})
    return webhook.secret


@transaction.atomic
def delete(webhook: Webhook) -> None:
    """Forget a webhook with its deliveries, waiting ones too."""
    audit.record(Verb.WEBHOOK_DELETED, webhook)
    webhook.delete()


@transaction.atomic
def ping(webhook: Webhook) -> Delivery:
    """Send an event that tells nothing, to see whether it arrives."""
    return outbox.store(PING, [webhook], {})[0]


@transaction.atomic
def resend(delivery: Delivery) -> Delivery:
    """Make a delivery due now, with all its attempts before it; the receiver knows it again by its id."""
    Delivery.objects.filter(pk=delivery.pk).update(
        state=Delivery.State.PENDING, n_attempts=0, next_attempt_at=timezone.now()
    )
    transaction.on_commit(lambda: outbox.send_worker(delivery.pk))
    audit.record(Verb.WEBHOOK_RESENT, delivery)
    delivery.refresh_from_db()
    return delivery


def _checked_url(url: str) -> str:
    try:
        addresses.resolve(url)
    except AddressRefusedError as refused:
        raise InvalidWebhookError("url", str(refused)) from refused
    except OSError as error:
        raise InvalidWebhookError("url", f"The name in “{url}” is not known: {error.strerror or error}.") from error
    return url


def _checked_events(events: Sequence[str]) -> list[str]:
    unknown = [event for event in events if event not in Event.values]
    if unknown or not events:
        known = ", ".join(Event.values)
        raise InvalidWebhookError("events", f"{', '.join(unknown) or 'None'} is no event. Choose from {known}.")
    return sorted(set(events))
