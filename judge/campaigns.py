"""Campaigns: which finished generations people review, with the probability that each was drawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from judge import events, gold, plans, sampling
from judge.frames import BATCH, Member, Reading, members, partners
from judge.models import Assignment, Campaign, CampaignUnit, Rubric
from judge.plans import Plan, PlanError
from judge.services import KIND_OF_STAGE
from recommend import audit
from recommend.audit import Verb
from recommend.models import Generation, LanguageModel, Stage


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a campaign is. A unit is one generation; a place is one person's review of it.

    Units and places are the sampled ones, and gold reviews are counted apart: planned, submitted and in work. Skips and
    flags are of both.
    """

    n_units: int = 0
    n_places: int = 0
    n_submitted: int = 0
    n_in_work: int = 0
    n_units_done: int = 0
    n_skipped: int = 0
    n_flagged: int = 0
    n_gold_places: int = 0
    n_gold_submitted: int = 0
    n_gold_in_work: int = 0

    @property
    def n_waiting(self) -> int:
        """Places that nobody holds."""
        return max(0, self.n_places - self.n_submitted - self.n_in_work)

    def as_worked_on(self) -> Progress:
        """The progress as those see it who work in the campaign: no figure tells whether a screen was a gold unit.

        Gold reviews count as if they were sampled, out of as many as are planned; once the sample is done, no more
        come. Units are then as many places as make one.
        """
        if not self.n_gold_places:
            return self
        taken = self.n_gold_submitted + self.n_gold_in_work
        n_gold = taken if self.n_submitted >= self.n_places else max(taken, self.n_gold_places)
        overlap = self.n_places // self.n_units
        n_places, n_submitted = self.n_places + n_gold, self.n_submitted + self.n_gold_submitted
        return Progress(
            n_units=-(-n_places // overlap),
            n_places=n_places,
            n_submitted=n_submitted,
            n_in_work=self.n_in_work + self.n_gold_in_work,
            n_units_done=n_submitted // overlap,
            n_skipped=self.n_skipped,
            n_flagged=self.n_flagged,
        )


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
    members: Iterable[User] = (),
    population_models: Iterable[LanguageModel] = (),
    rival_models: Iterable[LanguageModel] = (),
    by: User | None = None,
    **settings: Any,
) -> Campaign:
    """Store an active campaign and draw from what is finished; without a rubric it takes the one in use.

    `settings` are further fields of Campaign. Raises PlanError for a plan that cannot be met: nothing is stored then.
    """
    if rubric is not None and rubric.is_draft:
        raise PlanError("rubric", f"“{rubric}” is not fixed yet, so its words may still change. Fix it first.")
    campaign = Campaign(
        name=name,
        stage=stage,
        rubric=rubric or Rubric.objects.current(KIND_OF_STAGE[Stage(stage)]),
        created_by=by,
        **settings,
    )
    plans.check_task(campaign)
    campaign.save()
    campaign.members.set(members)
    campaign.population_models.set(population_models)
    campaign.rival_models.set(rival_models if campaign.compares else ())
    _design(campaign, Plan.of(campaign))
    gold.enrol(campaign)
    audit.record(Verb.CAMPAIGN_STARTED, campaign, {"plan": campaign.plan, "blind": campaign.blind}, by=by)
    return campaign


@transaction.atomic
def clone(campaign: Campaign, name: str, by: User | None = None) -> Campaign:
    """Start another campaign with the same settings under a new name: it draws anew. Raises PlanError."""
    return start(name=name, by=by, **settings_of(campaign))


def settings_of(campaign: Campaign) -> dict[str, Any]:
    """What `start` takes to make another one like it."""
    # With a precision the size follows from it; a rate that was computed from either is not asked for again.
    asked: dict[str, Any] = {"size": campaign.size} if campaign.precision is None else {"precision": campaign.precision}
    if campaign.size is None:
        asked["sampling_rate"] = campaign.sampling_rate
    return asked | {
        "stage": campaign.stage,
        "task": campaign.task,
        "rubric": campaign.rubric,
        "plan": campaign.plan,
        "strata_by": campaign.strata_by,
        "allocation": campaign.allocation,
        "uncertainty": campaign.uncertainty,
        "uniform_floor": campaign.uniform_floor,
        "population_models": list(campaign.population_models.all()),
        "prompt_versions": campaign.prompt_versions,
        "rival_models": list(campaign.rival_models.all()),
        "rival_prompt_versions": campaign.rival_prompt_versions,
        "created_from": campaign.created_from,
        "created_until": campaign.created_until,
        "overlap": campaign.overlap,
        "blind": campaign.blind,
        "lease_s": campaign.lease_s,
        "members": list(campaign.members.all()),
        "deadline": campaign.deadline,
        "guidelines": campaign.guidelines,
        "gold_share": campaign.gold_share,
        "gold_bar": campaign.gold_bar,
    }


