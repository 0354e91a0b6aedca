"""Gold units: generations whose right labels are known, mixed into a campaign unseen, to tell how well people label.

They are screens of work like any other, and nothing that an annotator is shown or sent says which they are. They were
chosen and not drawn, so nothing is estimated from them: whatever counts or samples asks for `sampled()` units.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac

from judge import answers, visibility
from judge.frames import Population
from judge.models import Assessment, Assignment, Campaign, CampaignUnit, Gold, Resolution, Rubric
from judge.refusals import InvalidAnswer
from judge.services import KIND_OF_STAGE, definition, reviewers
from recommend.models import Generation, JobState, Output, Stage

MAX_SHARE = 0.5

# {output id: {criterion: label}}
Labels = dict[str, dict[str, str]]


# Making ---------------------------------------------------------------------------------------------------------------


@transaction.atomic
def make(
    generation: Generation,
    rubric: Rubric,
    labels: Mapping[str, Mapping[str, str]],
    *,
    by: User,
    source: str = Gold.Source.HAND,
    reason: str = "",
) -> Gold:
    """Store the right labels of a generation's kept outputs, and offer it to the campaigns that take gold units.

    labels  {output id: {criterion: label}}, complete

    Other labels than those in force take their place: the earlier ones are withdrawn, and people are measured by the
    new ones. The same ones change nothing. Raises InvalidAnswer for what does not fit the generation or its rubric,
    Incomplete naming what is missing.
    """
    is_rated = KIND_OF_STAGE[Stage(generation.stage)] == rubric.kind and not rubric.is_draft
    if not is_rated or generation.state != JobState.DONE:
        raise InvalidAnswer(f"“{generation}” is no finished generation that is rated under {rubric}.")
    outputs = Output.objects.rated(generation.pk)
    if not outputs:
        raise InvalidAnswer("The rules rejected every output of this generation: there is nothing to label.")
    rules = definition(rubric)
    clean = answers.cleaned({key: {"labels": one} for key, one in labels.items()}, rules, outputs)
    answers.check_complete(clean, rules, outputs)
    right = {key: dict(one["labels"]) for key, one in clean.items()}
    Generation.objects.select_for_update().get(pk=generation.pk)  # two leads at once: the second sees the first's
    earlier = Gold.objects.in_force().filter(generation=generation, rubric=rubric).first()
    if earlier is not None and earlier.labels == right:
        return earlier
    if earlier is not None:
        withdraw(earlier)
    made = Gold.objects.create(
        generation=generation, rubric=rubric, labels=right, source=source, by=by, reason=answers.cleaned_text(reason)
    )
    for campaign in Campaign.objects.filter(rubric=rubric, gold_share__gt=0).exclude(state=Campaign.State.CLOSED):
        enrol(campaign)
    return made


def make_from_resolutions(generation: Generation, rubric: Rubric, *, by: User) -> Gold:
    """Make gold of what leads decided; raises Incomplete where an output has no resolution in force."""
    return make(generation, rubric, resolved_labels(generation, rubric), by=by, source=Gold.Source.RESOLVED)


def withdraw(gold: Gold) -> None:
    """Measure nobody by it any more; what people submitted on it stays. Nothing happens to one withdrawn already."""
    Gold.objects.in_force().filter(pk=gold.pk).update(withdrawn_at=timezone.now())


def resolved_labels(generation: Generation, rubric: Rubric) -> Labels:
    """What leads decided of a generation's outputs, as far as they did."""
    decided = Resolution.objects.filter(output__generation=generation, rubric=rubric).order_by("revision")
    # In rising order, so that the one in force is the one that stays.
    return {str(output): labels for output, labels in decided.values_list("output_id", "labels")}


def resolved_generations(rubric: Rubric) -> QuerySet[Generation]:
    """Generations of which every kept output has a resolution and which are not gold yet: they can become it."""
    decided = Resolution.objects.filter(output=OuterRef("pk"), rubric=rubric)
    kept = Output.objects.kept().filter(generation=OuterRef("pk"))
    known = Gold.objects.in_force().filter(generation=OuterRef("pk"), rubric=rubric)
    return Generation.objects.filter(
        Exists(kept.filter(Exists(decided))), ~Exists(kept.filter(~Exists(decided))), ~Exists(known)
    )


def visible_to(user: User, rubric: Rubric) -> QuerySet[Gold]:
    """The gold in force under a rubric, newest first, without what a person has in work in a blind campaign."""
    held = visibility.blind_work(user).values("unit__generation")
    found = Gold.objects.in_force().filter(rubric=rubric).exclude(generation__in=held)
    answered = Count(
        "generation__campaign_units__assignments",
        filter=Q(
            generation__campaign_units__is_gold=True,
            generation__campaign_units__campaign__rubric=rubric,
            generation__campaign_units__assignments__state=Assignment.State.SUBMITTED,
        ),
    )
    return found.select_related("generation__shopper", "generation__model", "by").annotate(n_answered=answered)


