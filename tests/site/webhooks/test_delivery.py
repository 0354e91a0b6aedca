"""Deliveries: stored with what they tell of, signed, tried again, given up, and sent again by hand."""

import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from judge import campaigns
from judge.models import Campaign
from recgpt_site import tasks
from recgpt_site.models import Delivery, Event, Webhook
from recgpt_site.webhooks import outbox, sending, services
from recommend.audit import Verb
from recommend.models import AuditEntry
from tests.judge.factories import CampaignFactory

pytestmark = pytest.mark.django_db
State = Delivery.State


def stored(hook: Webhook, **data: object) -> Delivery:
    return outbox.store(Event.JUDGE_ALERT, [hook], data)[0]


def make_due(delivery: Delivery) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(next_attempt_at=timezone.now() - timedelta(seconds=1))


def test_what_arrives_is_signed_and_says_what_happened(webhook, received):
    hook = webhook()
    delivery = stored(hook, message="Ça dérive.")

    done = outbox.attempt(delivery.pk)

    assert done is not None
    assert (done.state, done.status, done.n_attempts) == (State.DELIVERED, 204, 1)
    ((path, headers, body),) = received.requests
    assert path == "/hook?team=a"
    assert headers["recgpt-event"] == "judge.alert"
    assert headers["recgpt-delivery"] == str(delivery.pk)
    signed = headers["recgpt-timestamp"].encode() + b"." + body
    assert headers["recgpt-signature"] == "v1=" + hmac.new(hook.secret.encode(), signed, hashlib.sha256).hexdigest()
    told = json.loads(body)
    assert (told["id"], told["event"], told["data"]) == (str(delivery.pk), "judge.alert", {"message": "Ça dérive."})


def test_an_attempt_that_is_not_due_or_done_already_is_not_made(webhook, received):
    delivery = stored(webhook())

    for _ in range(2):
        outbox.attempt(delivery.pk)

    assert len(received.requests) == 1


def test_an_event_is_lost_with_what_it_tells_of_and_only_then(webhook, django_capture_on_commit_callbacks):
    webhook(Event.CAMPAIGN_ENDED)
    campaign = CampaignFactory.create()

    with transaction.atomic():
        campaigns.set_state(campaign, Campaign.State.CLOSED)
        transaction.set_rollback(True)
    assert not Delivery.objects.exists()
    campaign.refresh_from_db()
    with django_capture_on_commit_callbacks() as sent:
        campaigns.set_state(campaign, Campaign.State.CLOSED)

    assert Delivery.objects.get().data["because"] == "closed"
    assert len(sent) == 1


def test_without_a_broker_nobody_fails_and_the_sweep_delivers(
    webhook, received, monkeypatch, django_capture_on_commit_callbacks
):
    hook = webhook()

    def no_broker(*args: object) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(tasks.deliver, "delay", no_broker)
    with django_capture_on_commit_callbacks(execute=True):
        stored(hook)
    assert received.requests == []
    monkeypatch.setattr(tasks.deliver, "delay", tasks.deliver)

    assert tasks.sweep_webhooks() == 1
    assert len(received.requests) == 1
    assert tasks.sweep_webhooks() == 0


def test_a_refused_delivery_waits_ever_longer_and_keeps_the_answer(webhook, received):
    received.answer = (503, b"Down for maintenance. " + b"x" * 5_000, {})
    delivery = stored(webhook())
    before = timezone.now()

    done = outbox.attempt(delivery.pk)

    assert done is not None
    assert (done.state, done.status) == (State.PENDING, 503)
    assert "It answered 503" in done.error
    assert done.excerpt.startswith("Down for maintenance.")
    assert len(done.excerpt) == sending.EXCERPT_BYTES
    assert timedelta(seconds=10) <= done.next_attempt_at - before < timedelta(seconds=20)
    assert tasks.sweep_webhooks() == 0
    waits = [outbox.wait(n).total_seconds() for n in range(1, 12)]
    assert all(10 * 4 ** (n - 1) <= waits[n - 1] <= 12 * 4 ** (n - 1) for n in range(1, 6))
    assert max(waits) <= 1.2 * outbox.LONGEST_WAIT_S