# Extending ------------------------------------------------------------------------------------------------------------


def extend(campaign: Campaign, **changes: Any) -> Campaign:
    """Ask for more: `overlap`, `deadline` (None: none), `sampling_rate` or `size`, as far as they are named.

    `gold_share` and `gold_bar` (None: the site's) may change either way: they say nothing about the sample. What was
    drawn stays, and every unit gets the probability that it now has. Raises PlanError for less than before.
    """
    with transaction.atomic():
        # The lock waits for whoever is drawing now, and holds back who would draw by the old plan.
        locked = Campaign.objects.select_for_update().get(pk=campaign.pk)
        if "overlap" in changes:
            _extend_overlap(locked, changes["overlap"])
        if "deadline" in changes:
            _extend_deadline(locked, changes["deadline"])
        if changes.get("sampling_rate") is not None or changes.get("size") is not None:
            _extend_sample(locked, changes.get("sampling_rate"), changes.get("size"))
        for name in ("gold_share", "gold_bar"):
            if name in changes:
                setattr(locked, name, changes[name])
        plans.check_task(locked)
        locked.save()
        gold.enrol(locked)
        audit.record(Verb.CAMPAIGN_EXTENDED, locked, {name: str(value) for name, value in changes.items() if value})
    campaign.refresh_from_db()
    return campaign


def _extend_overlap(campaign: Campaign, overlap: int) -> None:
    if overlap < campaign.overlap:
        raise PlanError(
            "overlap",
            f"{overlap} is fewer people per generation than the {campaign.overlap} there are now: places that are "
            f"taken are not taken back. Give {campaign.overlap} or more.",
        )
    campaign.overlap = overlap


def _extend_deadline(campaign: Campaign, deadline: date | None) -> None:
    if deadline is not None and deadline != campaign.deadline and deadline < timezone.localdate():
        raise PlanError("deadline", f"{deadline} is past. Give today or a later day, or close the campaign.")
    campaign.deadline = deadline


def _extend_sample(campaign: Campaign, rate: float | None, size: int | None) -> None:
    plan = Plan.of(campaign)
    n_units = campaign.units.sampled().count()
    if size is not None:
        if campaign.size is None:
            raise PlanError("size", "This campaign draws by rate. Give a higher rate instead.")
        if size <= n_units:
            raise PlanError("size", f"{n_units:,} generations are drawn already. Give a size above {n_units:,}.")
        wanted = replace(plan, size=size, precision=None)
    else:
        assert rate is not None
        if campaign.size is not None:
            raise PlanError("sampling_rate", f"This campaign has a size, {campaign.size:,}. Give a larger one instead.")
        if rate <= campaign.sampling_rate:
            now = f"{100 * campaign.sampling_rate:g} %"
            raise PlanError(
                "sampling_rate", f"{100 * rate:g} % is no more than the {now} of now. Give more than {now}."
            )
        wanted = replace(plan, rate=rate)
    _design(campaign, wanted, design_of(campaign))


