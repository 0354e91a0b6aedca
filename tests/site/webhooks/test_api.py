"""Webhooks by REST."""

from typing import Any

import pytest

from recgpt_site.models import Delivery, Webhook
from recgpt_site.webhooks import outbox
from tests.site.api import clients

pytestmark = pytest.mark.django_db
PATH = "/api/v1/webhooks/"


@pytest.fixture
def lead() -> Any:
    return clients.lead()


def test_only_leads_manage_webhooks(webhook):
    hook, client = webhook(), clients.annotator()

    clients.problem(client.get(PATH), 403)
    clients.problem(client.post(PATH, {"url": "https://hooks.example/", "events": ["run.finished"]}), 403)
    clients.problem(client.delete(f"{PATH}{hook.pk}/"), 403)
    clients.problem(client.get("/api/v1/webhook-deliveries/"), 403)


def test_the_secret_is_in_the_answers_that_make_one_and_in_no_other(lead, received, settings):
    settings.WEBHOOK_PRIVATE_ADDRESSES = True

    made = lead.post(PATH, {"url": received.url, "events": ["run.finished"]})
    address = f"{PATH}{made.json()['id']}/"
    renewed = lead.post(f"{address}secret/").json()

    assert made.status_code == 201
    assert made.json()["secret"] != renewed["secret"] == Webhook.objects.get().secret
    changed = lead.patch(address, {"is_active": False}).json()
    assert changed["is_active"] is False
    for body in (changed, lead.get(address).json(), lead.get(PATH).json()["results"][0]):
        assert "secret" not in body


def test_a_refused_address_is_a_problem_that_names_the_field(lead, settings):
    settings.WEBHOOK_PRIVATE_ADDRESSES = False

    body = clients.problem(lead.post(PATH, {"url": "https://127.0.0.1/", "events": ["run.finished"]}), 400)

    assert body["errors"][0]["pointer"] == "#/url"
    assert "only this network" in body["errors"][0]["detail"]
    clients.problem(lead.post(PATH, {"url": "https://127.0.0.1/", "events": ["nonsense"]}), 400)


def test_a_test_is_sent_listed_and_sent_again(lead, webhook, received):
    hook = webhook()

    sent = lead.post(f"{PATH}{hook.pk}/ping/")
    assert sent.status_code == 202
    delivery = Delivery.objects.get()
    outbox.attempt(delivery.pk)
    (listed,) = lead.get("/api/v1/webhook-deliveries/", {"webhook": str(hook.pk), "state": "delivered"}).json()[
        "results"
    ]
    assert (listed["id"], listed["event"], listed["status"]) == (sent.json()["id"], "ping", 204)
    assert lead.get("/api/v1/webhook-deliveries/", {"state": "failed"}).json()["results"] == []
    again = lead.post(f"/api/v1/webhook-deliveries/{delivery.pk}/resend/").json()

    assert again["state"] == "pending"
    assert outbox.due() == [delivery.pk]


def test_a_deleted_webhook_is_gone_with_its_deliveries(lead, webhook):
    hook = webhook()
    outbox.store("ping", [hook], {})

    assert lead.delete(f"{PATH}{hook.pk}/").status_code == 204

    assert not Delivery.objects.exists()
