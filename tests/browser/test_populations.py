"""The pages of population jobs in a browser: they fit, a count follows what is typed, and progress comes by itself."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from recommend.engines.types import ChatRequest, EngineError
from recommend.models import PopulationJob
from recommend.populations import services
from tests.recommend.populations import material
from tests.recommend.populations.material import good, made, started, worked, written_down
from tests.support.browser import too_wide
from tests.support.recorded_engine import Answer, RecordedEngine

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def models() -> None:
    material.serving(prompt_price=1, completion_price=2)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_fits(
    new_page: Callable[..., Page], sign_in: Callable[[Page, User], None], lead: User, width: int, scheme: str
):
    made(6, age="25-34")

    def mixed(request: ChatRequest) -> Answer:
        return EngineError("truncated", "The answer was cut at 768 tokens.") if request.key < "8" else good(request)

    ended = worked(started("age=25-34"), RecordedEngine(mixed))
    paused = started("all sample=1", stages="interests")
    services.pause(paused)
    page = new_page(width=width, color_scheme=scheme)
    sign_in(page, lead)

    pages = ["/populations/", "/populations/new/", ended.get_absolute_url(), paused.get_absolute_url()]
    assert too_wide(page, pages) == {}


def test_a_job_is_counted_started_and_followed(browser_page: Page, sign_in: Callable[[Page, User], None], lead: User):
    made(3, age="25-34")
    page = browser_page
    sign_in(page, lead)
    page.goto("/demo/")
    page.get_by_role("link", name="Many shoppers").click()
    page.get_by_role("link", name="New population job").click()
    expect(page.locator("#count")).to_contain_text("3 shoppers")

    page.get_by_role("textbox", name="Shoppers").fill("agee=25-34")
    expect(page.locator("#count")).to_contain_text("Did you mean “age”?")
    page.get_by_role("textbox", name="Shoppers").fill("age=25-34")
    expect(page.locator("#count")).to_contain_text("3 shoppers")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("status")).to_contain_text("The shoppers are being chosen")

    population = PopulationJob.objects.get()
    written_down(population)
    expect(page.get_by_role("status")).to_contain_text("0 of 3")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused: nothing is made")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    worked(population, RecordedEngine(good))
    expect(page.get_by_role("heading", name="Report")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("3 of 3")
