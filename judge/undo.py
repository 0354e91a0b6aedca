"""Taking a submission back: its labels become a draft again, as long as nothing rests on them, and are kept apart."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, F

from judge import holding, pairs, visibility
from judge.models import Assessment, Assignment, Campaign, CampaignUnit, Rater, Resolution, Tally, Withdrawal
from judge.refusals import NotSubmitted, NotUndoable
from recommend import audit
from recommend.audit import Verb
from recommend.models import Output

State = Assignment.State


@dataclass(frozen=True, slots=True)
class Last:
    """A person's last submission, and in words why it cannot be taken back; empty where it can."""

    assignment: Assignment
    refusal: str


def last(annotator: User) -> Last | None:
    """What a person submitted last, in whichever campaign; None before the first."""
    found = _last(annotator)
    return None if found is None else Last(found, _refusal(found, annotator))


@transaction.atomic
def undo(assignment: Assignment, annotator: User) -> None:
    """Take a person's last submission back: its labels are the draft, and the place stays theirs.

    `assignment` itself is brought up to date. Repeating it changes nothing. Raises NotSubmitted where there is nothing
    to take back, NotUndoable with the reason where the labels stay.
    """
    unit, held = holding.locked(assignment, annotator)
    if held.state in {State.SKIPPED, State.EXPIRED}:
        raise NotSubmitted("There is nothing to take back: this one is not submitted, and not in your hands.")
    if held.state == State.SUBMITTED:
        # In the order of a submit. No other submit of this person comes between, and no lead decides and no judge
        # answers unseen: what is not there now comes after this.
        list(Rater.objects.select_for_update().filter(user=annotator))  # who only ever compared is none
        list(Output.objects.select_for_update().filter(generation=unit.generation_id).order_by("position"))
        newest = _last(annotator)
        if newest is not None and newest != held:
            raise NotUndoable(
                "Only your last submission can be taken back, and you have submitted another one since. Revise this "
                "one instead; both versions are kept."
            )
        if refusal := _refusal(held, annotator):
            raise NotUndoable(refusal)
        _reopen(unit, held)
    holding.tell(assignment, held)


def _reopen(unit: CampaignUnit, held: Assignment) -> None:
    given, chosen = held.assessments.all(), pairs.of(held)
    assert held.submitted_at is not None  # undo() is for what is submitted
    said = {
        str(one.output_id): {"labels": one.labels, "comment": one.rationale, "seconds": one.seconds} for one in given
    }
    held.draft = {str(one.output_id): {"labels": one.labels, "comment": one.rationale} for one in given}
    if chosen is not None:
        held.draft = pairs.as_answers(chosen)
        said = {key: {**answer, "seconds": chosen.seconds} for key, answer in held.draft.items()}
        chosen.delete()
    Withdrawal.objects.create(assignment=held, submitted_at=held.submitted_at, labels=said)
    # Two on: a copy that a browser kept while it saved for the last time is one behind what it saved, and must not win.
    held.draft_version += 2
    held.state, held.submitted_at, held.lease_until = State.LEASED, None, holding.lease_end(unit.campaign)
    held.save(update_fields=["draft", "draft_version", "state", "submitted_at", "lease_until"])
    given.delete()
    CampaignUnit.objects.filter(pk=unit.pk).update(n_submitted=F("n_submitted") - 1)
    tally = Tally.objects.filter(campaign=unit.campaign_id, annotator=held.annotator_id)
    tally.update(n_submitted=F("n_submitted") - 1)
    audit.record(Verb.ASSIGNMENT_UNDONE, held, by=held.annotator)


def _last(annotator: User) -> Assignment | None:
    done = Assignment.objects.filter(annotator=annotator, state=State.SUBMITTED, submitted_at__isnull=False)
    return done.select_related("unit__campaign").order_by("-submitted_at").first()


def _refusal(held: Assignment, annotator: User) -> str:
    """Why the labels of a submission stay, in words; empty where nothing rests on them yet."""
    campaign = held.unit.campaign
    if campaign.state == Campaign.State.CLOSED:
        return f"“{campaign}” is closed, so its labels stay as they are. Ask its lead to open it again."
    if held.unit.rival_id is not None:
        return _refusal_of_choice(held)
    outputs = Output.objects.kept().filter(generation=held.unit.generation_id)
    decided = Resolution.objects.filter(output__in=outputs, rubric=campaign.rubric_id)
    # An earlier one did not rest on these labels: it may be where a gold unit has its labels from.
    if decided.filter(created_at__gt=held.submitted_at).exists():
        return (
            "A lead has decided on one of these outputs already, with your labels before them, so they stay. Revise "
            "them instead; both versions are kept."
        )
    mine = Assessment.objects.filter(rater__user=annotator, rubric=campaign.rubric_id, output__in=outputs)
    if mine.order_by().values("output").annotate(n=Count("pk")).filter(n__gt=1).exists():
        return "You have revised these labels already, so both versions stay. Revise them again instead."
    others = visibility.visible_assessments(annotator, outputs).exclude(rater__user=annotator)
    # Where a campaign is not blind, they were there to be seen all along.
    if campaign.blind and others.exists():
        return (
            "Since you submitted, the judge’s or a colleague’s labels are there for you to see, so your first labels "
            "stay: they were given blind, and count. Revise them instead; both versions are kept."
        )
    return ""


def _refusal_of_choice(held: Assignment) -> str:
    """Why the choice of a pair stays, in words; empty as long as the person was not told whose the answers are."""
    chosen = pairs.of(held)
    if chosen is None or chosen.revealed_at is None:
        return ""
    return (
        "Since you submitted, you were told whose the two answers are, so your choice stays: it was made blind, and "
        "counts."
    )