def _design(campaign: Campaign, plan: Plan, earlier: sampling.Design | None = None) -> None:
    """Fix the thresholds of a plan, store them, and draw by them from all that is there."""
    plans.check_population(plan.population)
    if plan.is_rate_alone:
        campaign.sampling_rate = plan.rate
        campaign.units.sampled().update(inclusion_probability=plan.rate)
        campaign.save()
        enrol_existing(campaign)
        return
    frame, design = plans.designed(plan, lambda one: sampling.number(campaign.draw, one), earlier)
    if earlier is not None and earlier.scale is not None and (design.scale or 0) <= earlier.scale:
        more = "size" if plan.size else "sampling_rate"
        raise PlanError(more, "That draws no more than now, since much has been added meanwhile. Give more.")
    campaign.design = design.as_json()
    campaign.sampling_rate = min(1.0, design.rate)
    if plan.size is not None or plan.precision is not None:
        campaign.size = round(design.expected_size([one.uncertainty or 0 for one in frame]))
        campaign.precision = plan.precision
    campaign.save()
    if earlier is not None:
        _reweigh(campaign, frame, design, earlier)
    _draw(campaign, frame, design, in_frame=True)


def _reweigh(campaign: Campaign, frame: Sequence[Member], design: sampling.Design, earlier: sampling.Design) -> None:
    """Give the units that are there already the probabilities of a new design, where they have changed."""
    for name, stratum in design.strata.items():
        if stratum != earlier.strata.get(name):
            campaign.units.sampled().filter(stratum=name).update(inclusion_probability=stratum.probability)
    if design.scale is not None:
        found = {one.id: one.uncertainty for one in frame}
        units = [unit for unit in campaign.units.sampled() if unit.generation_id in found]
        for unit in units:
            unit.inclusion_probability = design.probability("", found[unit.generation_id])
        CampaignUnit.objects.bulk_update(units, ["inclusion_probability"], batch_size=BATCH)


# Drawing --------------------------------------------------------------------------------------------------------------


def design_of(campaign: Campaign) -> sampling.Design:
    """The thresholds that a campaign draws by; without any of its own, one rate for all."""
    return sampling.Design.from_json(campaign.design) if campaign.design else sampling.Design(campaign.sampling_rate)


def enrol(generation_id: UUID) -> int:
    """Offer a finished generation to the active campaigns of its stage; returns in how many it is drawn anew.

    A generation without an output that the rules kept asks nothing of a person and is left out, and a plan that goes by
    the judge passes over one that is not judged yet. Safe to repeat: the same pair is always drawn, or never.
    """
    return _offer(generation_id, Campaign.objects.all())


def enrol_judged(generation_id: UUID) -> int:
    """Offer a generation that the judge has rated to the campaigns whose plan goes by that, and passed it over before;
    returns in how many it is drawn anew. Safe to repeat."""
    return _offer(generation_id, Campaign.objects.filter(plan=Campaign.Plan.UNCERTAINTY))


def _offer(generation_id: UUID, to: QuerySet[Campaign]) -> int:
    generation = Generation.objects.filter(pk=generation_id).only("stage", "shopper").first()
    if generation is None:
        return 0
    active = to.filter(stage=generation.stage, state=Campaign.State.ACTIVE).select_related("rubric")
    found = active.prefetch_related("population_models", "rival_models")
    alone, paired = Q(pk=generation_id), partners(generation)
    return sum(_enrol(campaign, paired if campaign.compares else alone) for campaign in found)


def enrol_existing(campaign: Campaign) -> int:
    """Draw from all generations of the campaign's population that are finished already; returns how many are new."""
    return _enrol(campaign, Q())


def _enrol(campaign: Campaign, wanted: Q) -> int:
    plan, design = Plan.of(campaign), design_of(campaign)
    drawn = campaign.units.sampled().filter(generation=OuterRef("pk"))
    found = members(plan.population.generations().filter(~Exists(drawn), wanted), plan.reading)
    n_new = 0
    while batch := list(islice(found, BATCH)):
        n_new += _draw(campaign, batch, design, in_frame=False)
    now = Campaign.objects.values_list("design", "sampling_rate").get(pk=campaign.pk) if n_new else None
    if now and now != (campaign.design, campaign.sampling_rate):
        # It was extended while this drew by the old plan; the units hold its row now, so nobody extends it again.
        campaign.refresh_from_db()
        frame = list(members(plan.population.generations().filter(wanted), plan.reading))
        if campaign.design:
            _reweigh(campaign, frame, design_of(campaign), design)
        else:
            campaign.units.sampled().update(inclusion_probability=campaign.sampling_rate)
    return n_new


