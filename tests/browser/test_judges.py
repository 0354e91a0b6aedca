"""The page of judges in a browser: it fits, at every width and in both themes."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page

from judge import panels
from judge.models import Panel
from judge.panels import Seat
from judge.services import seed_rubrics
from judge.ways import Way
from recommend.roles import LEAD
from tests.judge.factories import AssessmentFactory, JudgeFactory, UserFactory
from tests.recommend.factories import LanguageModelFactory
from tests.support.browser import too_wide

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_of_judges_fits_and_changes_a_way_by_keyboard(
    new_page: Callable[..., Page], sign_in: Callable[[Page, User], None], width: int, scheme: str
):
    seed_rubrics()
    first = LanguageModelFactory.create(name="smollm2-135m-studio", role="judge", prompt_price=1, completion_price=4)
    second = LanguageModelFactory.create(name="qwen3-14b-judge-sft-2026-10", role="judge", state="candidate")
    chosen = [Seat(first, Way()), Seat(second, Way(True)), Seat(second, Way(False, "criterion"), 2.0)]
    panels.set_serving(panels.make("three of two families", vote=Panel.Vote.WEIGHTED, seats=chosen), True)
    AssessmentFactory.create(
        rater=JudgeFactory.create(language_model=first), prompt_tokens=812, completion_tokens=64, seconds=1.25
    )
    page = new_page(width=width, color_scheme=scheme)
    sign_in(page, UserFactory.create(role=LEAD, username="lead"))

    assert too_wide(page, ["/dashboard/judges/"], until="load") == {}
    row = page.get_by_role("form", name="How smollm2-135m-studio is asked")
    row.get_by_label("Calls").select_option("generation")
    row.get_by_role("button", name="Ask it so").press("Enter")
    page.get_by_text("prompt 1-generation.").wait_for()
    assert page.get_by_text("three of two families (panel)").is_visible()
