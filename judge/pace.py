"""How far a campaign is and how fast one person goes, for every screen of work: it costs the same in a campaign of any
size, since what was submitted is counted as it happens and what there is to do is looked up now and then."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from uuid import UUID

from django.contrib.auth.models import User
from django.core.cache import cache
from django.db.models import Q, Sum

from judge import campaigns as all_campaigns
from judge.models import Assignment, Campaign, Tally

# So long a figure of places may be behind: new generations come in all the time, and nobody waits for the last one.
PLACES_S = 30
# A median over so many is steady, and still follows somebody who gets faster.
LATEST = 100


@dataclass(frozen=True, slots=True)
class Pace:
    """A place is one person's review of one generation.

    seconds  median time at work on a screen, over a person's latest in this campaign; None without any
    """

    n_places: int
    n_submitted: int
    n_own: int
    seconds: float | None


def pace(campaign: Campaign, user: User) -> Pace:
    """How far one campaign is, and how fast this person goes in it."""
    return paces([campaign], user)[campaign.pk]


def paces(campaigns: Sequence[Campaign], user: User) -> dict[UUID, Pace]:
    """How far each campaign is, by its id, and how fast this person goes in it; two queries however many there are."""
    places, times = _places(campaigns), _times(user)
    own = Sum("n_submitted", filter=Q(annotator=user), default=0)
    rows = Tally.objects.filter(campaign__in=campaigns).values("campaign").annotate(n=Sum("n_submitted"), n_own=own)
    counts = {row["campaign"]: (row["n"], row["n_own"]) for row in rows}
    found = {}
    for campaign in campaigns:
        n_submitted, n_own = counts.get(campaign.pk, (0, 0))
        seconds = times.get(campaign.pk)
        found[campaign.pk] = Pace(
            n_places=max(places[campaign.pk], n_submitted),
            n_submitted=n_submitted,
            n_own=n_own,
            seconds=median(seconds) if seconds else None,
        )
    return found


def _places(campaigns: Sequence[Campaign]) -> dict[UUID, int]:
    keys = {campaign.pk: f"campaign-places:{campaign.pk}:{campaign.overlap}" for campaign in campaigns}
    known = cache.get_many(keys.values())
    unknown = [campaign for campaign in campaigns if keys[campaign.pk] not in known]
    if unknown:
        counted = {one: found.as_worked_on().n_places for one, found in all_campaigns.progress_of(unknown).items()}
        # An empty campaign is about to fill.
        fresh = {keys[one]: n for one, n in counted.items()}
        cache.set_many({key: n for key, n in fresh.items() if n}, timeout=PLACES_S)
        known |= fresh
    return {one: known[key] for one, key in keys.items()}


def _times(user: User) -> dict[UUID, list[float]]:
    """Seconds at work on a person's latest submissions, by campaign."""
    done = Assignment.objects.filter(annotator=user, state=Assignment.State.SUBMITTED, submitted_at__isnull=False)
    latest = done.order_by("-submitted_at").values_list("unit__campaign", "seconds")[:LATEST]
    found: defaultdict[UUID, list[float]] = defaultdict(list)
    for campaign, seconds in latest:
        if seconds:  # a program by the API may give none
            found[campaign].append(seconds)
    return found
