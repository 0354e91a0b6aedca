"""The demo in a real browser, with a real worker and the real language model."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from recgpt_site import seeds
from recgpt_site.embedded.processes import Process
from recommend import retrieval
from recommend.models import Item, JobState, PipelineRun
from tests.judge.factories import UserFactory
from tests.recommend.factories import REFERENCE, BehaviorFactory, ItemFactory, ShopperFactory

pytestmark = [pytest.mark.browser, pytest.mark.llm, pytest.mark.django_db(transaction=True)]

SLOW_MS = 400_000  # a small model on a busy machine
CATALOGUE = {
    "diapers": ["baby", "diapers", "baby diapers"],
    "baby foods": ["baby", "baby foods", "baby puree"],
    "cake mix": ["grocery", "baking mixes", "layer cake mix"],
    "charcoal": ["grocery", "charcoal", "charcoal briquets"],
}


@pytest.fixture
def curious() -> User:
    """Somebody without a role: the demo is for everybody who is signed in."""
    user: User = UserFactory.create(role="", username="curious")
    return user


@pytest.fixture
def shoppers() -> None:
    """Shoppers with a history, and a fitted retrieval."""
    seeds.seed()
    items = {
        name: ItemFactory.create(short_text=name, title=name.title(), category=category)
        for name, category in CATALOGUE.items()
    }
    # Four buy everything, one after the other; the fifth has bought two things so far, not lately.
    for external_id in ("1001", "1002", "1003", "1004"):
        buys(external_id, "25-34", list(items.values()))
    buys("2002", "65+", list(items.values())[:2])
    retrieval.fit()


def buys(external_id: str, age: str, items: list[Item]) -> None:
    """A shopper who buys the items in turn, twelve times in all, until 60 days before the reference."""
    made = ShopperFactory.create(
        external_id=external_id, attributes={"age": age}, n_behaviors=12, last_behavior_at=REFERENCE
    )
    for number in range(12):
        at = REFERENCE - timedelta(days=170 - 10 * number)
        BehaviorFactory.create(shopper=made, item=items[number % len(items)], occurred_at=at)


def test_a_shopper_goes_through_the_whole_pipeline(
    browser_page: Page,
    sign_in: Callable[[Page, User], None],
    curious: User,
    shoppers: None,
    llm_server: str,
    celery_worker_process: Callable[..., Process],
):
    celery_worker_process()
    page = browser_page
    page.set_default_timeout(SLOW_MS)
    sign_in(page, curious)
    page.goto("/demo/")

    page.get_by_label("Search by id or attribute").fill("65+")
    expect(page.locator(".shopper")).to_have_count(1)
    expect(page.locator(".shopper")).to_contain_text("2002")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url("**/demo/runs/*/")
    # Each step appears by itself as it finishes.
    expect(page.locator("#history-title")).to_be_visible()
    expect(page.locator(".run__tools .pill")).to_have_text("done", timeout=SLOW_MS)

    run = PipelineRun.objects.get()
    assert run.state == JobState.DONE
    assert page.locator(".step--done").count() >= 3
    assert page.locator(".card").count() == run.recommendations.count() > 0
    assert page.locator(".bar__semantic").count() == page.locator(".card").count()
    n_kept = run.generations.filter(outputs__rejected_by="").exclude(outputs=None).count()
    assert page.locator(".interest, .card__why, .tag").count() == n_kept
    # These generations are in blind campaigns, and somebody who does not review never sees the judge's labels.
    assert page.locator(".labels .pill").count() == 0


def test_a_run_is_cancelled_from_its_page(
    browser_page: Page, sign_in: Callable[[Page, User], None], curious: User, shoppers: None
):
    page = browser_page
    sign_in(page, curious)
    page.goto("/demo/")

    page.get_by_role("button", name="Run", exact=True).press("Enter")
    expect(page.locator("#run")).to_contain_text("Waiting for a worker")
    page.get_by_role("button", name="Cancel").press("Enter")

    expect(page.locator(".run__tools .pill")).to_have_text("cancelled")
    expect(page.locator("#messages")).to_contain_text("What was made before stays")
