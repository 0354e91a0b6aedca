"""How far a campaign is, how fast a person goes in it, and whether it has work: right, and at one cost anywhere."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from judge import campaigns, leases, queue, undo, worklist
from judge.models import Assignment, Campaign, CampaignUnit
from judge.pace import Pace, pace, paces
from tests.judge.factories import PASSING, AssessmentFactory, CampaignFactory, CampaignUnitFactory, UserFactory
from tests.recommend.factories import GenerationFactory
from tests.site.api.clients import client_of

pytestmark = pytest.mark.django_db


def with_units(n: int, **options: Any) -> Campaign:
    """A campaign with so many units."""
    made: Campaign = CampaignFactory.create(**options)
    CampaignUnitFactory.create_batch(n, campaign=made)
    return made


def reviewed(campaign: Campaign, person: User, seconds: float = 20) -> Assignment:
    """The next screen of a person, submitted."""
    held = queue.next_assignment(campaign, person)
    assert held is not None
    queue.submit(held, person, {str(one.pk): {"labels": PASSING["interest"]} for one in held.kept_outputs}, seconds)
    return held


def test_everybodys_work_is_counted_and_ones_own_apart():
    campaign = with_units(3, overlap=2)
    person, other = UserFactory.create_batch(2)
    for seconds in (10, 90, 20):
        reviewed(campaign, person, seconds)
    last = reviewed(campaign, other, 50)

    assert pace(campaign, person) == Pace(n_places=6, n_submitted=4, n_own=3, seconds=20)
    assert pace(campaign, other) == Pace(n_places=6, n_submitted=4, n_own=1, seconds=50)
    undo.undo(last, other)
    assert pace(campaign, other) == Pace(n_places=6, n_submitted=3, n_own=0, seconds=None)


def test_the_time_is_of_this_campaign_and_of_screens_that_were_timed():
    campaign, elsewhere = with_units(3), with_units(1)
    person = UserFactory.create()
    for seconds in (30, 0, 50):
        reviewed(campaign, person, seconds)
    reviewed(elsewhere, person, 400)

    assert pace(campaign, person).seconds == 40


def test_it_is_right_with_nothing_there_and_never_more_done_than_there_is():
    empty = CampaignFactory.create()
    person = UserFactory.create()
    assert pace(empty, person) == Pace(0, 0, 0, None)

    CampaignUnitFactory.create(campaign=empty)
    assert pace(empty, person).n_places == 1

    CampaignUnitFactory.create(campaign=empty)
    for _ in range(2):
        reviewed(empty, person)
    assert pace(empty, person).n_places == 2  # the figure looked up a moment ago was 1


def test_asked_again_it_reads_no_units_and_as_little_for_many_campaigns_as_for_one():
    made = [with_units(2) for _ in range(3)]
    person = UserFactory.create()
    paces(made, person)

    with CaptureQueriesContext(connection) as asked:
        paces(made, person)

    assert len(asked) == 2
    times, tallies = asked.captured_queries
    assert "LIMIT 100" in times["sql"]
    assert "judge_campaignunit" not in tallies["sql"]


@pytest.mark.parametrize(("overlap", "n_for_them"), [(1, 2), (2, 3)])
def test_a_campaign_has_work_as_long_as_the_queue_would_give_some(overlap: int, n_for_them: int):
    campaign = with_units(3, overlap=overlap)
    person, other = UserFactory.create_batch(2)
    reviewed(campaign, other)

    while leases.is_free(campaign, person):
        assert worklist.rows(person)[0].has_work
        reviewed(campaign, person)

    assert queue.next_assignment(campaign, person) is None
    assert not worklist.rows(person)[0].has_work
    assert pace(campaign, person).n_own == n_for_them


def test_what_lapsed_and_nobody_took_back_is_work_and_what_others_hold_is_none():
    unit = CampaignUnitFactory.create()
    queue.next_assignment(unit.campaign, UserFactory.create())
    person = UserFactory.create()
    assert not worklist.rows(person)[0].has_work

    Assignment.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    assert worklist.rows(person)[0].has_work
    assert CampaignUnit.objects.get().n_taken == 0


def test_a_verdict_offers_a_generation_only_to_the_plans_that_go_by_it():
    generation = GenerationFactory.create(outputs=1)
    CampaignFactory.create()
    unsure = CampaignFactory.create(plan=Campaign.Plan.UNCERTAINTY, uniform_floor=1)
    AssessmentFactory.create(output=generation.outputs.get())

    assert campaigns.enrol_judged(generation.pk) == 1

    assert CampaignUnit.objects.get().campaign == unsure


def test_the_screen_and_the_api_say_it(client: Any):
    campaign = with_units(3)
    person = UserFactory.create()
    for seconds in (20, 44):
        reviewed(campaign, person, seconds)
    client.force_login(person)

    page = client.get(f"/review/campaigns/{campaign.pk}/next/", follow=True).content.decode()
    listed = client.get("/review/").content.decode()
    told = client_of(person).get(f"/api/v1/campaigns/{campaign.pk}/pace/").json()

    assert "2 by you · " in page
    assert "32 s each" in page
    assert "2 of 3 done by all · 2 by you, 32 s each" in listed
    assert told == {"n_places": 3, "n_submitted": 2, "n_own": 2, "seconds": 32.0}
