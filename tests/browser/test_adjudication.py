"""Adjudication in a real browser: from the list to the last decision by keyboard alone."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from judge.models import Resolution
from recommend.models import Output
from tests.judge.factories import FAILING, PASSING, AssessmentFactory, PersonFactory
from tests.support.browser import too_wide
from tests.support.review_data import interests_generation, judge_all, kept

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LIST = "/dashboard/adjudication/"


@pytest.fixture
def contested() -> list[Output]:
    """Three interests on which two people differ; the judge passes them."""
    generation = interests_generation()
    judge_all(generation)
    anna, ben = (PersonFactory.create(user__username=name) for name in ("anna", "ben"))
    for output in kept(generation):
        AssessmentFactory.create(output=output, rater=anna, labels=PASSING["interest"])
        AssessmentFactory.create(output=output, rater=ben, labels=FAILING["interest"], rationale="They must.")
    return kept(generation)


def test_disagreements_are_decided_by_keyboard_one_after_the_other(
    browser_page: Page, sign_in: Callable[[Page, User], None], lead: User, contested: list[Output]
):
    page, keys = browser_page, browser_page.keyboard
    sign_in(page, lead)
    page.goto(LIST)
    page.locator(".dispute a").first.press("Enter")
    page.wait_for_url(f"**{LIST}*-*/**")
    first = page.url

    keys.press("2")  # the one open question, so the reason is in focus
    expect(page.locator("#reason")).to_be_focused()
    keys.type("Diapers are needed, 1 2 3 or not.")
    keys.press("Enter")
    page.wait_for_url(lambda url: url != first)
    # The next one is there, with the focus on what is to be decided.
    expect(page.locator("[data-output][aria-current=true]")).to_be_focused()
    second = page.url
    keys.press("n")
    page.wait_for_url(lambda url: url != second)
    keys.press("1")
    keys.press("Escape")
    keys.press("4")  # a correction stays where the eyes are
    expect(page.locator("[data-output]")).to_be_focused()
    keys.press("Enter")  # without a reason it goes nowhere: the reason is asked for
    expect(page.locator("#reason")).to_be_focused()
    keys.type("The history is thin.")
    keys.press("Enter")
    page.wait_for_url(second)

    decided = list(Resolution.objects.order_by("created_at"))
    assert [one.labels for one in decided] == [
        {"willingness": "Necessity", "reasonableness": "Strong"},
        {"willingness": "Spontaneity", "reasonableness": "Weak"},
    ]
    assert [one.reason for one in decided] == ["Diapers are needed, 1 2 3 or not.", "The history is thin."]


@pytest.mark.parametrize("width", [1280, 390])
def test_the_pages_fit_their_width(
    new_page: Callable[..., Page],
    sign_in: Callable[[Page, User], None],
    lead: User,
    contested: list[Output],
    width: int,
):
    page = new_page(width=width)
    sign_in(page, lead)

    assert too_wide(page, [LIST, f"{LIST}{contested[0].pk}/"]) == {}
