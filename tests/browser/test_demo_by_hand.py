"""A history by hand, the slider of a finished run and its link, in a real browser; no language model is needed."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from recommend import retrieval
from recommend.models import JobState, PipelineRun, Stage
from recommend.steps.items import ranking
from tests.judge.factories import UserFactory
from tests.recommend.factories import (
    REFERENCE,
    BehaviorFactory,
    GenerationFactory,
    ItemFactory,
    OutputFactory,
    PipelineRunFactory,
    ShopperFactory,
)
from tests.support import demo_data
from tests.support.browser import too_wide

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def curious() -> User:
    user: User = UserFactory.create(role="", username="curious")
    return user


@pytest.fixture
def ranked(curious: User) -> PipelineRun:
    """A finished run: others bought coffee after tea, the tag says oat milk."""
    items = {
        name: ItemFactory.create(sku=name, short_text=name, title=name.title(), category=["food", name, name])
        for name in ("tea", "coffee", "oat milk")
    }
    for _ in range(4):
        buyer = ShopperFactory.create()
        for day, name in enumerate(("tea", "coffee")):
            BehaviorFactory.create(shopper=buyer, item=items[name], occurred_at=REFERENCE - timedelta(days=90 - day))
    BehaviorFactory.create(item=items["oat milk"], occurred_at=REFERENCE - timedelta(days=90))
    retrieval.fit()
    made = ShopperFactory.create(last_behavior_at=REFERENCE)
    BehaviorFactory.create(shopper=made, item=items["tea"], occurred_at=REFERENCE - timedelta(days=60))
    run = PipelineRunFactory.create(
        shopper=made, created_by=curious, state=JobState.DONE, step="finished", beta=1.0, n_items=1
    )
    interest = OutputFactory.create(generation=GenerationFactory.create(run=run), text="breakfast")
    OutputFactory.create(
        generation=GenerationFactory.create(run=run, stage=Stage.TAGS), text="oat milk", parent=interest
    )
    for row in ranking(run, beta=1.0):
        row.save()
    return run


def test_a_history_is_written_corrected_and_run_by_keyboard(
    new_page: Callable[..., Page], sign_in: Callable[[Page, User], None], curious: User, ranked: PipelineRun
):
    page = new_page(clean=False)  # the refusal is an error to the console
    sign_in(page, curious)
    page.goto("/demo/")
    text = page.get_by_label("A behaviour a line")
    expect(text).to_be_hidden()

    page.get_by_label("a stored shopper’s").press("ArrowRight")
    expect(page.get_by_label("Search by id or attribute")).to_be_hidden()
    text.fill("2017-12-20 purchase tea ×2\n2017-12-24 purchase no-such-sku")
    page.get_by_role("button", name="Run", exact=True).press("Enter")
    expect(page.locator("#history-errors")).to_contain_text("Line 2: no item has this sku")
    expect(text).to_have_value("2017-12-20 purchase tea ×2\n2017-12-24 purchase no-such-sku")
    text.fill("2017-12-20 purchase tea ×2")
    page.get_by_role("button", name="Run", exact=True).press("Enter")
    page.wait_for_url("**/demo/runs/*/")

    run = PipelineRun.objects.exclude(pk=ranked.pk).get()
    assert run.shopper.guest_history.behaviors[0]["quantity"] == 2
    expect(page.locator("h1")).to_have_text(f"Guest {run.shopper.external_id[6:14]}")


def test_the_slider_ranks_at_once_and_the_link_shows_what_it_showed(
    browser_page: Page,
    new_page: Callable[..., Page],
    sign_in: Callable[[Page, User], None],
    curious: User,
    ranked: PipelineRun,
):
    page = browser_page
    sign_in(page, curious)
    page.goto(ranked.get_absolute_url())
    expect(page.locator(".card")).to_contain_text("Coffee")

    page.get_by_role("button", name="Share").click()
    link = page.locator(".run__link a").get_attribute("href") or ""
    slider = page.get_by_label("β, the weight of the collaborative arm")
    slider.fill("0")
    expect(page.locator(".card")).to_contain_text("Oat Milk")
    expect(page.locator("output")).to_have_text("0")
    page.wait_for_url("**?beta=0")

    other = new_page(width=390)
    sign_in(other, UserFactory.create(role=""))
    other.goto(f"{link}?beta=0")
    expect(other.locator(".card")).to_contain_text("Oat Milk")
    other.get_by_label("β, the weight of the collaborative arm").fill("1")
    expect(other.locator(".card")).to_contain_text("Coffee")
    assert other.get_by_role("button", name="Run again").count() == 0


@pytest.mark.parametrize("width", [1280, 390])
def test_the_pages_fit_the_window(
    new_page: Callable[..., Page], sign_in: Callable[[Page, User], None], curious: User, ranked: PipelineRun, width: int
):
    page = new_page(width=width)
    sign_in(page, curious)
    page.goto(ranked.get_absolute_url())
    page.get_by_role("button", name="Share").click()
    expect(page.locator(".run__link")).to_be_visible()

    assert too_wide(page, [f"/demo/?edit={ranked.pk}", ranked.get_absolute_url()]) == {}


def test_why_an_item_is_there_is_opened_by_keyboard_and_leads_to_the_line(
    new_page: Callable[..., Page], sign_in: Callable[[Page, User], None], curious: User
):
    items = demo_data.bought_from()
    run = demo_data.finished_run(demo_data.shopper_of(items), curious)
    page = new_page(width=390)
    sign_in(page, curious)
    page.goto(run.get_absolute_url())
    card = page.locator(".card").first

    card.get_by_text("Why this item?").press("Enter")
    expect(card.locator(".voters li")).to_have_count(3)
    expect(card.locator(".evidence mark").first).to_have_text("biscuits")
    expect(page.locator("#line-0")).to_be_hidden()
    card.get_by_role("link", name="line 1").first.press("Enter")

    expect(page.locator("#line-0")).to_be_visible()
    assert too_wide(page, [page.url]) == {}


def test_a_second_run_is_chosen_by_keyboard_and_stands_beside_the_first_as_it_is_made(
    new_page: Callable[..., Page], sign_in: Callable[[Page, User], None], curious: User
):
    run = demo_data.finished_run(demo_data.shopper_of(demo_data.bought_from()), curious, n_items=3)
    page = new_page(width=390)
    sign_in(page, curious)
    page.goto(run.get_absolute_url())

    page.get_by_role("link", name="Compare with …").press("Enter")
    page.get_by_label("β, the weight").fill("0")
    page.get_by_role("button", name="Run and compare").press("Enter")
    page.wait_for_url("**/demo/compare/**")
    expect(page.locator(".is-different")).to_contain_text(["β"])
    expect(page.locator("#items-title + span")).to_have_text("0 in both, 3 only in A, 0 only in B")
    # As a worker would: the page finds out by itself.
    made = PipelineRun.objects.exclude(pk=run.pk).get()
    PipelineRun.objects.filter(pk=made.pk).update(state=JobState.DONE, step="finished", history=run.history)
    for row in ranking(made, beta=1.0):
        row.save()

    expect(page.get_by_role("button", name="Share")).to_be_visible()
    expect(page.locator(".sides__figures")).to_contain_text("done")
    assert too_wide(page, [page.url]) == {}
