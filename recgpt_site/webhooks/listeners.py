"""Which events become deliveries: what the layers below tell, as facts without labels.

A receiver that may see labels asks the API for them; so a webhook can give nothing of blind work away.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F, Q

from judge import events as judge_events
from judge.comparison import Filters, judge_of
from judge.models import Assessment, Assignment, Campaign, CampaignUnit
from recgpt_site.models import Event
from recgpt_site.webhooks import outbox
from recommend import events as run_events
from recommend.models import PipelineRun, PopulationJob
from recommend.populations.reports import progress_of


def connect() -> None:
    """Register with the layers below; once, however often it is called."""
    judge_events.on_submitted(submitted)
    judge_events.on_campaign_closed(campaign_closed)
    judge_events.on_judge_alert(judge_alert)
    run_events.on_run_finished(run_finished)
    run_events.on_population_ended(population_ended)


def submitted(assignment: Assignment) -> None:
    """A submit may be all of three: labels, a disagreement, and the end of a campaign."""
    hooks = outbox.wanted(Event.SUBMITTED, Event.DISAGREEMENT, Event.CAMPAIGN_ENDED)
    if not hooks:
        return
    campaign = assignment.unit.campaign
    told = _facts(assignment)
    if Event.SUBMITTED in hooks:
        outbox.store(Event.SUBMITTED, hooks[Event.SUBMITTED], told)
    if Event.DISAGREEMENT in hooks and (found := contested(assignment)):
        outbox.store(Event.DISAGREEMENT, hooks[Event.DISAGREEMENT], told | {"outputs": found})
    if Event.CAMPAIGN_ENDED in hooks and is_reviewed(campaign):
        outbox.store(Event.CAMPAIGN_ENDED, hooks[Event.CAMPAIGN_ENDED], _ended(campaign, "all reviewed"))


def _facts(assignment: Assignment) -> dict[str, Any]:
    unit = assignment.unit
    return {
        "assignment": str(assignment.pk),
        "campaign": {"id": str(unit.campaign_id), "name": unit.campaign.name},
        "generation": str(unit.generation_id),
        "annotator": assignment.annotator.get_username(),
    }


def contested(assignment: Assignment) -> list[dict[str, Any]]:
    """The outputs whose first labels by this person differ from another person's, or from the serving judge's.

    Each with the names of the criteria, and whether a person, the judge or both say otherwise.
    """
    if assignment.unit.is_gold:
        return []  # measured against the known labels, as on the page of disagreements
    mine = {one.output_id: one for one in assignment.assessments.filter(revision=1).select_related("output", "rater")}
    if not mine:
        return []
    first = next(iter(mine.values()))
    judge = judge_of(Filters(kind=first.output.kind))
    others = Assessment.objects.filter(
        Q(rater__user__isnull=False) | Q(rater=judge), output__in=mine, rubric=first.rubric_id, revision=1
    )
    others = others.exclude(rater=first.rater_id).exclude(assignment__unit__is_gold=True)
    found: dict[UUID, dict[str, set[str]]] = defaultdict(lambda: {"criteria": set(), "with": set()})
    for other in others.select_related("rater"):
        labels = mine[other.output_id].labels
        criteria = {name for name, label in other.labels.items() if name in labels and labels[name] != label}
        if criteria:
            found[other.output_id]["criteria"] |= criteria
            found[other.output_id]["with"].add("person" if other.rater.is_person else "judge")
    return [
        {"output": str(pk), "criteria": sorted(one["criteria"]), "with": sorted(one["with"])}
        for pk, one in found.items()
    ]


def is_reviewed(campaign: Campaign) -> bool:
    """Whether every place of a campaign is submitted, as of this transaction and those that are committed."""
    units = CampaignUnit.objects.sampled().filter(campaign=campaign)  # gold units are nobody's work to finish
    if units.filter(n_taken__lt=F("campaign__overlap")).exists():
        return False
    # Two people who submit the last two at once do not see each other's: one waits here for the other's commit.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"reviewed:{campaign.pk}"])
    return not units.filter(n_submitted__lt=F("campaign__overlap")).exists()


def campaign_closed(campaign: Campaign) -> None:
    for event, hooks in outbox.wanted(Event.CAMPAIGN_ENDED).items():
        outbox.store(event, hooks, _ended(campaign, "closed"))


def _ended(campaign: Campaign, because: str) -> dict[str, Any]:
    return {"campaign": {"id": str(campaign.pk), "name": campaign.name}, "because": because}


def judge_alert(message: str, facts: Mapping[str, object]) -> None:
    for event, hooks in outbox.wanted(Event.JUDGE_ALERT).items():
        outbox.store(event, hooks, {"message": message, "facts": dict(facts)})


def run_finished(run_id: UUID) -> None:
    for event, hooks in outbox.wanted(Event.RUN_FINISHED).items():
        run = PipelineRun.objects.select_related("shopper", "population").get(pk=run_id)
        if run.population is not None and not run.population.tells_runs:
            return  # of a hundred thousand runs, what is of interest is that they are through
        told = {
            "run": str(run.pk),
            "state": run.state,
            "shopper": run.shopper.external_id,
            "batch": str(run.batch) if run.batch else None,
            "error": run.error,
        }
        outbox.store(event, hooks, told)


def population_ended(population_id: UUID) -> None:
    for event, hooks in outbox.wanted(Event.POPULATION_ENDED).items():
        population = PopulationJob.objects.get(pk=population_id)
        progress = progress_of(population)
        told = {
            "population": str(population.pk),
            "query": population.query,
            "state": population.state,
            "shoppers": progress.n_shoppers,
            "done": progress.n_done,
            "skipped": progress.n_skipped,
            "failed": progress.n_failed,
            "error": population.error,
        }
        outbox.store(event, hooks, told)
