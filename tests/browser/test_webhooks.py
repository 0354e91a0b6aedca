"""The pages of webhooks in a browser: fit on every screen, a secret shown once, nothing deleted without being asked."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from recgpt_site.models import Delivery, Event, Webhook
from recgpt_site.webhooks import outbox, services
from tests.support.browser import too_wide
from tests.support.receiver import receiver

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def stopped(lead: User, settings) -> Webhook:
    """A webhook with a delivery that arrived, and one that was given up."""
    settings.WEBHOOK_PRIVATE_ADDRESSES, settings.WEBHOOK_ATTEMPTS = True, 1
    with receiver() as near:
        made, _ = services.register(url=near.url, events=[Event.SUBMITTED, Event.CAMPAIGN_ENDED], by=lead)
        for status, answer in ((200, b"Thank you."), (502, b"<html>Bad gateway</html> " + b"x" * 400)):
            near.answer = (status, answer, {})
            told = {"campaign": {"id": str(made.pk), "name": "Spring check of the interests"}, "because": "closed"}
            outbox.attempt(outbox.store(Event.CAMPAIGN_ENDED, [made], told)[0].pk)
    return made


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_pages_of_webhooks_fit(
    new_page: Callable[..., Page],
    sign_in: Callable[[Page, User], None],
    lead: User,
    stopped: Webhook,
    width: int,
    scheme: str,
):
    page = new_page(width=width, color_scheme=scheme)
    sign_in(page, lead)

    assert too_wide(page, ["/webhooks/", stopped.get_absolute_url()]) == {}


def test_a_webhook_is_registered_tested_and_deleted(
    browser_page: Page, sign_in: Callable[[Page, User], None], lead: User, settings
):
    settings.WEBHOOK_PRIVATE_ADDRESSES = True
    page = browser_page
    sign_in(page, lead)
    page.goto("/webhooks/")
    page.get_by_label("Address").fill("http://127.0.0.1:9/hook")
    page.get_by_label("A pipeline run is done, failed or cancelled").check()
    page.get_by_role("button", name="Register").click()
    made = Webhook.objects.get()
    expect(page.get_by_role("status").filter(has_text="shown only now")).to_contain_text(made.secret)

    page.get_by_role("button", name="Send a test").click()
    expect(page.locator("#messages")).to_contain_text("A test is on its way.")
    assert Delivery.objects.get().event == "ping"
    page.get_by_role("button", name="Delete", exact=True).first.click()
    expect(page.get_by_role("dialog")).to_contain_text("Delete this webhook?")
    page.keyboard.press("Enter")
    assert Webhook.objects.exists()
    page.get_by_role("button", name="Delete", exact=True).first.click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("#messages")).to_contain_text("The webhook is deleted")

    assert not Webhook.objects.exists()
