"""The campaign pages in a browser: fit on every screen, previewed while typing, steered by the keyboard."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from judge import campaigns, queue
from judge.models import Campaign
from recommend.models import Stage
from tests.judge.factories import UserFactory, current_rubric
from tests.recommend.factories import GenerationFactory, LanguageModelFactory
from tests.support.browser import too_wide

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def made(lead: User) -> Campaign:
    """A stratified campaign with a skipped and a flagged screen."""
    current_rubric("interest")
    for name, n in (("studio-large", 9), ("studio-small", 3)):
        GenerationFactory.create_batch(n, outputs=2, model=LanguageModelFactory.create(name=name))
    made = campaigns.start(
        name="Spring check of the interests",
        stage=Stage.INTERESTS,
        plan="stratified",
        strata_by="model",
        allocation="equal",
        size=6,
        overlap=2,
        guidelines="Mind **brands**:\n\n- ours\n- others",
        by=lead,
    )
    held = queue.next_assignment(made, UserFactory.create(username="anna"))
    assert held is not None
    queue.flag(held, held.annotator, "The history names an item that the catalogue does not have.")
    queue.skip(held, held.annotator, "I know this shopper.")
    campaigns.set_state(
        campaigns.start(name="Autumn check", stage=Stage.INTERESTS, sampling_rate=0.5, by=lead), Campaign.State.PAUSED
    )
    return made


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_campaign_pages_fit(
    new_page: Callable[..., Page],
    sign_in: Callable[[Page, User], None],
    lead: User,
    made: Campaign,
    width: int,
    scheme: str,
):
    page = new_page(width=width, color_scheme=scheme)
    sign_in(page, lead)

    one = f"/campaigns/{made.pk}/"
    assert too_wide(page, ["/campaigns/", one, f"/campaigns/new/?from={made.pk}", f"{one}extend/"]) == {}


def test_a_campaign_is_previewed_while_typing_and_closed_by_the_keyboard(
    browser_page: Page, sign_in: Callable[[Page, User], None], lead: User, made: Campaign
):
    page = browser_page
    sign_in(page, lead)
    page.goto(f"/campaigns/new/?from={made.pk}")
    preview = page.locator("#preview")
    expect(preview).to_contain_text("6 of 12 finished generations would be drawn")
    size = page.get_by_label("Generations", exact=True)
    size.fill("99")
    size.press("Tab")
    expect(preview).to_contain_text("Only 12 generations are finished, fewer than 99.")

    page.goto(f"/campaigns/{made.pk}/")
    page.keyboard.press("x")
    expect(page.get_by_role("dialog")).to_contain_text("Close this campaign?")
    page.keyboard.press("Enter")
    expect(page.locator("#messages")).to_contain_text("is closed: no more answers are taken")

    made.refresh_from_db()
    assert made.state == Campaign.State.CLOSED
