"""The pages of proposed edits in a browser: they fit on every screen, and a proposal is made, tried and switched on."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from judge.models import Proposal, Rubric, Trial
from judge.proposals import trials
from judge.proposals.proposing import propose
from tests.judge.proposals.material import finished, learning, serving_judge, tried, world
from tests.support.browser import too_wide

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def lead() -> User:
    return world(serving_judge(), n_shoppers=20)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_pages_of_proposals_fit(
    new_page: Callable[..., Page],
    sign_in: Callable[[Page, User], None],
    lead: User,
    width: int,
    scheme: str,
) -> None:
    tried(propose("interest", by=lead, seed=1), learning())
    fresh = propose("interest", by=lead, seed=2)
    page = new_page(width=width, color_scheme=scheme)
    sign_in(page, lead)

    found = Proposal.objects.exclude(pk=fresh.pk).get()
    addresses = ["/rubrics/proposals/", found.get_absolute_url(), fresh.get_absolute_url(), "/rubrics/"]
    assert too_wide(page, [*addresses, f"/rubrics/{found.draft_id}/"]) == {}


def test_a_proposal_is_made_tried_and_switched_on(
    new_page: Callable[..., Page], sign_in: Callable[[Page, User], None], lead: User
) -> None:
    page = new_page()
    sign_in(page, lead)
    page.goto("/dashboard/adjudication/?kind=interest&state=all")
    page.get_by_role("link", name="Propose an edit of the judge’s prompt").click()
    page.get_by_role("button", name="Propose an edit").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Proposed edit of Interests v1")
    expect(page.locator("ins").first).to_be_visible()

    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("status")).to_contain_text("0 of 64 questions answered")
    trial = Trial.objects.get()
    trials.advance(trial.pk, learning())
    expect(page.get_by_role("status")).to_contain_text("16 of 64 questions answered")
    finished(trial, learning())

    # The progress asks for itself, and the page loads anew once it has ended.
    expect(page.locator(".note--ok")).to_contain_text("Better: 100% instead of 50%")
    page.get_by_role("button", name="Switch it on").click()
    expect(page.locator(".page__head .pill")).to_have_text("switched on")
    assert Rubric.objects.current("interest").pk == Proposal.objects.get().draft_id
