"""The page of two prompt versions in a browser: it fits, and another choice is a few keys away."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from recommend.models import JobState
from tests.recommend.factories import GenerationFactory, OutputFactory, PipelineRunFactory, ShopperFactory
from tests.support.browser import too_wide

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ADDRESS = "/prompts/?stage=interests&a=1&b=2"


@pytest.fixture(autouse=True)
def compared() -> None:
    """Three shoppers who were asked about by three versions."""
    for number in range(3):
        shopper = ShopperFactory.create()
        for version in ("1", "2", "3"):
            run = PipelineRunFactory.create(shopper=shopper)
            generation = GenerationFactory.create(run=run, prompt_version=version, outputs=2, latency_s=float(version))
            OutputFactory.create(
                generation=generation,
                position=9,
                text=f"an interest of version {version} that goes on for longer than it should, number {number}",
                rejected_by="length",
                rejected_because="14 words; 1 to 6 are wanted.",
            )
    failed = GenerationFactory.create(run=PipelineRunFactory.create(shopper=shopper), prompt_version="2")
    failed.state, failed.error = JobState.FAILED, "The answer was cut at 768 tokens."
    failed.save()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits(
    new_page: Callable[..., Page], sign_in: Callable[[Page, User], None], lead: User, width: int, scheme: str
):
    page = new_page(width=width, color_scheme=scheme)
    sign_in(page, lead)

    assert too_wide(page, [ADDRESS, "/prompts/?stage=tags"]) == {}


def test_another_choice_is_made_by_keyboard(browser_page: Page, sign_in: Callable[[Page, User], None], lead: User):
    page = browser_page
    sign_in(page, lead)
    page.goto("/demo/")
    page.get_by_role("link", name="Prompts", exact=True).click()
    expect(page.get_by_role("heading", name="Figures")).to_be_visible()

    page.get_by_label("Version A").focus()
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Compare").press("Enter")

    expect(page.get_by_role("columnheader", name="A: version 1")).to_be_visible()
    assert "a=1" in page.url
