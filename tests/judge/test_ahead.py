"""The next screen, fetched while the last one is compared: held for a short time, and never a place too many."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from judge import queue
from judge.models import Assignment, Campaign, CampaignUnit
from judge.views import AHEAD_S
from tests.judge.factories import CampaignFactory, CampaignUnitFactory, UserFactory
from tests.support.review_data import campaign

pytestmark = pytest.mark.django_db


def ahead(made: Campaign) -> str:
    return f"/review/campaigns/{made.pk}/ahead/"


def seconds_left() -> float:
    return (Assignment.objects.get().lease_until - timezone.now()).total_seconds()


def test_it_is_the_screen_that_next_gives_and_is_held_for_a_short_time(client: Client, annotator: User):
    made = campaign(name="Spring check")

    answer = client.post(ahead(made))

    held = Assignment.objects.get()
    assert answer.status_code == 200
    assert answer.headers["Content-Location"] == held.get_absolute_url()
    assert answer.headers["X-Held-S"] == str(AHEAD_S)
    assert f'data-review="{held.pk}"' in answer.content.decode()
    assert AHEAD_S - 5 < seconds_left() <= AHEAD_S
    assert queue.next_assignment(made, annotator) == held


def test_going_on_holds_it_for_the_campaigns_time_and_looking_ahead_again_takes_none_of_that(
    client: Client, annotator: User
):
    made = campaign()
    client.post(ahead(made))

    client.post(Assignment.objects.get().get_absolute_url() + "heartbeat/")
    assert seconds_left() > made.lease_s - 5

    client.post(ahead(made))
    assert seconds_left() > made.lease_s - 5


def test_who_reads_on_keeps_nobody_from_it(client: Client, annotator: User):
    unit = CampaignUnitFactory.create()
    client.post(ahead(unit.campaign))
    other = UserFactory.create()
    assert queue.next_assignment(unit.campaign, other) is None

    Assignment.objects.update(lease_until=timezone.now() - timedelta(seconds=1))  # as if AHEAD_S had passed

    taken = queue.next_assignment(unit.campaign, other)
    assert taken is not None
    assert taken.unit == unit
    assert CampaignUnit.objects.get().n_taken == 1
    assert client.post(Assignment.objects.get(annotator=annotator).get_absolute_url() + "heartbeat/").status_code == 410


def test_where_nothing_is_left_there_is_nothing_ahead(client: Client, annotator: User):
    assert client.post(ahead(campaign(n_units=0))).status_code == 204


def test_a_campaign_of_others_and_a_get_give_nothing(client: Client, annotator: User):
    made = CampaignFactory.create()
    assert client.get(ahead(made)).status_code == 405

    made.members.add(UserFactory.create())
    assert client.post(ahead(made)).status_code == 404
