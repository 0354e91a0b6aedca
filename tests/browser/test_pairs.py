"""Comparing two answers in a real browser, by keyboard alone."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from judge import pairs
from judge.models import Assignment, Preference
from tests.judge.factories import UserFactory
from tests.support.browser import too_wide
from tests.support.pair_data import both_answer, comparing

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_pairs_are_compared_wholly_by_keyboard(browser_page: Page, sign_in: Callable[[Page, User], None]):
    both_answer(2)
    campaign = comparing()
    person = UserFactory.create()
    page, keys = browser_page, browser_page.keyboard
    sign_in(page, person)
    page.goto(f"/review/campaigns/{campaign.pk}/next/")
    first = Assignment.objects.get()

    keys.press("Enter")
    expect(page.locator("#messages")).to_contain_text("choose left, right, both good or both bad")
    keys.press("2")
    keys.press("c")
    keys.type("Names the brand. 1 2 3")
    keys.press("Escape")
    assert page.evaluate("document.activeElement.matches('[data-output]')")
    expect(page.locator("[data-status]")).to_have_text("Saved just now")
    sides = page.locator(".pair__answer").all_inner_texts()
    page.reload()
    assert page.locator(".pair__answer").all_inner_texts() == sides
    assert page.locator("input:checked").get_attribute("value") == "right"
    keys.press("Enter")
    page.wait_for_selector("[data-reveal]")
    assert page.get_by_text("Submitted: Right is better.").count() == 1
    assert page.locator(".pair__whose").count() == 0

    keys.press("u")
    page.wait_for_selector("[data-review]")
    assert page.locator(".pair__answer").all_inner_texts() == sides
    keys.press("1")
    keys.press("Enter")
    page.wait_for_selector("[data-reveal]")
    keys.press("m")
    page.wait_for_selector(".pair__whose")
    on_left = "careful" if pairs.a_stands_left(first) else "quick"
    expect(page.locator(".pair__whose >> nth=0")).to_contain_text(on_left)
    stored = Preference.objects.get()
    assert (pairs.side_of(stored), stored.comment) == ("left", "Names the brand. 1 2 3")

    keys.press("Enter")
    page.wait_for_selector("[data-review]")
    keys.press("3")
    keys.press("Enter")
    page.wait_for_selector("[data-reveal]")
    assert Preference.objects.filter(choice="both").count() == 1


@pytest.mark.parametrize("width", [390, 1280])
def test_the_pages_of_a_comparison_fit_the_window(
    new_page: Callable[..., Page], sign_in: Callable[[Page, User], None], lead: User, width: int
):
    both_answer(2)
    campaign = comparing()
    page = new_page(width=width, color_scheme="dark" if width == 390 else "light")
    sign_in(page, lead)
    addresses = [f"/review/campaigns/{campaign.pk}/next/", f"/campaigns/{campaign.pk}/"]
    assert too_wide(page, [*addresses, f"/campaigns/{campaign.pk}/preferences/", "/campaigns/new/"]) == {}
