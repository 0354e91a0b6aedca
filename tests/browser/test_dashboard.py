"""The dashboard in a real browser: charts that fit, filters that stay in the address, tables and files by key."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from judge.models import Assignment, Campaign
from recommend.models import Generation
from tests.judge.factories import CampaignFactory, CampaignUnitFactory, UserFactory
from tests.judge.test_dashboard import BAD, GOOD, reviewed
from tests.support.browser import too_wide

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def weeks() -> Campaign:
    """Three weeks with enough labels, one with too few; reviews on each of the last days, and some left."""
    campaign: Campaign = CampaignFactory.create(name="Spring check", precision=0.05)
    person, now = UserFactory.create(username="anna"), timezone.now()
    for number in range(39):
        unit = reviewed(campaign, person, [GOOD, GOOD, BAD], [GOOD, GOOD, GOOD], seconds=20)
        week = 3 if number >= 36 else number % 3
        Generation.objects.filter(pk=unit.generation_id).update(created_at=now - timedelta(weeks=week))
        Assignment.objects.filter(unit=unit).update(submitted_at=now - timedelta(days=number % 13, hours=1))
    Campaign.objects.update(created_at=now - timedelta(days=14), deadline=timezone.localdate() + timedelta(days=9))
    CampaignUnitFactory.create_batch(12, campaign=campaign)
    return campaign


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_charts_fit_and_break_no_rule(
    new_page: Callable[..., Page],
    sign_in: Callable[[Page, User], None],
    lead: User,
    weeks: Campaign,
    width: int,
    scheme: str,
):
    page = new_page(width=width, color_scheme=scheme)
    sign_in(page, lead)

    assert too_wide(page, ["/dashboard/", "/dashboard/?by=kind&span=day"]) == {}
    page.goto("/dashboard/")
    expect(page.locator(".over-time__dot")).to_have_count(3)
    expect(page.locator(".over-time__gap")).to_have_count(1)
    expect(page.get_by_role("img", name="Screens left in Spring check")).to_be_visible()


def test_filters_stay_in_the_address_and_numbers_are_a_key_away(
    browser_page: Page, sign_in: Callable[[Page, User], None], lead: User, weeks: Campaign
):
    page = browser_page
    sign_in(page, lead)
    page.goto(f"/dashboard/?campaign={weeks.pk}")

    page.get_by_label("A line for").select_option("prompt")
    page.wait_for_url(f"**campaign={weeks.pk}&by=prompt*")
    expect(page.locator("figcaption", has_text="Prompt version 1")).to_be_visible()
    page.get_by_label("Periods", exact=True).select_option("month")
    page.wait_for_url("**span=month*")
    summary = page.get_by_text("As a table, with what is missing")
    summary.press("Enter")
    table = page.get_by_role("region", name="Acceptance over time").get_by_role("table")
    expect(table.get_by_role("row")).to_have_count(13)
    with page.expect_download() as downloaded:
        page.get_by_role("region", name="Acceptance over time").get_by_role("link", name="Download as CSV").press(
            "Enter"
        )
    assert downloaded.value.suggested_filename.startswith("interest-acceptance-over-time-")
