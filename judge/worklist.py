"""The campaigns that a person may work in, with what there is in each for them."""

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.utils import timezone

from judge import campaigns, leases, queue
from judge.models import Assignment, Campaign
from judge.pace import Pace, paces


@dataclass(frozen=True, slots=True)
class WorkRow:
    """One campaign on the review page; where there is no work for this person now, why_nothing says why."""

    campaign: Campaign
    pace: Pace
    has_work: bool
    own_lease: bool
    is_first_open: bool
    why_nothing: str


def rows(user: User) -> list[WorkRow]:
    """The active campaigns open to `user`, the oldest first: what was begun is finished first."""
    active = campaigns.open_to(user).filter(state=Campaign.State.ACTIVE)
    found = list(active.order_by("created_at").prefetch_related("rubric__criteria"))
    pace = paces(found, user)
    held = Assignment.objects.filter(annotator=user, state=Assignment.State.LEASED, lease_until__gt=timezone.now())
    in_hand = set(held.values_list("unit__campaign", flat=True))
    result: list[WorkRow] = []
    for campaign in found:
        has_work = campaign.pk in in_hand or _is_free(campaign, user)
        result.append(
            WorkRow(
                campaign=campaign,
                pace=pace[campaign.pk],
                has_work=has_work,
                own_lease=campaign.pk in in_hand,
                is_first_open=has_work and not any(row.has_work for row in result),
                why_nothing="" if has_work else queue.empty_reason(campaign, user),
            )
        )
    return result


def _is_free(campaign: Campaign, user: User) -> bool:
    """As `queue.next_assignment` would find it: what has lapsed is free, though no sweep has said so yet."""
    return leases.is_free(campaign, user) or (leases.expire(campaign) > 0 and leases.is_free(campaign, user))
