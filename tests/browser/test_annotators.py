"""The pages of annotators and of gold in a browser: they fit, on a phone too."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page

from recommend.roles import LEAD
from tests.judge.factories import FAILING, PASSING, CampaignFactory, UserFactory
from tests.judge.test_annotators import gold_units, reviewed, sampled
from tests.support.browser import too_wide

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("width", [1280, 390])
def test_the_pages_of_annotators_and_gold_fit(
    new_page: Callable[..., Page], sign_in: Callable[[Page, User], None], width: int
):
    campaign = CampaignFactory.create(gold_share=0.5, overlap=3)
    people = [UserFactory.create(username=name) for name in ("ann", "ben-with-a-rather-long-name")]
    units = gold_units(campaign, 6)
    for unit in [*units, *sampled(campaign, 6)]:
        for person, labels in zip(people, (PASSING, FAILING), strict=True):
            reviewed(unit, person, labels["interest"], 20)
    page = new_page(width=width, color_scheme="dark" if width == 390 else "light")
    sign_in(page, UserFactory.create(username="lead", role=LEAD))

    views = ("annotators/", "gold/", f"gold/generations/{units[0].generation_id}/")
    assert too_wide(page, [f"/dashboard/{view}" for view in views]) == {}
