"""Switching a proposed edit on: its draft is fixed and judges go by it, after a trial that allows it."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from judge import answers, rubric_editing
from judge.fixed import RubricFixedError
from judge.models import Proposal, Rubric
from judge.proposals import results, trials
from judge.proposals.optimizers import ProposalError
from judge.refusals import InvalidAnswer
from judge.rubric_editing import RubricError
from recommend import audit, roles
from recommend.audit import Verb
from recommend.models import JobState


def obstacle(proposal: Proposal) -> str:
    """Why a trial does not allow to switch a proposal on, in words; "" where one does."""
    done = proposal.trials.filter(state=JobState.DONE).first()
    if done is None:
        return "It has not been tried on held-out labels to the end."
    if changes := trials.changed(done):
        return f"What was tried is not what it is now: {changes} Try it again."
    if (now := Rubric.objects.current(proposal.current.kind)) != proposal.current:
        return f"It was compared with “{proposal.current}”, and judges go by “{now}” now. Propose an edit of that."
    found = results.result(done)
    if found is not None and found.headline.standing == "worse":
        return f"The trial says that it is worse. {found.headline.sentence}"
    return ""


@transaction.atomic
def switch_on(proposal: Proposal, *, by: User, reason: str = "") -> Proposal:
    """Fix the draft as the next version and have judges go by it; the passport expires with that.

    reason  of an admin, where no trial allows it; it is kept with the proposal and in the audit log

    Raises ProposalError.
    """
    locked = Proposal.objects.select_for_update().get(pk=proposal.pk)
    if locked.switched_on_at is not None:
        raise ProposalError(f"It is switched on already, since {locked.switched_on_at:%-d %B %Y, %H:%M}.")
    try:
        against, reason = obstacle(locked), answers.cleaned_text(reason)
    except InvalidAnswer as error:
        raise ProposalError(str(error), "reason") from error
    if against and not roles.has_role(by, roles.ADMIN):
        raise ProposalError(f"{against} An admin may switch it on all the same, and says why.")
    if against and not reason:
        raise ProposalError(f"{against} Say why it is to be switched on all the same.", "reason")
    locked.switched_on_at, locked.switched_on_by = timezone.now(), by
    locked.without_trial = reason if against else ""
    locked.save()
    try:
        if locked.draft.is_draft:
            rubric_editing.fix(locked.draft, by=by, in_use=True)
        else:
            rubric_editing.put_in_use(locked.draft, by=by)
    except (RubricError, RubricFixedError) as error:
        raise ProposalError(str(error)) from error
    detail = {"tried": not against} | ({"reason": reason} if against else {})
    audit.record(Verb.PROPOSAL_SWITCHED_ON, locked, detail, by=by)
    return locked