def reviewed(rubric: Rubric) -> QuerySet[Assignment]:
    """Reviews of sampled units whose generation is not gold yet, the newest first: each can be made gold from."""
    known = Gold.objects.in_force().filter(generation=OuterRef("unit__generation"), rubric=rubric)
    return (
        Assignment.objects.filter(
            ~Exists(known),
            state=Assignment.State.SUBMITTED,
            unit__is_gold=False,
            unit__rival__isnull=True,
            unit__campaign__rubric=rubric,
        )
        .select_related("annotator", "unit__generation__shopper", "unit__generation__model")
        .order_by("-submitted_at")
    )


@dataclass(frozen=True, slots=True)
class Filled:
    """What a lead begins with: labels as far as they are known, why, and where they are from."""

    labels: Mapping[str, Mapping[str, str]]
    reason: str
    source: str


def filled(generation: Generation, rubric: Rubric, assignment: UUID | None = None) -> Filled:
    """The labels of a named review as they stand, else those in force as gold, else what leads decided so far."""
    if assignment is not None:
        said = Assessment.objects.filter(assignment=assignment, output__generation=generation, rubric=rubric).order_by(
            "revision"
        )
        if labels := {str(output): found for output, found in said.values_list("output_id", "labels")}:
            return Filled(labels, "", Gold.Source.REVIEW)
    known = Gold.objects.in_force().filter(generation=generation, rubric=rubric).first()
    if known is not None:
        return Filled(known.labels, known.reason, known.source)
    return Filled(resolved_labels(generation, rubric), "", Gold.Source.HAND)


# In a campaign --------------------------------------------------------------------------------------------------------


def enrol(campaign: Campaign) -> int:
    """Add what gold there is for a campaign that takes some; returns how many are new. Safe to repeat.

    Only of the campaign's own population: a generation by another model or of another time would stand out.
    """
    if not campaign.gold_share:
        return 0
    known = Gold.objects.in_force().filter(generation=OuterRef("pk"), rubric=campaign.rubric_id)
    there = CampaignUnit.objects.gold().filter(campaign=campaign, generation=OuterRef("pk"))
    found = Population.of(campaign).generations().filter(Exists(known), ~Exists(there)).order_by("pk")
    units = [CampaignUnit(campaign=campaign, generation=one, is_gold=True) for one in found]
    CampaignUnit.objects.bulk_create(units, ignore_conflicts=True)
    return len(units)


def n_places(campaign: Campaign, n_sampled_places: int) -> int:
    """How many reviews of gold units belong beside so many of sampled ones: with 5 % gold, 5 beside 95."""
    share = campaign.gold_share
    return math.ceil(round(n_sampled_places * share / (1 - share), 6))


def planned(n_sampled_places: Mapping[Campaign, int]) -> dict[UUID, int]:
    """How many reviews of gold units campaigns plan, by their id, given the places of their samples.

    At most one by each person of each gold unit, so that none is planned that cannot come.
    """
    takers = [campaign.pk for campaign in n_sampled_places if campaign.gold_share]
    if not takers:
        return {}
    counted = CampaignUnit.objects.gold().filter(campaign__in=takers).values("campaign").annotate(n=Count("pk"))
    n_units = dict(counted.order_by().values_list("campaign", "n"))
    members = Campaign.objects.filter(pk__in=takers).annotate(n=Count("members")).order_by()
    n_members = dict(members.values_list("pk", "n"))
    n_anybody = reviewers().count()
    return {
        campaign.pk: min(
            n_places(campaign, places), n_units.get(campaign.pk, 0) * (n_members[campaign.pk] or n_anybody)
        )
        for campaign, places in n_sampled_places.items()
        if campaign.gold_share
    }


def is_due(campaign: Campaign, annotator: User) -> bool:
    """Whether a person's next screen in a campaign is a gold unit, if there is one for them.

    A lot that only this server can draw, fixed until they go on to another screen: putting a gold unit down and asking
    again brings it back, as it does with any other.
    """
    if not campaign.gold_share:
        return False
    had = Assignment.objects.filter(annotator=annotator, unit__campaign=campaign).exclude(
        state=Assignment.State.EXPIRED
    )
    latest: UUID | None = had.order_by("-created_at").values_list("pk", flat=True).first()
    return _lot(campaign.pk, annotator.pk, latest) < campaign.gold_share


def _lot(*parts: object) -> float:
    """A number from 0 to 1 that only depends on `parts` and this site's secret."""
    digest = salted_hmac("judge.gold", ":".join(str(one) for one in parts), algorithm="sha256").digest()
    return int.from_bytes(digest[:8], "big") / 2**64
