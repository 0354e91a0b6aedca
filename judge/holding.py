"""What is in a person's hands: reading and locking it, taking its place, and what keeps it from being taken.

Whatever moves a place locks the unit before the assignment: two that meet wait for each other instead of locking each
other out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import F, Model, QuerySet
from django.utils import timezone

from judge import pairs
from judge.models import Assignment, Campaign, CampaignUnit
from judge.refusals import AlreadySubmitted, CampaignClosed, LeaseLost, Surplus
from judge.rubrics import RubricDef
from judge.services import definition_in_use
from recommend.models import Generation, Output, PipelineRun
from recommend.prepared import Prepared

MAX_SECONDS = 86_400.0
State = Assignment.State
# What an assignment comes with, as a screen shows it; its rubric is `services.rubric_in_use`.
SCREEN = ("unit__campaign", "unit__generation__run", "unit__generation__shopper")
# Of these rows, what a screen and its submit need; reading the rest costs more than finding the rows.
_NEEDED: dict[str, tuple[type[Model], set[str]]] = {
    "unit__campaign": (
        Campaign,
        {"id", "name", "task", "state", "rubric", "overlap", "blind", "lease_s", "guidelines"},
    ),
    "unit__generation": (Generation, {"id", "run", "shopper", "stage"}),
    "unit__generation__run": (PipelineRun, {"id", "history", "shopper"}),
}
NOT_SHOWN = tuple(
    f"{path}__{field.name}"
    for path, (model, needed) in _NEEDED.items()
    for field in model._meta.concrete_fields
    if field.name not in needed
)


def _on_screen(pk: UUID, annotator: int) -> QuerySet[Assignment]:
    return Assignment.objects.filter(pk=pk, annotator=annotator).select_related(*SCREEN).defer(*NOT_SHOWN)


def _on_screen_locked(pk: UUID, annotator: int) -> QuerySet[Assignment]:
    return _on_screen(pk, annotator).select_for_update(of=("unit", "self"))


ON_SCREEN = Prepared(_on_screen, pk=UUID, annotator=int)
ON_SCREEN_LOCKED = Prepared(_on_screen_locked, pk=UUID, annotator=int)
LOCKED = Prepared(
    lambda pk, annotator: (
        Assignment.objects.filter(pk=pk, annotator=annotator)
        .select_for_update(of=("unit", "self"))
        .select_related("unit__campaign")
        .defer("unit__campaign__design")
    ),
    pk=UUID,
    annotator=int,
)


def own_screen(pk: UUID, annotator: User) -> Assignment:
    """A person's assignment with what its screen shows. Raises Assignment.DoesNotExist for another person's."""
    return only(ON_SCREEN(pk=pk, annotator=annotator.pk))


def asked(assignment: Assignment) -> tuple[RubricDef, Sequence[Output | Assignment]]:
    """The questions, and what they are asked of: the outputs of a generation, or a pair as a whole."""
    if assignment.unit.rival_id is not None:
        return pairs.ASKED, [assignment]
    return definition_in_use(assignment.unit.campaign.rubric_id), assignment.kept_outputs


def locked(assignment: Assignment, annotator: User) -> tuple[CampaignUnit, Assignment]:
    """The unit and the assignment, locked in that order. Raises Assignment.DoesNotExist for another person's."""
    held = only(LOCKED(pk=assignment.pk, annotator=annotator.pk))
    return held.unit, held


def only(found: Sequence[Assignment]) -> Assignment:
    """The one row that was found. Raises Assignment.DoesNotExist."""
    for one in found:
        return one
    raise Assignment.DoesNotExist


def tell(assignment: Assignment, held: Assignment) -> None:
    """Bring the caller's row up to what was read under the lock and stored."""
    for name in ("state", "lease_until", "seconds", "submitted_at", "draft", "draft_version"):
        setattr(assignment, name, getattr(held, name))


def hold(unit: CampaignUnit, held: Assignment) -> int:
    """Renew a lease, or take a place again after it lapsed; returns the places that this takes, 0 or 1.

    The caller has locked both, counts the place and saves the assignment. Raises CampaignClosed, Surplus.
    """
    campaign = unit.campaign
    if campaign.state == Campaign.State.CLOSED:
        raise CampaignClosed("This campaign was closed meanwhile. Your answers are kept as a draft; ask its lead.")
    lapsed = held.state != State.LEASED
    if lapsed and not unit.is_gold and unit.n_taken >= campaign.overlap:
        raise Surplus(
            "Your time for this one ran out and somebody else has taken it over. Your answers are kept as a "
            "draft and come back to you if the place becomes free; go on with the next one."
        )
    held.state, held.lease_until = State.LEASED, lease_end(campaign)
    return int(lapsed)


def count_places(unit: CampaignUnit, change: int) -> None:
    """Store that so many places of a locked unit are taken, or with a negative number given back."""
    if change:
        CampaignUnit.objects.filter(pk=unit.pk).update(n_taken=F("n_taken") + change)


def ended(held: Assignment) -> LeaseLost:
    """Why nothing more is taken for what was submitted or skipped."""
    if held.state == State.SUBMITTED:
        return AlreadySubmitted("You have submitted this one already. Labels can still be revised, output by output.")
    return LeaseLost(
        "You have skipped this one, so it is with others now. Your draft is kept; go on with the next one."
    )


def lease_end(campaign: Campaign) -> datetime:
    """When a lease that is given or renewed now ends."""
    return timezone.now() + timedelta(seconds=campaign.lease_s)


def sane(seconds: float) -> float:
    """The browser's clock, which may say anything."""
    return min(max(seconds, 0.0), MAX_SECONDS) if math.isfinite(seconds) else 0.0
