"""The consensus page and an alert in a real browser: nothing is wider than a phone, and an alert is acknowledged."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from judge.models import Alert, Rater
from recommend.models import Output
from tests.judge.factories import JudgeFactory, PersonFactory, current_rubric
from tests.judge.test_consensus import BAD, GOOD, label
from tests.recommend.factories import OutputFactory
from tests.support.browser import too_wide

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PAGE = "/dashboard/consensus/?kind=interest&criterion=willingness"


@pytest.fixture
def judge() -> Rater:
    return JudgeFactory.create()


@pytest.fixture
def reviewed(judge: Rater) -> list[Output]:
    """Outputs of 32 shoppers that two people and the judge labelled."""
    people = [PersonFactory.create(user__username=name) for name in ("anna", "a-name-as-long-as-they-get-in-an-office")]
    outputs = OutputFactory.create_batch(32)
    for number, output in enumerate(outputs):
        for person in people:
            label(person, output, BAD if number % 3 == 0 else GOOD)
        label(judge, output, GOOD if number % 2 else BAD)
    return outputs


@pytest.mark.parametrize("width", [390, 1280])
def test_the_consensus_fits_the_screen(
    new_page: Callable[..., Page],
    sign_in: Callable[[Page, User], None],
    lead: User,
    reviewed: list[Output],
    width: int,
):
    page = new_page(width=width, color_scheme="dark" if width == 390 else "light")
    sign_in(page, lead)

    assert too_wide(page, [PAGE]) == {}

    page.goto(PAGE)
    expect(page.get_by_role("heading", name="Raters: willingness")).to_be_visible()
    page.get_by_role("link", name="All together").press("Enter")
    expect(page.get_by_role("heading", name="Raters: all together")).to_be_visible()


def test_an_alert_is_acknowledged_by_keyboard(
    browser_page: Page, sign_in: Callable[[Page, User], None], lead: User, judge: Rater
):
    rubric = current_rubric("interest")
    alert = Alert.objects.create(
        signal="drift", rater=judge, rubric=rubric, about="2026-01-05", message="It differs more.", facts={}
    )
    sign_in(browser_page, lead)
    assert too_wide(browser_page, ["/dashboard/"]) == {}

    browser_page.goto("/dashboard/")
    browser_page.get_by_label("What you found or did").focus()
    browser_page.keyboard.type("Seen.")
    browser_page.keyboard.press("Enter")

    expect(browser_page.get_by_text("Acknowledged. The next change is a new alert.")).to_be_visible()
    alert.refresh_from_db()
    assert (alert.note, alert.acknowledged_by) == ("Seen.", lead)