def chances(campaign: Campaign, generation_ids: Iterable[UUID]) -> dict[UUID, float]:
    """With which probability a campaign draws each of these generations, drawn or not; 0 outside its population."""
    plan, design = Plan.of(campaign), design_of(campaign)
    wanted = set(generation_ids)
    found = members(plan.population.generations().filter(pk__in=wanted), plan.reading)
    return dict.fromkeys(wanted, 0.0) | {
        one.id: design.probability(one.stratum(plan.reading, design), one.uncertainty) for one in found
    }


def _draw(campaign: Campaign, found: Iterable[Member], design: sampling.Design, *, in_frame: bool) -> int:
    """Store the units of those that are drawn, in a queue order of its own lot; returns how many.

    in_frame  whether they were there when the design was made; else they are later arrivals
    """
    reading = Reading.of(campaign)
    units = []
    for one in found:
        stratum = one.stratum(reading, design)
        threshold = design.threshold(stratum, one.uncertainty)
        if sampling.number(campaign.draw, one.id) < threshold:
            probability = design.probability(stratum, one.uncertainty) if in_frame else threshold
            units.append(
                CampaignUnit(
                    campaign=campaign,
                    generation_id=one.id,
                    rival_id=one.rival,
                    inclusion_probability=probability,
                    stratum=stratum,
                )
            )
    units.sort(key=lambda unit: sampling.queue_number(campaign.pk, unit.generation_id))
    drawn = campaign.units.sampled()
    before = drawn.filter(generation__in=[unit.generation_id for unit in units]).count() if units else 0
    CampaignUnit.objects.bulk_create(units, ignore_conflicts=True, batch_size=BATCH)
    return len(units) - before


def set_state(campaign: Campaign, state: Campaign.State) -> Campaign:
    """Pause, close or open a campaign; on opening, what was finished meanwhile is drawn from as well."""
    with transaction.atomic():
        ends = state == Campaign.State.CLOSED and campaign.state != Campaign.State.CLOSED
        campaign.state = state
        campaign.save(update_fields=["state"])
        audit.record(Verb.CAMPAIGN_STATE_CHANGED, campaign, {"state": state.value})
        if ends:
            events.campaign_closed(campaign)
        if state == Campaign.State.ACTIVE:
            enrol_existing(campaign)
            gold.enrol(campaign)
    return campaign


def progress(campaign: Campaign) -> Progress:
    """How far one campaign is."""
    return progress_of([campaign])[campaign.pk]


def progress_of(campaigns: Iterable[Campaign]) -> dict[UUID, Progress]:
    """How far each campaign is, by its id; two queries however many there are."""
    found = {campaign.pk: campaign for campaign in campaigns}
    units = (
        CampaignUnit.objects.sampled()
        .filter(campaign__in=found)
        .values(key=F("campaign"))
        .annotate(
            n_units=Count("pk"),
            n_places=Sum("campaign__overlap"),
            n_units_done=Count("pk", filter=Q(n_submitted__gte=F("campaign__overlap"))),
        )
        .order_by()
    )
    state = Assignment.State
    is_gold, submitted = Q(unit__is_gold=True), Q(state=state.SUBMITTED)
    # What has lapsed and was not swept yet is free again.
    in_work = Q(state=state.LEASED, lease_until__gt=timezone.now())
    assignments = (
        Assignment.objects.filter(unit__campaign__in=found)
        .values(key=F("unit__campaign"))
        .annotate(
            n_submitted=Count("pk", filter=submitted & ~is_gold),
            n_in_work=Count("pk", filter=in_work & ~is_gold),
            n_gold_submitted=Count("pk", filter=submitted & is_gold),
            n_gold_in_work=Count("pk", filter=in_work & is_gold),
            n_skipped=Count("pk", filter=Q(state=state.SKIPPED)),
            n_flagged=Count("pk", filter=~Q(flag="")),
        )
        .order_by()
    )
    counts: dict[UUID, dict[str, Any]] = {one: {} for one in found}
    for row in [*units, *assignments]:
        counts[row["key"]] |= {name: value for name, value in row.items() if name != "key"}
    for key, n_gold in gold.planned({found[key]: row.get("n_places", 0) for key, row in counts.items()}).items():
        counts[key]["n_gold_places"] = n_gold
    return {one: Progress(**row) for one, row in counts.items()}
