"""Queueing a campaign's units again, under another version of the rubric or with other guidelines.

A campaign's rubric and guidelines never change, so every label says through its campaign which words it was given
under. When they are to change, another campaign follows: the same units with the same probabilities, drawn later by the
same lots, and a queue of its own, in which everybody may be given again what they labelled under the old words. The old
labels stay where they are; under the new rubric they do not count, and never is a unit given to more people than the
overlap under one version.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from judge import campaigns, gold
from judge.models import Assessment, Campaign, CampaignUnit, Rubric
from judge.plans import PlanError
from recommend import audit
from recommend.audit import Verb

BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Versions:
    """How a campaign's labels stand to the versions of its rubric.

    n_labels  outputs that people labelled in it, once for each person; n_units: the generations that these are of
    newer     fixed versions of its kind under which none of its units was queued yet, the one in use first
    in_use    whether judges go by another version now
    """

    n_labels: int
    n_units: int
    newer: tuple[Rubric, ...]
    in_use: Rubric | None
    followers: tuple[Campaign, ...]

    @property
    def is_old(self) -> bool:
        """Whether its labels are of another version than judges go by, or were queued again."""
        return self.in_use is not None or bool(self.followers)


def versions(campaign: Campaign) -> Versions:
    """Which labels of a campaign are of an old version, and what they could be queued again under."""
    said = Assessment.objects.filter(assignment__unit__campaign=campaign, revision=1, rubric=campaign.rubric_id)
    current = Rubric.objects.current(campaign.rubric.kind)
    return Versions(
        n_labels=said.count(),
        n_units=campaign.units.sampled().filter(n_submitted__gt=0).count(),
        newer=tuple(sorted(_choices(campaign), key=lambda one: (one.pk != current.pk, -one.version))),
        in_use=current if current.pk != campaign.rubric_id else None,
        followers=tuple(campaign.followers.select_related("rubric").order_by("created_at")),
    )


@transaction.atomic
def again(campaign: Campaign, rubric: Rubric, *, by: User, guidelines: str | None = None) -> Campaign:
    """Start the campaign that follows another under a rubric, and pause that one; returns the new one.

    guidelines  its own, in Markdown; None for those of the campaign before

    What was labelled comes first in the new queue. What is in hand in the old one can still be submitted there. Raises
    PlanError for a rubric that cannot be, and for a plan that goes by the judge's labels.
    """
    old = Campaign.objects.select_for_update(of=("self",)).select_related("rubric").get(pk=campaign.pk)
    _check(old, rubric)
    settings = campaigns.settings_of(old) | {"size": old.size, "precision": old.precision, "rubric": rubric}
    members, models = settings.pop("members"), settings.pop("population_models")
    del settings["rival_models"]  # of campaigns that compare, which have no labels to queue again
    if guidelines is not None:
        settings["guidelines"] = guidelines
    new = Campaign(
        **settings | {"sampling_rate": old.sampling_rate},
        name=_name(old, rubric),
        design=old.design,
        follows=old,
        drawn_as=old.draw,
        created_by=by,
    )
    new.save()
    new.members.set(members)
    new.population_models.set(models)
    drawn = old.units.sampled().order_by("-n_submitted", "created_at")
    CampaignUnit.objects.bulk_create(
        (
            CampaignUnit(
                campaign=new,
                generation_id=unit.generation_id,
                inclusion_probability=unit.inclusion_probability,
                stratum=unit.stratum,
            )
            for unit in drawn
        ),
        batch_size=BATCH,
    )
    gold.enrol(new)
    if old.state == Campaign.State.ACTIVE:
        campaigns.set_state(old, Campaign.State.PAUSED)
    detail = {"follows": str(old.pk), "rubric": str(rubric.pk)}
    audit.record(Verb.CAMPAIGN_STARTED, new, detail, by=by)
    return new


def _check(campaign: Campaign, rubric: Rubric) -> None:
    """Raises PlanError unless a campaign can be queued again under a rubric."""
    if campaign.compares:
        raise PlanError("rubric", f"“{campaign}” compares answers, and has no labels under a rubric. Clone it instead.")
    if campaign.plan == Campaign.Plan.UNCERTAINTY:
        raise PlanError(
            "rubric",
            f"“{campaign}” was drawn by how sure the judge was under {campaign.rubric}; under another rubric that draw "
            "means nothing. Start a new campaign.",
        )
    if rubric.is_draft:
        raise PlanError("rubric", f"“{rubric}” is not fixed yet, so its words may still change. Fix it first.")
    if rubric not in _choices(campaign):
        # A person's labels under one version count once, so the same units are never queued twice under it.
        raise PlanError(
            "rubric",
            f"The units of “{campaign}” were queued under “{rubric}” already, or it is for another kind of output. "
            "Choose another version; where only the guidelines are to change, fix them as a new version of the rubric.",
        )


def _choices(campaign: Campaign) -> QuerySet[Rubric]:
    """The fixed rubrics of the kind under which the campaign's draw was not queued yet."""
    line = Campaign.objects.filter(drawn_as=campaign.draw) | Campaign.objects.filter(pk=campaign.draw)
    return Rubric.objects.filter(kind=campaign.rubric.kind, version__gt=0).exclude(pk__in=line.values("rubric"))


def _name(campaign: Campaign, rubric: Rubric) -> str:
    """A free name: that of the first campaign, with the version."""
    first = Campaign.objects.get(pk=campaign.draw)
    stem, n = f"{first.name[:170]}, version {rubric.version}", 1
    name = stem
    while Campaign.objects.filter(name=name).exists():
        n += 1
        name = f"{stem} ({n})"
    return name
