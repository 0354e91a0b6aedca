"""The pages of webhooks: who gets in, what is shown once, what the buttons do."""

import re

import pytest
from django.test import Client

from recgpt_site.models import Delivery, Event, Webhook
from recgpt_site.webhooks import outbox
from recommend.roles import ANNOTATOR, LEAD
from tests.judge.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead(client: Client) -> Client:
    client.force_login(UserFactory.create(role=LEAD))
    return client


def test_annotators_neither_see_nor_register_webhooks(client: Client, webhook):
    hook = webhook()
    client.force_login(UserFactory.create(role=ANNOTATOR))

    assert client.get("/webhooks/").status_code == 403
    assert client.post("/webhooks/", {"url": "https://hooks.example/", "events": ["run.finished"]}).status_code == 403
    assert client.get(hook.get_absolute_url()).status_code == 403
    for action in ("state", "secret", "ping", "delete"):
        assert client.post(f"{hook.get_absolute_url()}{action}/").status_code == 403
    assert Webhook.objects.get() == hook


def test_a_webhook_is_registered_and_its_secret_shown_once(lead: Client, received, settings):
    settings.WEBHOOK_PRIVATE_ADDRESSES = True

    page = lead.post("/webhooks/", {"url": received.url, "events": ["run.finished", "judge.alert"]})

    made = Webhook.objects.get()
    assert page.status_code == 200
    assert made.secret in page.content.decode()
    assert re.fullmatch(r"whsec_[0-9a-f]{64}", made.secret)
    assert made.events == ["judge.alert", "run.finished"]
    for later in (made.get_absolute_url(), "/webhooks/"):
        assert made.secret not in lead.get(later).content.decode()


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"url": "https://localhost/hook", "events": ["run.finished"]}, "which only this network can reach"),
        ({"url": "http://hooks.example/", "events": ["run.finished"]}, "is not encrypted"),
        ({"url": "https://no-such-name.invalid/", "events": ["run.finished"]}, "is not known"),
        ({"url": "https://hooks.example/"}, "Choose what it is told of"),
        ({"events": ["run.finished"]}, "Give the address"),
    ],
)
def test_what_cannot_be_registered_comes_back_with_the_reason(lead: Client, settings, fields, why):
    settings.WEBHOOK_PRIVATE_ADDRESSES = False

    answer = lead.post("/webhooks/", fields)

    assert answer.status_code == 422
    assert why in answer.content.decode()
    assert not Webhook.objects.exists()


def test_deliveries_are_listed_with_their_answers_escaped_and_sent_again(lead: Client, webhook, received):
    hook = webhook()
    received.answer = (500, b"<script>alert(1)</script>", {})
    delivery = outbox.store(Event.JUDGE_ALERT, [hook], {"message": "<b>Drift</b>"})[0]
    outbox.attempt(delivery.pk)

    page = lead.get(hook.get_absolute_url()).content.decode()
    lead.post(f"/webhooks/deliveries/{delivery.pk}/resend/")

    assert "It answered 500" in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<b>Drift" not in page
    assert outbox.due() == [delivery.pk]


def test_a_stopped_webhook_says_why_on_both_pages_and_can_be_enabled(lead: Client, webhook):
    hook = webhook()
    Webhook.objects.update(is_active=False, disabled_because="12 attempts failed.")

    for page in ("/webhooks/", hook.get_absolute_url()):
        assert "12 attempts failed." in lead.get(page).content.decode()
    lead.post(f"{hook.get_absolute_url()}state/", {"state": "active"})

    hook.refresh_from_db()
    assert (hook.is_active, hook.disabled_because) == (True, "")


def test_the_buttons_change_test_renew_and_delete(lead: Client, webhook, received):
    hook = webhook()
    page = hook.get_absolute_url()

    lead.post(page, {"url": received.url + "&more=1", "events": ["run.finished"]})
    lead.post(f"{page}ping/")
    renewed = lead.post(f"{page}secret/").content.decode()
    lead.post(f"{page}state/", {"state": "disabled"})

    old, hook = hook, Webhook.objects.get()
    assert (hook.url, hook.events, hook.is_active) == (received.url + "&more=1", ["run.finished"], False)
    assert hook.secret != old.secret
    assert hook.secret in renewed
    assert Delivery.objects.get().event == "ping"
    lead.post(f"{page}delete/")
    assert not Webhook.objects.exists()


def test_the_list_costs_the_same_with_many_webhooks(lead: Client, webhook, django_assert_max_num_queries):
    for _ in range(5):
        outbox.store(Event.JUDGE_ALERT, [webhook()], {})

    with django_assert_max_num_queries(5):
        lead.get("/webhooks/")
