"""Every page at both widths and in both themes: nothing wider than the screen, nothing blocked, all in reach."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page

from judge import queue
from tests.judge.factories import PASSING
from tests.support.browser import too_wide
from tests.support.review_data import campaign, full_run, judge_all, kept

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def pages(lead: User) -> list[str]:
    """The addresses of all pages, with something on each."""
    made = campaign(n_units=3)
    run = full_run(by=lead)
    for generation in (*run.generations, *(unit.generation for unit in made.units.all())):
        judge_all(generation)
    done = queue.next_assignment(made, lead)
    assert done is not None
    answers = {str(one.pk): {"labels": PASSING["interest"]} for one in kept(done.unit.generation)}
    queue.submit(done, lead, answers, 20)
    held = queue.next_assignment(made, lead)
    assert held is not None
    return [
        "/review/",
        done.get_absolute_url(),
        held.get_absolute_url(),
        "/demo/",
        run.run.get_absolute_url(),
        f"{run.run.get_absolute_url()}compare/",
        f"/demo/compare/{run.run.pk}/with/{run.run.pk}/",
        f"{run.run.get_absolute_url()}exposure/",
        f"{run.run.get_absolute_url()}why/{run.run.recommendations.earliest('rank').item_id}/",
        "/dashboard/",
        "/dashboard/outputs/?criterion=overall&human=pass&judge_label=pass",
        "/dashboard/export/",
        "/api/docs/",
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_fits_and_breaks_no_rule(
    new_page: Callable[..., Page],
    sign_in: Callable[[Page, User], None],
    lead: User,
    pages: list[str],
    width: int,
    scheme: str,
):
    page = new_page(width=width, color_scheme=scheme)  # fails on an error in the console, a blocked script included
    sign_in(page, lead)

    assert too_wide(page, pages) == {}


def test_the_skip_link_comes_first_and_focus_can_be_seen(
    browser_page: Page, sign_in: Callable[[Page, User], None], lead: User, pages: list[str]
):
    page = browser_page
    sign_in(page, lead)
    page.goto("/demo/")

    page.keyboard.press("Tab")
    first = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")

    assert first == "Skip to the content"
    assert outline == "solid"


def test_controls_are_thumb_sized_on_a_phone(
    new_page: Callable[..., Page], sign_in: Callable[[Page, User], None], lead: User, pages: list[str]
):
    page = new_page(width=390)
    sign_in(page, lead)
    page.goto(pages[2])

    heights = page.evaluate(
        """[...document.querySelectorAll('.output--open .seg__option, .review__foot .button, .site-nav a')]
        .map((one) => Math.round(one.getBoundingClientRect().height))"""
    )

    assert min(heights) >= 36
    assert page.locator("[data-evidence][open]").count() == 0  # the evidence folds to a line


def test_a_history_that_is_higher_than_the_window_scrolls_inside_its_panel(
    new_page: Callable[..., Page], sign_in: Callable[[Page, User], None], lead: User, pages: list[str]
):
    page = new_page(height=260)
    sign_in(page, lead)
    page.goto(pages[2])

    last, panel, scrolled = page.evaluate(
        """() => {
            const panel = document.querySelector("[data-evidence]");
            const last = [...panel.querySelectorAll("li, p")].pop();
            last.scrollIntoView({ block: "nearest" });
            const bottoms = [last, panel].map((one) => Math.round(one.getBoundingClientRect().bottom));
            return [...bottoms, panel.scrollTop];
        }"""
    )

    assert last <= panel
    assert scrolled > 0
