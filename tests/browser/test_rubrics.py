"""The rubrics' pages in a browser: they fit on every screen, and a guideline is previewed while it is typed."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from judge import rubric_editing, services
from judge.models import Rubric
from judge.rubrics import ExampleDef
from tests.judge.factories import current_rubric
from tests.support.browser import too_wide

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def draft(lead: User) -> Rubric:
    """A draft that differs from what it was made from."""
    made = rubric_editing.new_draft(made_from=current_rubric("explanation"), by=lead)
    rules = services.definition(made)
    first, *others = rules.criteria
    example = ExampleDef("Golden crusts for your Sunday bakes", "Yes", "It speaks of this mix to this interest.")
    changed = replace(first, question="Does the explanation fit the item?", examples=(example,))
    return rubric_editing.save(made, replace(rules, criteria=(changed, *others)), edition=0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_pages_of_rubrics_fit(
    new_page: Callable[..., Page],
    sign_in: Callable[[Page, User], None],
    lead: User,
    draft: Rubric,
    width: int,
    scheme: str,
) -> None:
    page = new_page(width=width, color_scheme=scheme)
    sign_in(page, lead)

    one = f"/rubrics/{draft.pk}/"
    assert too_wide(page, ["/rubrics/", one, f"{one}edit/"]) == {}


def test_a_guideline_is_previewed_while_it_is_typed_and_the_draft_is_fixed(
    new_page: Callable[..., Page], sign_in: Callable[[Page, User], None], lead: User, draft: Rubric
) -> None:
    page = new_page()
    sign_in(page, lead)
    page.goto(f"/rubrics/{draft.pk}/edit/")

    page.get_by_label("Guideline", exact=True).first.fill("Be **fair**.")
    expect(page.locator(".rubric-markdown__preview strong").first).to_have_text("fair")

    page.get_by_role("button", name="Save the draft").click()
    page.get_by_role("button", name="Fix as a version").first.click()
    page.get_by_label("Judges go by it from now on").check()
    page.get_by_role("dialog").get_by_role("button", name="Fix as a version").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Explanations, version 3")
    assert Rubric.objects.current("explanation").pk == draft.pk


def test_a_criterion_is_opened_by_key_and_what_is_typed_in_it_is_kept_while_it_is_shut(
    new_page: Callable[..., Page], sign_in: Callable[[Page, User], None], lead: User, draft: Rubric
) -> None:
    page = new_page()
    sign_in(page, lead)
    page.goto(f"/rubrics/{draft.pk}/edit/")
    question = page.get_by_label("Question").nth(1)
    head = page.locator("summary", has_text="Criterion 2")
    expect(question).to_be_hidden()

    head.focus()
    head.press("Enter")
    question.fill("Is it true?")
    head.press("Enter")
    expect(question).to_be_hidden()
    page.get_by_role("button", name="Save the draft").click()

    expect(page.get_by_text("Is it true?").first).to_be_visible()