def test_others_wait_with_one_that_fails_and_come_with_one_that_arrives(webhook, received):
    hook = webhook()
    first, second = stored(hook), stored(hook)
    received.answer = (500, b"", {})
    outbox.attempt(first.pk)
    assert outbox.attempt(second.pk) is None
    Delivery.objects.filter(pk=second.pk).update(next_attempt_at=timezone.now() + timedelta(hours=3))
    received.answer = (200, b"", {})
    make_due(first)

    outbox.attempt(first.pk)

    assert outbox.due() == [second.pk]


def test_after_the_last_attempt_the_webhook_is_disabled_with_the_reason_and_the_rest_waits(webhook, received, settings):
    settings.WEBHOOK_ATTEMPTS = 2
    received.answer = (410, b"gone", {})
    hook = webhook()
    delivery, other = stored(hook), stored(hook)

    for _ in range(2):
        make_due(delivery)
        outbox.attempt(delivery.pk)

    hook.refresh_from_db()
    delivery.refresh_from_db()
    assert (hook.is_active, delivery.state) == (False, State.FAILED)
    assert "2 attempts to deliver judge.alert failed. The last: It answered 410" in hook.disabled_because
    assert AuditEntry.objects.get(verb=Verb.WEBHOOK_DISABLED).object_id == str(hook.pk)
    make_due(other)
    assert outbox.due() == []
    assert outbox.wanted(Event.JUDGE_ALERT) == {}
    received.answer = (200, b"", {})
    services.change(hook, is_active=True)
    assert outbox.due() == [other.pk]


def test_a_redirect_is_not_followed(webhook, received):
    received.answer = (302, b"", {"Location": received.url})
    delivery = stored(webhook())

    done = outbox.attempt(delivery.pk)

    assert done is not None
    assert "Redirects are not followed" in done.error
    assert len(received.requests) == 1


def test_an_answer_that_drips_is_cut_off(webhook, received, monkeypatch):
    monkeypatch.setattr(sending, "ANSWER_S", 0.5)
    received.answer, received.drips = (200, b"x" * 900, {}), True
    delivery = stored(webhook())

    done = outbox.attempt(delivery.pk)

    assert done is not None
    assert done.state == State.PENDING
    assert "No complete answer within 0.5 s" in done.error
    assert done.seconds is not None
    assert done.seconds < 3


def test_an_address_that_has_become_a_private_one_is_not_called(webhook, received, settings):
    delivery = stored(webhook())
    settings.WEBHOOK_PRIVATE_ADDRESSES = False
    Webhook.objects.update(url=received.url.replace("http://", "https://"))

    done = outbox.attempt(delivery.pk)

    assert done is not None
    assert "only this network can reach" in done.error
    assert received.requests == []


def test_nobody_there_is_said_in_words(webhook, received):
    delivery = stored(webhook())
    Webhook.objects.update(url="http://127.0.0.1:9/")

    done = outbox.attempt(delivery.pk)

    assert done is not None
    assert "could not be reached" in done.error


def test_sending_again_makes_a_failed_one_due_with_all_its_attempts(webhook, received):
    delivery = stored(webhook())
    Delivery.objects.filter(pk=delivery.pk).update(state=State.FAILED, n_attempts=12)

    services.resend(delivery)
    done = outbox.attempt(delivery.pk)

    assert done is not None
    assert (done.state, done.n_attempts) == (State.DELIVERED, 1)
    assert json.loads(received.requests[0][2])["id"] == str(delivery.pk)


def test_what_ended_long_ago_is_forgotten_and_what_waits_is_not(webhook, settings):
    hook = webhook()
    old, waiting, new = stored(hook), stored(hook), stored(hook)
    long_ago = timezone.now() - timedelta(days=settings.WEBHOOK_LOG_DAYS + 1)
    Delivery.objects.filter(pk__in=[old.pk, waiting.pk]).update(created_at=long_ago)
    Delivery.objects.filter(pk__in=[old.pk, new.pk]).update(state=State.DELIVERED)

    assert tasks.forget_deliveries() == 1

    assert set(Delivery.objects.all()) == {waiting, new}
