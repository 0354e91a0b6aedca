"""What keeps the queue fast: few queries for each call, and nobody wades through what is not for them."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from judge import leases, queue
from judge.models import Assignment, Campaign, CampaignUnit
from tests.judge.factories import (
    PASSING,
    AssessmentFactory,
    CampaignFactory,
    CampaignUnitFactory,
    PersonFactory,
    UserFactory,
)
from tests.site.api.clients import client_of

pytestmark = pytest.mark.django_db
State = Assignment.State
N_FRONT = 50  # units that are looked at before somebody goes on from where they were


def taken(campaign: Campaign, person: User) -> CampaignUnit:
    """The unit that the queue gives, submitted at once."""
    held = queue.next_assignment(campaign, person)
    assert held is not None
    answers = {str(output.pk): {"labels": PASSING["interest"]} for output in held.kept_outputs}
    queue.submit(held, person, answers)
    return held.unit


def opened(n: int, had: dict[User, range]) -> tuple[Campaign, list[CampaignUnit]]:
    """A campaign for two people a unit, with `n` units, oldest first; those that `had` names are submitted once."""
    campaign = CampaignFactory.create(overlap=2)
    units = CampaignUnitFactory.create_batch(n, campaign=campaign)
    now = timezone.now()
    for number, unit in enumerate(units):
        unit.created_at = now - timedelta(minutes=n - number)
        unit.n_taken = unit.n_submitted = sum(number in numbers for numbers in had.values())
    CampaignUnit.objects.bulk_update(units, ["created_at", "n_taken", "n_submitted"])
    for person, numbers in had.items():
        Assignment.objects.bulk_create(
            Assignment(unit=units[number], annotator=person, state=State.SUBMITTED, lease_until=now)
            for number in numbers
        )
    return campaign, units


def test_taking_a_screen_costs_six_queries_and_submitting_it_thirteen():
    campaign = CampaignFactory.create()
    unit = CampaignUnitFactory.create(campaign=campaign)
    for output in unit.generation.outputs.all():
        AssessmentFactory.create(output=output)
    person = UserFactory.create()
    PersonFactory.create(user=person)
    client = client_of(person)
    client.post(f"/api/v1/campaigns/{campaign.pk}/next/")  # notes that the token is used, once a minute

    with CaptureQueriesContext(connection) as asked:
        screen: dict[str, Any] = client.post(f"/api/v1/campaigns/{campaign.pk}/next/").json()
    answers = {output["id"]: {"labels": PASSING["interest"]} for output in screen["outputs"]}
    with CaptureQueriesContext(connection) as submitted:
        response = client.post(f"/api/v1/assignments/{screen['id']}/submit/", {"answers": answers})

    assert response.status_code == 200
    assert len(response.json()["assessments"]) == 4
    # Token with roles, campaign, the lease, the screen, its outputs, the audit log.
    assert len(asked) == 6
    # Token with roles, the screen, its outputs; in a transaction the lock, rater, revisions, labels, the submit, the
    # audit log, who is told of it; then the assessments. The rubric is read once a process.
    assert len(submitted) == 13


def test_who_has_had_all_that_is_open_at_the_front_goes_on_behind_it():
    person, other = UserFactory.create_batch(2)
    campaign, units = opened(N_FRONT + 9, {person: range(N_FRONT + 5), other: range(N_FRONT + 5, N_FRONT + 9)})

    assert [taken(campaign, person) for _ in range(4)] == units[-4:]
    assert queue.next_assignment(campaign, person) is None


def test_who_is_at_the_end_comes_around_to_what_lies_between():
    person, other = UserFactory.create_batch(2)
    left = N_FRONT + 5
    campaign, units = opened(left + 60, {other: range(left, left + 1), person: range(left)})
    Assignment.objects.bulk_create(
        Assignment(unit=unit, annotator=person, state=State.SUBMITTED, lease_until=timezone.now())
        for unit in units[left + 1 :]
    )
    CampaignUnit.objects.filter(pk__in=[unit.pk for unit in units[left + 1 :]]).update(n_taken=1, n_submitted=1)

    assert taken(campaign, person) == units[left]


def test_what_comes_back_at_the_front_is_given_before_what_is_new():
    person, other = UserFactory.create_batch(2)
    campaign, units = opened(12, {})
    first = queue.next_assignment(campaign, other)
    assert first is not None
    for _ in range(3):
        taken(campaign, person)

    queue.release(first, other)

    assert taken(campaign, person) == units[0]


def test_a_lease_of_a_campaign_is_renewed_by_the_statement_that_gives_one():
    unit = CampaignUnitFactory.create(campaign__lease_s=600)
    person = UserFactory.create()
    held = leases.take(unit.campaign, person)
    Assignment.objects.update(lease_until=timezone.now())

    assert leases.take(unit.campaign, person) == held

    assert Assignment.objects.get().lease_until > timezone.now() + timedelta(seconds=500)


def test_a_lease_outlives_the_deadline_and_nothing_new_is_given_after_it():
    campaign = CampaignFactory.create()
    CampaignUnitFactory.create_batch(2, campaign=campaign)
    early, late = UserFactory.create_batch(2)
    held = leases.take(campaign, early)

    Campaign.objects.update(deadline=timezone.localdate() - timedelta(days=1))

    assert leases.take(campaign, early) == held
    assert leases.take(campaign, late) is None
