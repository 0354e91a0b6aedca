"""The review queue: places, leases, drafts, submits."""

import math
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from judge import queue
from judge.models import Assessment, Assignment, Campaign, CampaignUnit
from recommend.models import Stage
from tests.judge.factories import (
    FAILING,
    PASSING,
    AssignmentFactory,
    CampaignFactory,
    CampaignUnitFactory,
    UserFactory,
)
from tests.recommend.factories import GenerationFactory, OutputFactory

pytestmark = pytest.mark.django_db
State = Assignment.State


def taken(campaign: Campaign, annotator: User) -> Assignment:
    """The next assignment, which there must be."""
    found = queue.next_assignment(campaign, annotator)
    assert found is not None
    return found


def complete(assignment: Assignment, labels: dict[str, str] = PASSING["interest"]) -> dict[str, Any]:
    """Answers for every kept output."""
    kept = assignment.unit.generation.outputs.filter(rejected_by="")
    return {str(output.pk): {"labels": labels, "comment": ""} for output in kept}


def lapse(assignment: Assignment) -> None:
    """Let the lease run out, unswept."""
    Assignment.objects.filter(pk=assignment.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def lose(assignment: Assignment) -> Assignment:
    """Let the lease run out, the place go back, and somebody else take and keep it."""
    lapse(assignment)
    queue.expire_leases()
    other = taken(assignment.unit.campaign, UserFactory.create())
    assert other.unit_id == assignment.unit_id
    assignment.refresh_from_db()
    return other


def places(unit: CampaignUnit) -> tuple[int, int]:
    unit.refresh_from_db()
    return unit.n_taken, unit.n_submitted


def test_a_lease_takes_one_place_for_the_campaigns_time():
    unit = CampaignUnitFactory.create(campaign__lease_s=60)

    found = taken(unit.campaign, UserFactory.create())

    assert found.unit == unit
    assert found.state == State.LEASED
    assert timedelta(seconds=50) < found.lease_until - timezone.now() <= timedelta(seconds=60)
    assert places(unit) == (1, 0)


def test_asking_again_gives_the_same_work():
    unit = CampaignUnitFactory.create()
    CampaignUnitFactory.create(campaign=unit.campaign)
    person = UserFactory.create()

    assert taken(unit.campaign, person) == taken(unit.campaign, person)

    assert places(unit) == (1, 0)


def test_the_oldest_unit_comes_first():
    campaign = CampaignFactory.create()
    units = CampaignUnitFactory.create_batch(3, campaign=campaign)
    for age, unit in enumerate(units):
        CampaignUnit.objects.filter(pk=unit.pk).update(created_at=timezone.now() - timedelta(hours=age))

    assert taken(campaign, UserFactory.create()).unit == units[2]


def test_never_more_people_than_the_overlap_and_nobody_twice():
    unit = CampaignUnitFactory.create(campaign__overlap=2)
    first, second, third = UserFactory.create_batch(3)
    queue.submit(held := taken(unit.campaign, first), first, complete(held))

    assert queue.next_assignment(unit.campaign, first) is None
    assert taken(unit.campaign, second).unit == unit
    assert queue.next_assignment(unit.campaign, third) is None
    assert places(unit) == (2, 1)


def test_a_generation_rated_in_one_campaign_is_not_given_again_under_the_same_rubric():
    unit = CampaignUnitFactory.create()
    again = CampaignUnitFactory.create(generation=unit.generation)
    person = UserFactory.create()
    queue.submit(held := taken(unit.campaign, person), person, complete(held))

    assert queue.next_assignment(again.campaign, person) is None
    assert taken(again.campaign, UserFactory.create()).unit == again


@pytest.mark.parametrize("state", [Campaign.State.PAUSED, Campaign.State.CLOSED])
def test_a_campaign_that_is_not_active_gives_nothing_and_says_so(state: Campaign.State):
    unit = CampaignUnitFactory.create(campaign__state=state)
    person = UserFactory.create()

    assert queue.next_assignment(unit.campaign, person) is None
    assert state.label.lower() in queue.empty_reason(unit.campaign, person)


def test_a_campaign_past_its_deadline_gives_nothing_and_says_so():
    unit = CampaignUnitFactory.create(campaign__deadline=timezone.localdate() - timedelta(days=1))
    person = UserFactory.create()

    assert queue.next_assignment(unit.campaign, person) is None
    assert "ended on" in queue.empty_reason(unit.campaign, person)


def test_only_members_get_work_where_a_campaign_has_members():
    unit = CampaignUnitFactory.create()
    member, stranger = UserFactory.create_batch(2)
    unit.campaign.members.add(member)

    assert queue.next_assignment(unit.campaign, stranger) is None
    assert "members" in queue.empty_reason(unit.campaign, stranger)
    assert taken(unit.campaign, member).unit == unit


def test_an_empty_queue_says_when_work_of_others_may_come_back():
    unit = CampaignUnitFactory.create(campaign__lease_s=300)
    taken(unit.campaign, UserFactory.create())

    assert "at the earliest in 5 min" in queue.empty_reason(unit.campaign, UserFactory.create())


def test_a_lapsed_lease_that_nobody_took_back_just_goes_on():
    unit = CampaignUnitFactory.create()
    person = UserFactory.create()
    lapse(held := taken(unit.campaign, person))

    again = taken(unit.campaign, person)

    assert again == held
    assert again.lease_until > timezone.now()
    assert places(unit) == (1, 0)


def test_a_lapsed_lease_comes_back_for_others_without_a_sweep():
    unit = CampaignUnitFactory.create()
    lapse(first := taken(unit.campaign, UserFactory.create()))

    second = taken(unit.campaign, UserFactory.create())

    first.refresh_from_db()
    assert (first.state, second.state) == (State.EXPIRED, State.LEASED)
    assert places(unit) == (1, 0)


def test_who_returns_gets_their_own_draft_before_anything_new():
    unit = CampaignUnitFactory.create()
    person = UserFactory.create()
    held = taken(unit.campaign, person)
    output = unit.generation.outputs.first()
    assert output is not None
    draft = {str(output.pk): {"labels": {"willingness": "Spontaneity"}, "comment": "so far"}}
    queue.save_draft(held, person, draft, 0)
    lapse(held)
    queue.expire_leases()
    older = CampaignUnitFactory.create(campaign=unit.campaign)
    CampaignUnit.objects.filter(pk=older.pk).update(created_at=timezone.now() - timedelta(days=1))

    again = taken(unit.campaign, person)

    assert (again.pk, again.draft, again.draft_version) == (held.pk, draft, 1)
    assert places(unit) == (1, 0)


def test_drafts_rise_in_version_and_a_stale_one_changes_nothing():
    unit = CampaignUnitFactory.create()
    person = UserFactory.create()
    held = taken(unit.campaign, person)
    answers = complete(held)
    assert queue.save_draft(held, person, answers, 0, seconds=12.5) == 1

    with pytest.raises(queue.StaleDraft) as refused:
        queue.save_draft(held, person, {}, 0)

    assert (refused.value.version, refused.value.draft) == (1, answers)
    held.refresh_from_db()
    assert (held.draft, held.draft_version, held.seconds) == (answers, 1, 12.5)


def test_a_draft_saved_after_the_place_was_lost_is_kept_and_says_so():
    unit = CampaignUnitFactory.create()
    person = UserFactory.create()
    held = taken(unit.campaign, person)
    lose(held)

    with pytest.raises(queue.LeaseLost, match="kept as a draft"):
        queue.save_draft(held, person, complete(held), 0)

    held.refresh_from_db()
    assert held.draft == complete(held)
    assert held.state == State.EXPIRED
    assert places(unit) == (1, 0)


def test_a_draft_saved_after_the_lease_lapsed_takes_a_free_place_again():
    unit = CampaignUnitFactory.create()
    person = UserFactory.create()
    lapse(held := taken(unit.campaign, person))
    queue.expire_leases()
    assert places(unit) == (0, 0)

    queue.save_draft(held, person, complete(held), 0)

    held.refresh_from_db()
    assert held.state == State.LEASED
    assert places(unit) == (1, 0)


@pytest.mark.parametrize(
    "draft",
    [
        {"no such output": {"labels": {}}},
        {"": {"labels": {}}},
        [],
    ],
)
def test_a_draft_that_does_not_fit_is_refused(draft: Any):
    held = taken(CampaignUnitFactory.create().campaign, person := UserFactory.create())

    with pytest.raises(queue.InvalidAnswer):
        queue.save_draft(held, person, draft, 0)


@pytest.mark.parametrize(
    "answer",
    [
        {"labels": {"willingness": "Maybe"}},
        {"labels": {"mood": "Yes"}},
        {"labels": {"willingness": ["Spontaneity"]}},
        {"labels": ["Spontaneity"]},
        {"labels": {}, "comment": 3},
        {"labels": {}, "comment": "x" * 4001},
        "Spontaneity",
    ],
)
def test_an_answer_that_does_not_fit_its_rubric_is_refused(answer: Any):
    held = taken(CampaignUnitFactory.create().campaign, person := UserFactory.create())
    draft = complete(held) | {str(held.unit.generation.outputs.all()[0].pk): answer}

    with pytest.raises(queue.InvalidAnswer):
        queue.submit(held, person, draft)

    assert not Assessment.objects.exists()


def test_a_submit_stores_one_first_revision_for_each_kept_output():
    unit = CampaignUnitFactory.create(generation=GenerationFactory.create(outputs=2))
    OutputFactory.create(generation=unit.generation, position=2, rejected_by="duplicate")
    person = UserFactory.create()
    held = taken(unit.campaign, person)
    good, bad = unit.generation.outputs.filter(rejected_by="")
    answers = {
        str(good.pk): {"labels": PASSING["interest"], "comment": ""},
        str(bad.pk): {"labels": FAILING["interest"], "comment": " bin bags \x00"},
    }

    stored = queue.submit(held, person, answers, seconds=30)

    assert [(one.output, one.passed, one.rationale, one.seconds) for one in stored] == [
        (good, True, "", 15.0),
        (bad, False, "bin bags", 15.0),
    ]
    assert {(one.revision, one.blind, one.rubric, one.assignment, one.rater.user) for one in stored} == {
        (1, True, unit.campaign.rubric, held, person)
    }
    held.refresh_from_db()
    assert held.state == State.SUBMITTED
    assert held.submitted_at is not None
    assert places(unit) == (1, 1)


def test_a_submit_that_is_not_complete_names_what_is_missing_and_stores_nothing():
    held = taken(CampaignUnitFactory.create().campaign, person := UserFactory.create())
    answers = complete(held)
    second = list(answers)[1]
    answers[second] = {"labels": {"willingness": "Spontaneity"}}

    with pytest.raises(queue.Incomplete, match=r"2 \(Reasonableness\)") as refused:
        queue.submit(held, person, answers)

    assert refused.value.missing == {second: ["reasonableness"]}
    assert not Assessment.objects.exists()


def test_repeating_a_submit_returns_what_the_first_one_stored():
    unit = CampaignUnitFactory.create()
    held = taken(unit.campaign, person := UserFactory.create())
    first = queue.submit(held, person, complete(held))
    queue.revise(held, person, first[0].output, FAILING["interest"])

    again = queue.submit(held, person, complete(held, FAILING["interest"]))

    assert again == first
    assert places(unit) == (1, 1)


def test_a_submit_in_an_open_campaign_is_not_blind():
    held = taken(CampaignUnitFactory.create(campaign__blind=False).campaign, person := UserFactory.create())

    assert [one.blind for one in queue.submit(held, person, complete(held))] == [False, False]


def test_a_submit_after_the_lease_lapsed_counts_where_the_place_is_free():
    unit = CampaignUnitFactory.create()
    lapse(held := taken(unit.campaign, person := UserFactory.create()))
    queue.expire_leases()

    assert len(queue.submit(held, person, complete(held))) == 2

    assert places(unit) == (1, 1)


def test_the_surplus_answer_is_refused_and_kept_as_a_draft():
    unit = CampaignUnitFactory.create()
    held = taken(unit.campaign, person := UserFactory.create())
    other = lose(held)

    with pytest.raises(queue.Surplus, match="somebody else has taken it over"):
        queue.submit(held, person, complete(held))

    held.refresh_from_db()
    assert held.draft == complete(held)
    assert not Assessment.objects.exists()
    queue.submit(other, other.annotator, complete(other))
    assert places(unit) == (1, 1)


def test_work_in_hand_can_be_finished_while_a_campaign_is_paused_but_not_once_it_is_closed():
    campaign = CampaignFactory.create()
    CampaignUnitFactory.create_batch(2, campaign=campaign)
    first, second = UserFactory.create_batch(2)
    early, late = taken(campaign, first), taken(campaign, second)

    Campaign.objects.update(state=Campaign.State.PAUSED)
    assert len(queue.submit(early, first, complete(early))) == 2

    Campaign.objects.update(state=Campaign.State.CLOSED)
    with pytest.raises(queue.CampaignClosed, match="kept as a draft"):
        queue.submit(late, second, complete(late))
    late.refresh_from_db()
    assert late.draft == complete(late)


def test_nobody_can_touch_an_assignment_of_another():
    held = taken(CampaignUnitFactory.create().campaign, UserFactory.create())
    stranger = UserFactory.create()

    with pytest.raises(Assignment.DoesNotExist):
        queue.submit(held, stranger, complete(held))
    with pytest.raises(Assignment.DoesNotExist):
        queue.save_draft(held, stranger, {}, 0)


def test_a_skipped_unit_goes_to_others_and_not_to_the_same_person_again():
    unit = CampaignUnitFactory.create()
    held = taken(unit.campaign, person := UserFactory.create())

    queue.skip(held, person, "the history is empty")
    queue.skip(held, person, "again")

    held.refresh_from_db()
    assert (held.state, held.skip_reason) == (State.SKIPPED, "the history is empty")
    assert places(unit) == (0, 0)
    assert queue.next_assignment(unit.campaign, person) is None
    assert taken(unit.campaign, UserFactory.create()).unit == unit
    with pytest.raises(queue.LeaseLost, match="skipped"):
        queue.submit(held, person, complete(held))


def test_a_released_unit_is_free_at_once_and_keeps_its_draft():
    unit = CampaignUnitFactory.create()
    held = taken(unit.campaign, person := UserFactory.create())
    queue.save_draft(held, person, complete(held), 0)

    queue.release(held, person)
    queue.release(held, person)

    assert places(unit) == (0, 0)
    assert taken(unit.campaign, person).draft == complete(held)


def test_what_is_submitted_cannot_be_skipped_released_or_drafted():
    unit = CampaignUnitFactory.create()
    held = taken(unit.campaign, person := UserFactory.create())
    queue.submit(held, person, complete(held))

    with pytest.raises(queue.AlreadySubmitted):
        queue.skip(held, person, "late")
    with pytest.raises(queue.AlreadySubmitted):
        queue.save_draft(held, person, {}, 0)
    with pytest.raises(queue.AlreadySubmitted):
        queue.heartbeat(held, person)
    queue.release(held, person)

    assert places(unit) == (1, 1)


def test_a_heartbeat_renews_the_lease_and_tells_when_it_is_lost():
    unit = CampaignUnitFactory.create()
    held = taken(unit.campaign, person := UserFactory.create())
    lapse(held)

    assert queue.heartbeat(held, person) > timezone.now()

    lose(held)
    with pytest.raises(queue.LeaseLost):
        queue.heartbeat(held, person)


def test_a_flag_stays_whatever_becomes_of_the_work():
    held = taken(CampaignUnitFactory.create().campaign, person := UserFactory.create())

    queue.flag(held, person, " the item is missing ")
    queue.skip(held, person, "cannot tell")

    held.refresh_from_db()
    assert held.flag == "the item is missing"


def test_a_revision_is_kept_beside_the_first_labels():
    held = taken(CampaignUnitFactory.create().campaign, person := UserFactory.create())
    first = queue.submit(held, person, complete(held))[0]

    second = queue.revise(held, person, first.output, FAILING["interest"], "the judge is right")
    repeated = queue.revise(held, person, first.output, FAILING["interest"], "the judge is right")

    assert repeated == second
    assert (second.revision, second.blind, second.passed) == (2, False, False)
    first.refresh_from_db()
    assert (first.revision, first.blind, first.passed) == (1, True, True)


def test_nothing_can_be_revised_before_it_is_submitted():
    held = taken(CampaignUnitFactory.create().campaign, person := UserFactory.create())

    with pytest.raises(queue.NotSubmitted):
        queue.revise(held, person, held.unit.generation.outputs.all()[0], PASSING["interest"])


@pytest.mark.parametrize(("said", "kept"), [(math.nan, 0.0), (-5, 0.0), (1e12, 86_400.0), (7.5, 7.5)])
def test_the_browsers_clock_is_not_believed_blindly(said: float, kept: float):
    held = taken(CampaignUnitFactory.create().campaign, person := UserFactory.create())

    queue.submit(held, person, complete(held), said)

    held.refresh_from_db()
    assert held.seconds == kept


@pytest.mark.parametrize("stage", [Stage.TAGS, Stage.EXPLANATIONS])
def test_every_stage_is_reviewed_under_its_own_rubric(stage: Stage):
    unit = CampaignUnitFactory.create(campaign__stage=stage)
    held = taken(unit.campaign, person := UserFactory.create())

    stored = queue.submit(held, person, complete(held, PASSING[unit.campaign.rubric.kind]))

    assert {one.passed for one in stored} == {True}


def test_a_second_assessment_of_an_output_by_the_same_person_is_a_later_revision():
    # Two tabs in two campaigns can lease one generation at the same moment; both answers are kept.
    unit = CampaignUnitFactory.create()
    held = taken(unit.campaign, person := UserFactory.create())
    twin = AssignmentFactory.create(
        unit=CampaignUnitFactory.create(generation=unit.generation, n_taken=1), annotator=person
    )
    queue.submit(held, person, complete(held))

    stored = queue.submit(twin, person, complete(twin))

    assert {(one.revision, one.blind) for one in stored} == {(2, False)}
