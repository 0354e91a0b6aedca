"""Taking the last submission back: what comes back, and what stays because something rests on it."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from judge import adjudication, queue, undo
from judge.models import Assessment, Assignment, Campaign, Tally
from judge.refusals import NotSubmitted, NotUndoable
from recommend.roles import LEAD
from tests.judge.factories import FAILING, PASSING, AssessmentFactory, CampaignFactory, CampaignUnitFactory, UserFactory
from tests.site.api.clients import client_of
from tests.support.review_data import campaign, judge_all

pytestmark = pytest.mark.django_db
State = Assignment.State


def reviewed(campaign: Campaign, person: User) -> Assignment:
    """The next screen of a person, submitted with labels that fail and a comment."""
    held = queue.next_assignment(campaign, person)
    assert held is not None
    answers = {str(one.pk): {"labels": FAILING["interest"], "comment": "By mistake"} for one in held.kept_outputs}
    queue.submit(held, person, answers, seconds=20)
    return held


def unit_in(**options: Any) -> Campaign:
    """A campaign with one unit."""
    made: Campaign = CampaignUnitFactory.create(campaign=CampaignFactory.create(**options)).campaign
    return made


def places(assignment: Assignment) -> tuple[int, int, int]:
    """Taken and submitted places of the unit, and what the tally says of the person."""
    assignment.unit.refresh_from_db()
    tally = Tally.objects.get(campaign=assignment.unit.campaign, annotator=assignment.annotator)
    return assignment.unit.n_taken, assignment.unit.n_submitted, tally.n_submitted


def test_the_labels_come_back_as_the_draft_and_count_nowhere(person: User):
    held = reviewed(unit_in(), person)
    assert places(held) == (1, 1, 1)

    undo.undo(held, person)

    assert held.state == State.LEASED
    assert held.submitted_at is None
    assert held.draft == {
        str(one.pk): {"labels": FAILING["interest"], "comment": "By mistake"} for one in held.kept_outputs
    }
    assert not Assessment.objects.exists()
    assert places(held) == (1, 0, 0)
    kept = held.withdrawals.get()
    assert kept.submitted_at < kept.created_at
    assert kept.labels == {
        str(one.pk): {"labels": FAILING["interest"], "comment": "By mistake", "seconds": 10.0}
        for one in held.kept_outputs
    }


def test_what_is_submitted_again_is_a_first_blind_label_with_all_the_time_it_took(person: User):
    held = reviewed(unit_in(), person)
    undo.undo(held, person)
    assert queue.next_assignment(held.unit.campaign, person) == held

    queue.submit(held, person, {str(one.pk): {"labels": PASSING["interest"]} for one in held.kept_outputs}, seconds=26)

    stored = Assessment.objects.all()
    assert {(one.revision, one.blind, one.passed, one.seconds) for one in stored} == {(1, True, True, 13.0)}
    assert places(held) == (1, 1, 1)


def test_nobody_else_gets_the_place_and_the_next_screen_waits(person: User):
    made = unit_in()
    CampaignUnitFactory.create(campaign=made)
    first = reviewed(made, person)
    following = queue.next_assignment(made, person)
    assert following is not None
    # Within a test the database's clock stands still.
    Assignment.objects.filter(pk=following.pk).update(created_at=timezone.now() + timedelta(seconds=1))

    undo.undo(first, person)

    assert queue.next_assignment(made, UserFactory.create()) is None
    assert queue.next_assignment(made, person) == first
    queue.submit(first, person, first.draft)
    assert queue.next_assignment(made, person) == following


def test_a_browsers_older_copy_of_the_draft_does_not_win(person: User):
    # It kept a copy at version 1 while it saved version 2; the submit overtook that save.
    made = unit_in()
    held = queue.next_assignment(made, person)
    assert held is not None
    queue.save_draft(held, person, {}, version=0)
    queue.submit(held, person, {str(one.pk): {"labels": PASSING["interest"]} for one in held.kept_outputs})

    undo.undo(held, person)

    assert held.draft_version == 3


def test_repeating_it_changes_nothing(person: User):
    held = reviewed(unit_in(), person)
    undo.undo(held, person)
    version = held.draft_version

    undo.undo(held, person)

    assert (held.state, held.draft_version) == (State.LEASED, version)
    assert places(held) == (1, 0, 0)


def test_only_the_last_submission_comes_back(person: User):
    made = unit_in()
    CampaignUnitFactory.create(campaign=made)
    first, second = reviewed(made, person), reviewed(made, person)

    with pytest.raises(NotUndoable, match="Only your last submission"):
        undo.undo(first, person)

    last = undo.last(person)
    assert last is not None
    assert (last.assignment, last.refusal) == (second, "")


def test_once_the_judge_could_be_seen_the_blind_labels_stay(person: User):
    held = reviewed(unit_in(), person)
    AssessmentFactory.create(output=held.kept_outputs[0])

    with pytest.raises(NotUndoable, match=r"given blind, and count. Revise them instead"):
        undo.undo(held, person)

    assert Assessment.objects.filter(rater__user=person).count() == 2
    assert places(held) == (1, 1, 1)


def test_where_the_judge_was_shown_all_along_the_submit_can_be_taken_back(person: User):
    held = reviewed(unit_in(blind=False), person)
    AssessmentFactory.create(output=held.kept_outputs[0])

    undo.undo(held, person)

    assert held.state == State.LEASED


def test_a_colleagues_labels_hold_back_a_lead_who_could_see_them_and_no_annotator():
    made = unit_in(overlap=3)
    reviewed(made, UserFactory.create())
    annotator, lead = UserFactory.create(), UserFactory.create(role=LEAD)
    by_annotator, by_lead = reviewed(made, annotator), reviewed(made, lead)

    undo.undo(by_annotator, annotator)
    with pytest.raises(NotUndoable, match="colleague’s labels"):
        undo.undo(by_lead, lead)


def test_what_was_revised_stays(person: User):
    held = reviewed(unit_in(), person)
    queue.revise(held, person, held.kept_outputs[0], PASSING["interest"])

    with pytest.raises(NotUndoable, match="both versions stay"):
        undo.undo(held, person)


def decide(assignment: Assignment) -> None:
    """A lead decides on one of its outputs."""
    adjudication.resolve(
        output=assignment.kept_outputs[0],
        rubric=assignment.unit.campaign.rubric,
        labels=PASSING["interest"],
        reason="It is wanted.",
        by=UserFactory.create(role=LEAD),
        revision=0,
    )


def test_what_a_lead_decided_on_stays(person: User):
    held = reviewed(unit_in(), person)
    decide(held)

    with pytest.raises(NotUndoable, match="A lead has decided"):
        undo.undo(held, person)


def test_a_decision_from_before_the_submit_is_not_given_away(person: User):
    # Gold units have their labels from such decisions.
    made = unit_in()
    held = queue.next_assignment(made, person)
    assert held is not None
    decide(held)

    undo.undo(reviewed(made, person), person)

    assert not Assessment.objects.exists()


def test_a_closed_campaign_keeps_its_labels(person: User):
    held = reviewed(unit_in(), person)
    Campaign.objects.update(state=Campaign.State.CLOSED)

    with pytest.raises(NotUndoable, match="is closed"):
        undo.undo(held, person)


def test_what_was_skipped_has_nothing_to_take_back(person: User):
    held = queue.next_assignment(unit_in(), person)
    assert held is not None
    queue.skip(held, person, "No history")

    with pytest.raises(NotSubmitted, match="nothing to take back"):
        undo.undo(held, person)


def test_the_submission_of_another_does_not_exist(person: User):
    held = reviewed(unit_in(), person)

    with pytest.raises(Assignment.DoesNotExist):
        undo.undo(held, UserFactory.create())


def test_the_page_offers_it_beside_the_labels_and_on_the_next_screen(client: Client, person: User):
    client.force_login(person)
    made = campaign(n_units=2)
    held = reviewed(made, person)
    action = f'action="{held.get_absolute_url()}undo/"'

    reveal = client.get(held.get_absolute_url()).content.decode()
    following = client.get(f"/review/campaigns/{made.pk}/next/", follow=True).content.decode()
    back = client.post(f"{held.get_absolute_url()}undo/", follow=True)

    assert action in reveal
    assert "Undo submit" in reveal
    assert action in following
    assert "Undo last submit" in following
    assert back.redirect_chain[-1][0] == held.get_absolute_url()
    page = back.content.decode()
    assert "Taken back" in page
    assert page.count('data-passes="no" aria-keyshortcuts="2" checked') == 3


def test_the_page_says_why_labels_stay_and_leads_to_the_revision(client: Client, person: User):
    client.force_login(person)
    made = campaign(n_units=2)
    held = reviewed(made, person)
    judge_all(held.unit.generation)

    reveal = client.get(held.get_absolute_url()).content.decode()
    following = client.get(f"/review/campaigns/{made.pk}/next/", follow=True).content.decode()
    refused = client.post(f"{held.get_absolute_url()}undo/", follow=True).content.decode()

    assert "Undo submit" not in reveal
    assert "Undo last submit" not in following
    assert f'href="{held.get_absolute_url()}" data-undo-refusal="Since you submitted, the judge’s' in following
    assert "Not taken back: Since you submitted" in refused
    assert "Save the revision" in refused


def test_by_rest_the_screen_comes_back_and_a_refusal_names_its_kind(person: User):
    client = client_of(person)
    held = reviewed(unit_in(), person)
    address = f"/api/v1/assignments/{held.pk}/undo/"

    back = client.post(address)
    queue.submit(held, person, {str(one.pk): {"labels": PASSING["interest"]} for one in held.kept_outputs})
    AssessmentFactory.create(output=held.kept_outputs[0])
    refused = client.post(address)

    assert back.status_code == 200, back.content
    assert back.json()["state"] == "leased"
    assert back.json()["assessments"] == []
    assert refused.status_code == 409
    assert refused.json()["type"].endswith("not-undoable")
    assert client_of(UserFactory.create()).post(address).status_code == 404
