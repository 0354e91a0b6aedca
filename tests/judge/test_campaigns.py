"""Campaigns: what is drawn, with which probability, and how far they are."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from judge import campaigns, queue, sampling
from judge.models import Assignment, Campaign, CampaignUnit
from judge.services import seed_rubrics
from recommend.models import JobState, Stage
from tests.judge.factories import (
    PASSING,
    AssignmentFactory,
    CampaignFactory,
    CampaignUnitFactory,
    UserFactory,
)
from tests.recommend.factories import GenerationFactory, OutputFactory

pytestmark = pytest.mark.django_db


def test_a_finished_generation_is_enrolled_once_in_every_active_campaign_of_its_stage():
    active = CampaignFactory.create_batch(2, sampling_rate=1.0)
    CampaignFactory.create(state=Campaign.State.PAUSED)
    CampaignFactory.create(state=Campaign.State.CLOSED)
    CampaignFactory.create(stage=Stage.TAGS)
    generation = GenerationFactory.create(outputs=1)

    assert campaigns.enrol(generation.pk) == 2
    assert campaigns.enrol(generation.pk) == 0

    assert set(CampaignUnit.objects.values_list("campaign", "generation")) == {
        (campaign.pk, generation.pk) for campaign in active
    }


def test_every_unit_carries_the_probability_with_which_it_was_drawn():
    campaign = CampaignFactory.create(sampling_rate=0.3)
    for _ in range(200):
        campaigns.enrol(GenerationFactory.create(outputs=1, run__shopper__external_id=str(uuid4())).pk)

    # 200 draws at .3: below 37 or above 86 in fewer than one case of 10,000.
    assert 37 <= campaign.units.count() <= 86
    assert set(campaign.units.values_list("inclusion_probability", flat=True)) == {0.3}


def test_a_draw_depends_on_nothing_but_the_pair_and_a_higher_rate_keeps_what_was_drawn():
    campaign = uuid4()
    generations = [uuid4() for _ in range(1000)]

    low = {one for one in generations if sampling.number(campaign, one) < 0.2}
    high = {one for one in generations if sampling.number(campaign, one) < 0.6}

    assert low == {one for one in generations if sampling.number(campaign, one) < 0.2}
    assert low < high
    assert 140 < len(low) < 260
    assert all(sampling.number(campaign, one) < 1.0 for one in generations)


def test_nothing_is_enrolled_without_an_output_that_the_rules_kept():
    CampaignFactory.create()
    rejected = OutputFactory.create(rejected_by="duplicate").generation

    assert campaigns.enrol(rejected.pk) == 0
    assert campaigns.enrol(GenerationFactory.create().pk) == 0
    assert campaigns.enrol(GenerationFactory.create(outputs=1, state=JobState.FAILED).pk) == 0
    assert campaigns.enrol(uuid4()) == 0


def test_starting_a_campaign_draws_from_what_is_finished():
    seed_rubrics()
    GenerationFactory.create_batch(3, outputs=1)
    GenerationFactory.create(stage=Stage.TAGS, outputs=1)
    lead = UserFactory.create(role="lead")

    campaign = campaigns.start(name="Second look", stage=Stage.INTERESTS, overlap=2, members=[lead], by=lead)

    assert campaign.units.count() == 3
    assert (campaign.rubric.kind, campaign.created_by) == ("interest", lead)
    assert campaigns.enrol_existing(campaign) == 0


def test_opening_a_campaign_draws_from_what_finished_meanwhile():
    campaign = CampaignFactory.create()
    campaigns.set_state(campaign, Campaign.State.PAUSED)
    campaigns.enrol(GenerationFactory.create(outputs=1).pk)
    assert campaign.units.count() == 0

    campaigns.set_state(campaign, Campaign.State.ACTIVE)

    assert campaign.units.count() == 1


def test_open_to_lists_campaigns_without_members_and_those_of_the_member():
    anybody, mine, others = CampaignFactory.create_batch(3)
    person = UserFactory.create()
    mine.members.add(person)
    others.members.add(UserFactory.create())

    assert set(campaigns.open_to(person)) == {anybody, mine}


def test_progress_counts_places_of_all_campaigns_in_two_queries(django_assert_num_queries):
    campaign = CampaignFactory.create(overlap=2)
    CampaignUnitFactory.create_batch(3, campaign=campaign)
    empty = CampaignFactory.create()
    first, second, third, fourth = UserFactory.create_batch(4)
    for person in (first, second):
        held = queue.next_assignment(campaign, person)
        assert held is not None
        answers = {str(output.pk): {"labels": PASSING["interest"]} for output in held.unit.generation.outputs.all()}
        queue.submit(held, person, answers)
    queue.next_assignment(campaign, third)
    skipped = queue.next_assignment(campaign, fourth)
    assert skipped is not None
    queue.flag(skipped, fourth, "look")
    queue.skip(skipped, fourth, "no")

    with django_assert_num_queries(2):
        found = campaigns.progress_of([campaign, empty])

    # Fresh units come before second places, so the two submits are on two units.
    assert found[campaign.pk] == campaigns.Progress(
        n_units=3, n_places=6, n_submitted=2, n_in_work=1, n_units_done=0, n_skipped=1, n_flagged=1
    )
    assert found[campaign.pk].n_waiting == 3
    assert found[empty.pk] == campaigns.Progress()


def test_a_lapsed_lease_counts_as_waiting_before_anybody_swept_it():
    held = AssignmentFactory.create(lease_until=timezone.now() - timedelta(seconds=1), unit__n_taken=1)

    found = campaigns.progress(held.unit.campaign)

    assert (found.n_in_work, found.n_waiting) == (0, 1)
    assert Assignment.objects.get().state == Assignment.State.LEASED
