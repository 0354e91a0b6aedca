"""Queueing a campaign's units again under another version of the rubric."""

import pytest
from django.test import Client

from judge import campaigns, comparison, queue, requeue, rubric_editing
from judge.comparison import Filters
from judge.models import Assessment, Campaign, Rubric
from judge.plans import PlanError
from recommend.models import Stage
from tests.judge.factories import PASSING, current_rubric
from tests.recommend.factories import GenerationFactory
from tests.site.api.clients import annotator as annotator_client
from tests.site.api.clients import lead as lead_client
from tests.site.api.clients import problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    current_rubric("interest")
    GenerationFactory.create_batch(4, outputs=2)
    return campaigns.start(name="Spring", stage=Stage.INTERESTS, sampling_rate=1.0, guidelines="Mind the season.")


@pytest.fixture
def newer(campaign: Campaign, lead) -> Rubric:
    draft = rubric_editing.new_draft(made_from=campaign.rubric, by=lead)
    return rubric_editing.fix(draft, by=lead, in_use=True)


def label(campaign: Campaign, person) -> list[Assessment]:
    work = queue.next_assignment(campaign, person)
    assert work is not None
    answers = {str(one.pk): {"labels": PASSING["interest"]} for one in work.kept_outputs}
    return queue.submit(work, person, answers)


def test_the_campaign_says_how_many_labels_are_of_the_old_version(campaign, newer, person):
    label(campaign, person)

    found = requeue.versions(campaign)

    assert (found.n_labels, found.n_units, found.in_use, found.newer) == (2, 1, newer, (newer,))
    assert found.is_old


def test_nothing_is_old_while_the_version_is_the_one_in_use(campaign, person):
    label(campaign, person)

    found = requeue.versions(campaign)

    assert (found.is_old, found.newer) == (False, ())


def test_a_person_gets_again_first_what_they_labelled_and_never_twice_under_one_version(campaign, newer, lead, person):
    old = label(campaign, person)

    again = requeue.again(campaign, newer, by=lead)

    new = label(again, person)
    assert [one.output for one in new] == [one.output for one in old]
    assert [(one.rubric, one.revision, one.blind) for one in new] == [(newer, 1, True)] * 2
    for _ in range(3):
        label(again, person)
    assert queue.next_assignment(again, person) is None
    assert again.units.filter(n_taken__gt=again.overlap).count() == 0


def test_the_old_labels_stay_and_do_not_count_under_the_new_version(campaign, newer, lead, person):
    old = label(campaign, person)
    again = requeue.again(campaign, newer, by=lead)

    kept = Assessment.objects.filter(pk__in=[one.pk for one in old])
    assert {(one.rubric_id, one.labels["willingness"]) for one in kept} == {(campaign.rubric_id, "Spontaneity")}
    assert comparison.reviews_of(Filters("interest", campaign=again.pk), newer).count() == 0
    assert comparison.reviews_of(Filters("interest"), newer).count() == 0
    assert comparison.reviews_of(Filters("interest"), campaign.rubric).count() == 2


def test_every_label_says_which_guidelines_it_was_given_under(campaign, newer, lead, person):
    old = label(campaign, person)
    again = requeue.again(campaign, newer, by=lead, guidelines="Mind the weather.")
    new = label(again, person)

    given = [
        Assessment.objects.select_related("assignment__unit__campaign").get(pk=one[0].pk).assignment
        for one in (old, new)
    ]
    assert [one.unit.campaign.guidelines for one in given if one] == ["Mind the season.", "Mind the weather."]


