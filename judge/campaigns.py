"""Campaigns: which finished generations people review, with the probability that each was drawn."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from judge.models import Assignment, Campaign, CampaignUnit, Rubric
from judge.services import KIND_OF_STAGE
from recommend.models import Generation, JobState, Output, Stage

BATCH = 2_000


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a campaign is. A unit is one generation; a place is one person's review of it."""

    n_units: int = 0
    n_places: int = 0
    n_submitted: int = 0
    n_in_work: int = 0
    n_units_done: int = 0
    n_skipped: int = 0
    n_flagged: int = 0

    @property
    def n_waiting(self) -> int:
        """Places that nobody holds."""
        return max(0, self.n_places - self.n_submitted - self.n_in_work)

    @property
    def share_submitted(self) -> float:
        """0 to 1; 0 for an empty campaign."""
        return self.n_submitted / self.n_places if self.n_places else 0.0


def open_to(user: User) -> QuerySet[Campaign]:
    """The campaigns that a person may work in: those without members, and those they are a member of."""
    mine = Campaign.members.through.objects.filter(campaign=OuterRef("pk"), user=user)
    anybody = Campaign.members.through.objects.filter(campaign=OuterRef("pk"))
    return Campaign.objects.filter(Exists(mine) | ~Exists(anybody)).select_related("rubric")


@transaction.atomic
def start(
    *,
    name: str,
    stage: str,
    rubric: Rubric | None = None,
    sampling_rate: float = 1.0,
    overlap: int = 1,
    blind: bool = True,
    lease_s: int = 900,
    members: Iterable[User] = (),
    deadline: date | None = None,
    by: User | None = None,
) -> Campaign:
    """Store an active campaign and enrol what is finished already; without a rubric it takes the newest of its kind."""
    campaign = Campaign.objects.create(
        name=name,
        stage=stage,
        rubric=rubric or Rubric.objects.current(KIND_OF_STAGE[Stage(stage)]),
        sampling_rate=sampling_rate,
        overlap=overlap,
        blind=blind,
        lease_s=lease_s,
        deadline=deadline,
        created_by=by,
    )
    campaign.members.set(members)
    enrol_existing(campaign)
    return campaign


def is_drawn(campaign_id: UUID, generation_id: UUID, rate: float) -> bool:
    """Poisson sampling without a stored random number: the same pair is always drawn, or never.

    A pair's number is uniform in [0, 1), so it falls below `rate` with that probability, independently of all others;
    a raised rate keeps all that were drawn before.
    """
    digest = hashlib.sha256(campaign_id.bytes + generation_id.bytes).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < rate


def enrol(generation_id: UUID) -> int:
    """Offer a finished generation to the active campaigns of its stage; returns in how many it is drawn anew.

    A generation without an output that the rules kept asks nothing of a person and is left out. Safe to repeat.
    """
    generation = _reviewable().filter(pk=generation_id).only("stage").first()
    if generation is None:
        return 0
    campaigns = Campaign.objects.filter(stage=generation.stage, state=Campaign.State.ACTIVE)
    return sum(_enrol(campaign, [generation_id]) for campaign in campaigns)


def enrol_existing(campaign: Campaign) -> int:
    """Draw from all generations of the campaign's stage that are finished already; returns how many units are new."""
    found = _reviewable().filter(stage=campaign.stage).order_by("created_at").values_list("pk", flat=True)
    batch: list[UUID] = []
    n_new = 0
    for generation_id in found.iterator(chunk_size=BATCH):
        batch.append(generation_id)
        if len(batch) == BATCH:
            n_new += _enrol(campaign, batch)
            batch = []
    return n_new + _enrol(campaign, batch)


def _reviewable() -> QuerySet[Generation]:
    kept = Output.objects.kept().filter(generation=OuterRef("pk"))
    return Generation.objects.filter(Exists(kept), state=JobState.DONE)


def _enrol(campaign: Campaign, generation_ids: Iterable[UUID]) -> int:
    drawn = [one for one in generation_ids if is_drawn(campaign.pk, one, campaign.sampling_rate)]
    before = campaign.units.filter(generation__in=drawn).count()
    CampaignUnit.objects.bulk_create(
        (
            CampaignUnit(campaign=campaign, generation_id=one, inclusion_probability=campaign.sampling_rate)
            for one in drawn
        ),
        ignore_conflicts=True,
    )
    return len(drawn) - before


def set_state(campaign: Campaign, state: Campaign.State) -> Campaign:
    """Pause, close or open a campaign; on opening, what was finished meanwhile is drawn from as well."""
    with transaction.atomic():
        campaign.state = state
        campaign.save(update_fields=["state"])
        if state == Campaign.State.ACTIVE:
            enrol_existing(campaign)
    return campaign


def progress(campaign: Campaign) -> Progress:
    """How far one campaign is."""
    return progress_of([campaign])[campaign.pk]


def progress_of(campaigns: Iterable[Campaign]) -> dict[UUID, Progress]:
    """How far each campaign is, by its id; two queries however many there are."""
    ids = [campaign.pk for campaign in campaigns]
    units = (
        CampaignUnit.objects.filter(campaign__in=ids)
        .values(key=F("campaign"))
        .annotate(
            n_units=Count("pk"),
            n_places=Sum("campaign__overlap"),
            n_units_done=Count("pk", filter=Q(n_submitted__gte=F("campaign__overlap"))),
        )
        .order_by()
    )
    state = Assignment.State
    assignments = (
        Assignment.objects.filter(unit__campaign__in=ids)
        .values(key=F("unit__campaign"))
        .annotate(
            n_submitted=Count("pk", filter=Q(state=state.SUBMITTED)),
            # What has lapsed and was not swept yet is free again.
            n_in_work=Count("pk", filter=Q(state=state.LEASED, lease_until__gt=timezone.now())),
            n_skipped=Count("pk", filter=Q(state=state.SKIPPED)),
            n_flagged=Count("pk", filter=~Q(flag="")),
        )
        .order_by()
    )
    counts: dict[UUID, dict[str, Any]] = {one: {} for one in ids}
    for row in [*units, *assignments]:
        counts[row["key"]] |= {name: value for name, value in row.items() if name != "key"}
    return {one: Progress(**found) for one, found in counts.items()}
