"""The review queue: who works on which unit, and how answers come back without one being lost or given twice.

A unit has as many places as its campaign's overlap. A lease takes a place, a submit keeps it, and a skip, a release or
a lapsed lease gives it back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from judge import answers as rules
from judge import events, holding, leases, pairs
from judge.leases import expire as expire_leases
from judge.models import Assessment, Assignment, Campaign, Rater
from judge.refusals import (
    AlreadySubmitted,
    CampaignClosed,
    Incomplete,
    InvalidAnswer,
    LeaseLost,
    NotSubmitted,
    QueueError,
    StaleDraft,
    Surplus,
)
from judge.rubrics import RubricDef
from judge.services import definition_in_use
from recommend import audit
from recommend.audit import Verb
from recommend.models import Output
from recommend.prepared import Prepared, execute, insert

# The refusals are part of what this module does: callers find them here.
__all__ = [
    "AlreadySubmitted",
    "CampaignClosed",
    "Incomplete",
    "InvalidAnswer",
    "LeaseLost",
    "NotSubmitted",
    "QueueError",
    "StaleDraft",
    "Surplus",
    "empty_reason",
    "expire_leases",
    "flag",
    "heartbeat",
    "next_assignment",
    "release",
    "revise",
    "save_draft",
    "skip",
    "submit",
    "submit_screen",
]

State = Assignment.State
RATER = Prepared(lambda user: Rater.objects.select_for_update().filter(user=user), user=int)
NEWEST = """
SELECT output_id, max(revision) FROM judge_assessment
WHERE rater_id = %(rater)s AND rubric_id = %(rubric)s AND output_id = ANY(%(outputs)s) GROUP BY output_id
"""


def next_assignment(campaign: Campaign, annotator: User, at_most_s: int | None = None) -> Assignment | None:
    """The work that a person holds in a campaign, or else a new lease; None where there is nothing for them.

    The lease is for the campaign's time, or for `at_most_s` seconds if that is less. `empty_reason` says why there is
    nothing.
    """
    held = leases.take(campaign, annotator, at_most_s)
    if held is None and expire_leases(campaign):
        held = leases.take(campaign, annotator, at_most_s)
    return None if held is None else holding.own_screen(held, annotator)


def empty_reason(campaign: Campaign, annotator: User) -> str:
    """Why `next_assignment` has nothing for this person, in a sentence."""
    if not _is_member(campaign, annotator):
        return "This campaign is for its members; a lead can add you."
    if campaign.state != Campaign.State.ACTIVE:
        return f"This campaign is {campaign.get_state_display().lower()}. Work in progress is kept."
    if campaign.deadline is not None and campaign.deadline < timezone.localdate():
        return f"This campaign ended on {campaign.deadline:%d %B %Y}. Work in progress is kept."
    if not campaign.units.sampled().exists():
        return "Nothing has been drawn into this campaign yet. It fills as generations finish."
    in_hand = Assignment.objects.filter(unit__campaign=campaign, unit__is_gold=False, state=State.LEASED)
    open_leases = in_hand.exclude(annotator=annotator)
    first_free = open_leases.order_by("lease_until").values_list("lease_until", flat=True).first()
    if first_free is not None:
        minutes = max(1, math.ceil((first_free - timezone.now()).total_seconds() / 60))
        return (
            "You have been through everything that is free. Others hold the rest; what they leave comes back, "
            f"at the earliest in {minutes} min."
        )
    return "You have been through everything in this campaign. New generations appear here as they finish."


def save_draft(
    assignment: Assignment, annotator: User, draft: Mapping[str, Any], version: int, seconds: float = 0.0
) -> int:
    """Keep answers that are not complete yet and renew the lease; returns the draft's new version.

    draft    {output id: {"labels": {criterion: label}, "comment": text}}, as far as it goes
    version  the version that the draft was made from: with a newer one stored, raises StaleDraft and changes nothing
    seconds  time at work so far

    Where the lease was lost and somebody else has the place, the draft is stored all the same and LeaseLost raised.
    Raises AlreadySubmitted after the submit, InvalidAnswer for what does not fit the generation or its rubric.
    """
    clean = rules.cleaned(draft, *holding.asked(assignment))
    refusal: QueueError | None = None
    with transaction.atomic():
        unit, held = holding.locked(assignment, annotator)
        if held.state in {State.SUBMITTED, State.SKIPPED}:
            raise holding.ended(held)
        if held.draft_version != version:
            raise StaleDraft(held.draft_version, held.draft)
        try:
            holding.count_places(unit, holding.hold(unit, held))
        except QueueError as error:
            refusal = error
        held.draft, held.draft_version = clean, version + 1
        held.seconds = max(held.seconds, holding.sane(seconds))
        held.save(update_fields=["draft", "draft_version", "seconds", "state", "lease_until"])
    if refusal is not None:
        raise refusal
    return held.draft_version


def heartbeat(assignment: Assignment, annotator: User) -> datetime:
    """Say that a person is still at work; returns when the lease ends. Raises LeaseLost, AlreadySubmitted."""
    renewed = Assignment.objects.filter(
        pk=assignment.pk, annotator=annotator, state=State.LEASED, unit__campaign__state=Campaign.State.ACTIVE
    )
    until = holding.lease_end(assignment.unit.campaign)
    if renewed.update(lease_until=until):
        return until
    with transaction.atomic():
        unit, held = holding.locked(assignment, annotator)
        if held.state in {State.SUBMITTED, State.SKIPPED}:
            raise holding.ended(held)
        holding.count_places(unit, holding.hold(unit, held))
        held.save(update_fields=["state", "lease_until"])
    return held.lease_until


def release(assignment: Assignment, annotator: User) -> None:
    """Put work down: the place is free for others, the draft is kept. Nothing happens to work that is not held."""
    with transaction.atomic():
        unit, held = holding.locked(assignment, annotator)
        if held.state == State.LEASED:
            holding.count_places(unit, -1)
            held.state, held.lease_until = State.EXPIRED, timezone.now()
            held.save(update_fields=["state", "lease_until"])
            audit.record(Verb.ASSIGNMENT_RELEASED, held, by=annotator)


def skip(assignment: Assignment, annotator: User, reason: str = "") -> None:
    """Leave a generation to others for good, saying why. Raises AlreadySubmitted."""
    with transaction.atomic():
        unit, held = holding.locked(assignment, annotator)
        if held.state == State.SUBMITTED:
            raise holding.ended(held)
        if held.state == State.LEASED:
            holding.count_places(unit, -1)
        if held.state != State.SKIPPED:
            held.state, held.skip_reason = State.SKIPPED, rules.cleaned_text(reason)
            held.save(update_fields=["state", "skip_reason"])
            audit.record(Verb.ASSIGNMENT_SKIPPED, held, by=annotator)


def flag(assignment: Assignment, annotator: User, text: str) -> None:
    """Show a lead that something is wrong with a generation, whatever becomes of its review; an empty text unflags."""
    with transaction.atomic():
        clean = rules.cleaned_text(text)
        if Assignment.objects.filter(pk=assignment.pk, annotator=annotator).update(flag=clean):
            audit.record(Verb.ASSIGNMENT_FLAGGED, assignment, {"flagged": bool(clean)}, by=annotator)


def submit(
    assignment: Assignment, annotator: User, answers: Mapping[str, Any], seconds: float = 0.0
) -> list[Assessment]:
    """Store a person's labels for every kept output of a generation, all of them or none; of a pair, their choice.

    answers  {output id: {"labels": {criterion: label}, "comment": text}}, complete
    seconds  time at work on the whole generation

    For a pair the answer stands under the assignment's id, as `judge.pairs` asks for it, and the list that is returned
    is empty. Repeating a submit returns what the first one stored. Raises Incomplete naming what is missing,
    InvalidAnswer, Surplus where the lease was lost and others filled the place, CampaignClosed; with the last two the
    answers are kept as the draft. Else `assignment` itself is submitted afterwards.
    """
    with transaction.atomic():
        unit, held = holding.locked(assignment, annotator)
        if unit.rival_id is None:
            held.kept_outputs = assignment.kept_outputs
        stored, refusal = _submitted(held, annotator, answers, seconds)
    if refusal is not None:
        raise refusal
    holding.tell(assignment, held)
    return stored


def submit_screen(pk: UUID, annotator: User, answers: Mapping[str, Any], seconds: float = 0.0) -> Assignment:
    """As `submit`, for whoever has not read the assignment: it is read once, under the lock, with what a screen shows.

    Raises Assignment.DoesNotExist for another person's.
    """
    with transaction.atomic():
        held = holding.only(holding.ON_SCREEN_LOCKED(pk=pk, annotator=annotator.pk))
        _, refusal = _submitted(held, annotator, answers, seconds)
    if refusal is not None:
        raise refusal
    return held


def _submitted(
    held: Assignment, annotator: User, answers: Mapping[str, Any], seconds: float
) -> tuple[list[Assessment], QueueError | None]:
    """What was stored of a locked assignment, or why it was not and its answers are the draft, for after the commit."""
    unit = held.unit
    rubric_def, rated = holding.asked(held)
    clean = rules.cleaned(answers, rubric_def, rated)
    if held.state == State.SUBMITTED:
        return _first(held), None
    if held.state == State.SKIPPED:
        raise holding.ended(held)
    rules.check_complete(clean, rubric_def, rated)
    held.seconds = max(held.seconds, holding.sane(seconds))
    try:
        change = holding.hold(unit, held)
    except QueueError as error:
        held.draft, held.draft_version = clean, held.draft_version + 1
        held.save(update_fields=["draft", "draft_version", "seconds"])
        return [], error
    stored: list[Assessment] = []
    if unit.rival_id is not None:
        pairs.store(held, clean)
    else:
        stored = _store(held, annotator, held.kept_outputs, clean, rubric_def)
    held.state, held.submitted_at = State.SUBMITTED, timezone.now()
    leases.finish(held, change)
    events.submitted(held)
    audit.record(Verb.ASSIGNMENT_SUBMITTED, held, {"n_outputs": len(stored)}, by=annotator)
    return stored, None


def revise(
    assignment: Assignment, annotator: User, output: Output, labels: Mapping[str, str], comment: str = ""
) -> Assessment:
    """Store changed labels for one output beside those submitted, which stay the ones that count.

    Sending what is stored already returns that. Raises NotSubmitted, Incomplete, InvalidAnswer.
    """
    if assignment.unit.rival_id is not None:
        raise InvalidAnswer("A choice between two answers is not revised. Take the submission back instead.")
    rubric_def = definition_in_use(assignment.unit.campaign.rubric_id)
    clean = rules.cleaned({str(output.pk): {"labels": labels, "comment": comment}}, rubric_def, assignment.kept_outputs)
    rules.check_complete(clean, rubric_def, [output])
    with transaction.atomic():
        _, held = holding.locked(assignment, annotator)
        if held.state != State.SUBMITTED:
            raise NotSubmitted("There is nothing to revise before the review is submitted. Your draft is kept.")
        latest = held.assessments.filter(output=output).order_by("-revision").first()
        answer = clean[str(output.pk)]
        if latest is not None and (latest.labels, latest.rationale) == (answer["labels"], answer["comment"]):
            return latest
        stored = _store(held, annotator, [output], clean, rubric_def)[0]
        detail = {"output": str(output.pk), "revision": stored.revision}
        audit.record(Verb.ASSIGNMENT_REVISED, held, detail, by=annotator)
        return stored


def _store(
    held: Assignment, annotator: User, outputs: list[Output], answers: rules.Answers, rubric_def: RubricDef
) -> list[Assessment]:
    campaign = held.unit.campaign
    rater = _locked_rater(annotator)
    newest = dict(
        execute(NEWEST, {"rater": rater.pk, "rubric": campaign.rubric_id, "outputs": [output.pk for output in outputs]})
    )
    stored = []
    for output in outputs:
        answer = answers[str(output.pk)]
        revision = 1 + newest.get(output.pk, 0)
        stored.append(
            Assessment(
                rater=rater,
                output=output,
                rubric_id=campaign.rubric_id,
                assignment=held,
                revision=revision,
                labels=answer["labels"],
                passed=rubric_def.passes(answer["labels"]),
                rationale=answer["comment"],
                seconds=held.seconds / len(outputs) if revision == 1 else 0.0,
                # Who labels something a second time has seen the judge's labels in between.
                blind=campaign.blind and revision == 1,
            )
        )
    insert(stored)
    return stored


def _locked_rater(annotator: User) -> Rater:
    """The person as a rater. Locked, so that two submits of one person cannot both give the same revision number."""
    for found in RATER(user=annotator.pk):
        return found
    return Rater.objects.select_for_update().get_or_create(user=annotator)[0]


def _first(held: Assignment) -> list[Assessment]:
    """What the submit stored, without later revisions, in the order of the outputs."""
    oldest_last = held.assessments.select_related("output").order_by("-revision")
    first = {assessment.output_id: assessment for assessment in oldest_last}
    return sorted(first.values(), key=lambda assessment: assessment.output.position)


def _is_member(campaign: Campaign, annotator: User) -> bool:
    members = set(campaign.members.values_list("pk", flat=True))
    return not members or annotator.pk in members
