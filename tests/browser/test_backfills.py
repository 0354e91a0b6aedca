"""The pages of backfills in a browser: they fit, an estimate follows what is typed, and progress comes by itself."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from judge.backfills import runner
from judge.frames import Population
from judge.models import Backfill, Rater, Rubric
from judge.services import rater_for_model, seed_rubrics
from judge.ways import Way
from recommend.models import LanguageModel, Stage
from tests.judge.factories import PASSING
from tests.recommend.factories import GenerationFactory, LanguageModelFactory
from tests.support.browser import too_wide
from tests.support.recorded_engine import RecordedEngine

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def judge() -> Rater:
    seed_rubrics()
    model = LanguageModelFactory.create(
        name="smollm2-135m-studio", role=LanguageModel.Role.JUDGE, prompt_price=1, completion_price=2
    )
    GenerationFactory.create_batch(6, outputs=5)
    return rater_for_model(model, Way().version)


def begun(judge: Rater, max_calls: int) -> Backfill:
    return runner.prepare(judge, Rubric.objects.current("interest"), Population(Stage.INTERESTS), max_calls=max_calls)


def asked_on(backfill: Backfill) -> None:
    """Another batch of answers."""
    runner.advance(backfill.pk, RecordedEngine(lambda request: PASSING["interest"] | {"rationale": "It shows."}))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_fits(
    new_page: Callable[..., Page],
    sign_in: Callable[[Page, User], None],
    lead: User,
    judge: Rater,
    width: int,
    scheme: str,
):
    ended = begun(judge, 5)
    asked_on(ended)
    asked_on(ended)  # finds the budget used up
    paused = begun(judge, 100)
    asked_on(paused)
    runner.pause(paused)
    page = new_page(width=width, color_scheme=scheme)
    sign_in(page, lead)

    home = "/dashboard/judges/backfills/"
    assert too_wide(page, [home, f"{home}new/", ended.get_absolute_url(), paused.get_absolute_url()]) == {}


def test_a_backfill_is_estimated_started_and_followed(
    browser_page: Page, sign_in: Callable[[Page, User], None], lead: User, judge: Rater
):
    page = browser_page
    sign_in(page, lead)
    page.goto("/dashboard/judges/backfills/new/")
    expect(page.locator("#estimate")).to_contain_text("30 of 30 outputs would be asked about")

    page.get_by_label("Most calls").fill("20")
    page.get_by_label("Most calls").press("Tab")
    expect(page.locator("#estimate")).to_contain_text("enough for about 20 outputs")
    page.get_by_role("button", name="Start asking").click()
    expect(page.get_by_role("status")).to_contain_text("0 of 30")

    backfill = Backfill.objects.get()
    asked_on(backfill)
    expect(page.get_by_role("status")).to_contain_text("15 of 30")
    asked_on(backfill)
    asked_on(backfill)
    expect(page.get_by_role("heading", name="Report")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("budget used up")