def test_it_follows_with_the_same_units_and_probabilities_and_the_old_one_is_paused(lead):
    current_rubric("interest")
    GenerationFactory.create_batch(40, outputs=1)
    half = campaigns.start(name="Half", stage=Stage.INTERESTS, sampling_rate=0.5, overlap=2)
    draft = rubric_editing.new_draft(made_from=half.rubric, by=lead)

    again = requeue.again(half, rubric_editing.fix(draft, by=lead), by=lead)

    units = [set(one.units.values_list("generation", "inclusion_probability")) for one in (half, again)]
    assert 0 < len(units[0]) < 40
    assert units[0] == units[1]
    half.refresh_from_db()
    assert (half.state, again.state, again.overlap, again.follows) == ("paused", "active", 2, half)
    assert again.name == "Half, version 2"

    # What was not drawn stays undrawn, and what finishes later is drawn by the same lots.
    later = [GenerationFactory.create(outputs=1) for _ in range(20)]
    campaigns.set_state(half, Campaign.State.ACTIVE)
    campaigns.set_state(again, Campaign.State.ACTIVE)
    drawn = [set(one.units.values_list("generation", flat=True)) for one in (half, again)]
    assert drawn[0] == drawn[1]
    assert drawn[0] & {one.pk for one in later}


def test_what_is_in_hand_can_still_be_submitted_under_its_own_version(campaign, newer, lead, person):
    held = queue.next_assignment(campaign, person)
    assert held is not None
    requeue.again(campaign, newer, by=lead)

    stored = queue.submit(held, person, {str(one.pk): {"labels": PASSING["interest"]} for one in held.kept_outputs})

    assert {one.rubric_id for one in stored} == {campaign.rubric_id}


def test_units_are_never_queued_twice_under_one_version(campaign, newer, lead):
    again = requeue.again(campaign, newer, by=lead)

    for one, rubric in ((campaign, newer), (again, campaign.rubric), (campaign, campaign.rubric)):
        with pytest.raises(PlanError, match="were queued under “Interests v"):
            requeue.again(one, rubric, by=lead)


@pytest.mark.parametrize("kind", ["tag", "explanation"])
def test_a_rubric_of_another_kind_is_refused(campaign, lead, kind):
    with pytest.raises(PlanError, match="or it is for another kind of output"):
        requeue.again(campaign, current_rubric(kind), by=lead)


def test_a_draft_is_refused(campaign, lead):
    with pytest.raises(PlanError, match="not fixed yet"):
        requeue.again(campaign, rubric_editing.new_draft(made_from=campaign.rubric, by=lead), by=lead)


def test_a_plan_that_goes_by_the_judge_is_refused(campaign, newer, lead):
    Campaign.objects.update(plan=Campaign.Plan.UNCERTAINTY)

    with pytest.raises(PlanError, match="how sure the judge was under Interests v1"):
        requeue.again(campaign, newer, by=lead)


def test_a_lead_queues_again_on_the_campaigns_page(client: Client, campaign, newer, lead, person):
    label(campaign, person)
    client.force_login(lead)
    page = client.get(f"/campaigns/{campaign.pk}/").content.decode()
    assert "The 2 labels of 1 generation here are of version 1; in use is now" in page

    page = client.post(
        f"/campaigns/{campaign.pk}/again/", {"rubric": str(newer.pk), "guidelines": "New."}, follow=True
    ).content.decode()

    made = Campaign.objects.get(follows=campaign)
    assert made.guidelines == "New."
    assert "4 generations of “Spring” are queued again in “Spring, version 2”." in page
    assert "are queued again here" in page
    old = client.get(f"/campaigns/{campaign.pk}/").content.decode()
    assert "The units are queued again under version 2 in" in old
    refused = client.post(f"/campaigns/{campaign.pk}/again/", {"rubric": str(newer.pk)}, follow=True)
    assert "were queued under “Interests v2” already" in refused.content.decode()


def test_an_annotator_queues_nothing_again(client: Client, campaign, newer, person):
    client.force_login(person)

    assert client.post(f"/campaigns/{campaign.pk}/again/", {"rubric": str(newer.pk)}).status_code == 403
    problem(annotator_client().post(f"/api/v1/campaigns/{campaign.pk}/again/", {"rubric": str(newer.pk)}), 403)


def test_units_are_queued_again_by_rest(campaign, newer):
    body = lead_client().post(f"/api/v1/campaigns/{campaign.pk}/again/", {"rubric": str(newer.pk)}).json()

    assert (body["follows"], body["guidelines"]) == (str(campaign.pk), "Mind the season.")
    refused = lead_client().post(f"/api/v1/campaigns/{campaign.pk}/again/", {"rubric": str(newer.pk)})
    assert problem(refused, 400)["errors"][0]["pointer"].startswith("#/rubric")
