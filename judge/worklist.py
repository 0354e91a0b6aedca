"""The campaigns that a person may work in, with what is left in each for them."""

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Count, F, Q
from django.utils import timezone

from judge import campaigns, gold, queue
from judge.models import Assignment, Campaign, CampaignUnit


@dataclass(frozen=True, slots=True)
class WorkRow:
    """One campaign on the review page. n_open counts the screens that this person could be given now; where it
    is 0, why_nothing says why."""

    campaign: Campaign
    progress: campaigns.Progress
    n_own: int
    n_open: int
    own_lease: bool
    is_first_open: bool
    why_nothing: str


def rows(user: User) -> list[WorkRow]:
    """The active campaigns open to `user`, the oldest first: what was begun is finished first."""
    active = campaigns.open_to(user).filter(state=Campaign.State.ACTIVE)
    found = list(active.order_by("created_at").prefetch_related("rubric__criteria"))
    progress = campaigns.progress_of(found)
    own = {
        row["unit__campaign"]: row
        for row in Assignment.objects.filter(annotator=user, unit__campaign__in=found)
        .values("unit__campaign")
        .annotate(
            n_submitted=Count("pk", filter=Q(state=Assignment.State.SUBMITTED)),
            n_leased=Count("pk", filter=Q(state=Assignment.State.LEASED, lease_until__gt=timezone.now())),
        )
    }
    result: list[WorkRow] = []
    for campaign in found:
        mine = own.get(campaign.pk, {"n_submitted": 0, "n_leased": 0})
        n_open = _n_open(campaign, user, progress[campaign.pk]) + mine["n_leased"]
        result.append(
            WorkRow(
                campaign=campaign,
                progress=progress[campaign.pk].as_worked_on(),
                n_own=mine["n_submitted"],
                n_open=n_open,
                own_lease=mine["n_leased"] > 0,
                is_first_open=n_open > 0 and not any(row.n_open for row in result),
                why_nothing="" if n_open else queue.empty_reason(campaign, user),
            )
        )
    return result


def _n_open(campaign: Campaign, user: User, progress: campaigns.Progress) -> int:
    """Units with a free place that this person has not had: never submitted, skipped or holding it now.

    Gold units count as long as there is another one: they never come last.
    """
    lapsed = Q(
        assignments__state=Assignment.State.LEASED, assignments__lease_until__lte=timezone.now()
    )  # free for the taking, though no sweep has said so yet
    free = Q(n_taken__lt=F("campaign__overlap")) | lapsed
    had = Assignment.objects.filter(annotator=user, unit__campaign=campaign).exclude(state=Assignment.State.EXPIRED)
    sampled = CampaignUnit.objects.sampled().filter(free, campaign=campaign).exclude(pk__in=had.values("unit"))
    n_open = sampled.distinct().count()
    return n_open + gold.left_for(campaign, user, progress.n_gold_left) if n_open else 0
