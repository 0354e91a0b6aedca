"""Which shoppers come when: a population is written down, cut into chunks, and what failed is cut once more at the end.

Only as many chunks are cut as any number of workers may have at hand, so that a queue of the broker never holds a whole
population, and pausing or cancelling leaves nothing behind in it.
"""

from __future__ import annotations

from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from recommend import events, jobs
from recommend.audit import Verb
from recommend.models import (
    ACTIVE_STATES,
    Generation,
    JobState,
    PipelineRun,
    PopulationChunk,
    PopulationJob,
    PopulationShopper,
)
from recommend.populations import queries

State, Reason = PopulationShopper.State, PopulationShopper.Reason

CHUNK_SIZE = 50
# Chunks at work or waiting for a worker: more than there will be workers.
WINDOW = 200
ATTEMPTS = 2
# What another draw may mend. A history that tells nothing tells nothing the second time, and a cancelled run was meant.
TRIED_AGAIN = (Reason.TRUNCATED, Reason.INVALID_JSON, Reason.SCHEMA, Reason.FORM, Reason.REFUSED, Reason.INTERNAL)

WRITE_DOWN = """
INSERT INTO recommend_populationshopper (population_id, shopper_id, state, reason, tokens)
SELECT %s, chosen.id, 'waiting', '', 0 FROM ({chosen}) chosen
"""


def write_down(population: PopulationJob, token: UUID) -> None:
    """Choose the shoppers of a job that is held, once. Raises LostError where it is not ours any more."""
    if population.n_shoppers is not None:
        return
    try:
        found = queries.shoppers(population.query)
    except queries.PopulationError as changed:  # such as an attribute that no shopper has any more
        with transaction.atomic():
            jobs.renew(population, token)
            jobs.end(population, token, JobState.FAILED, str(changed))
            events.population_ended(population.pk)
        return
    chosen, values = found.order_by("id").values("id").query.sql_with_params()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(WRITE_DOWN.format(chosen=chosen), [population.pk, *values])
        jobs.renew(population, token, n_shoppers=cursor.rowcount)


@transaction.atomic
def fill(population_id: UUID) -> list[PopulationChunk]:
    """Cut chunks until enough are at work, and end the job where nothing is left; returns the new chunks.

    Called at every end of a chunk; of many that end at once each sees what the others cut.
    """
    population = PopulationJob.objects.select_for_update().filter(PopulationJob.GOES, pk=population_id).first()
    if population is None or population.n_shoppers is None:
        return []
    n_active = population.chunks.filter(state__in=ACTIVE_STATES).count()
    made = _cut(population, WINDOW - n_active)
    if made or n_active:
        return made
    if population.attempt < ATTEMPTS and _try_again(population):
        return _cut(population, WINDOW)
    PopulationJob.objects.filter(pk=population.pk).update(state=JobState.DONE, finished_at=Now())
    events.population_ended(population.pk)
    return []


def _cut(population: PopulationJob, n_chunks: int) -> list[PopulationChunk]:
    made = []
    for _ in range(n_chunks):
        uncut = _waiting(population).filter(chunk=None).order_by("pk").values("pk")[:CHUNK_SIZE]
        chunk = PopulationChunk(population=population, attempt=population.attempt)
        ids = list(uncut.values_list("pk", flat=True))
        if not ids:
            break
        chunk.save()
        PopulationShopper.objects.filter(pk__in=ids).update(chunk=chunk)
        made.append(chunk)
    return made


def _waiting(population: PopulationJob) -> QuerySet[PopulationShopper]:
    return PopulationShopper.objects.filter(population=population, state=State.WAITING)


def _try_again(population: PopulationJob) -> int:
    """Have those that failed wait once more, in chunks of their own; returns how many."""
    failed = PopulationShopper.objects.filter(population=population, state=State.FAILED, reason__in=TRIED_AGAIN)
    n = failed.update(state=State.WAITING, reason="", chunk=None, ended_at=None)
    if n:
        population.attempt += 1
        population.save(update_fields=["attempt"])
    return n


@transaction.atomic
def pause(population: PopulationJob) -> PopulationJob:
    """Make no more until it is resumed; what is in flight is given up. One that rests or has ended stays as it is."""
    paused = jobs.pause(population, Verb.POPULATION_PAUSED)
    if paused.is_paused:
        _let_go(paused, JobState.QUEUED)
    return paused


def is_stopped(population_id: UUID) -> bool:
    """Whether a job rests or has ended, so that what is in flight for it is made in vain."""
    found = PopulationJob.objects.filter(pk=population_id).values_list("state", "paused_at").first()
    return found is not None and (found[0] not in ACTIVE_STATES or found[1] is not None)


@transaction.atomic
def cancel(population: PopulationJob) -> PopulationJob:
    """Stop for good: what was made stays, what is in flight is given up. One that has ended stays as it is."""
    was_active = PopulationJob.objects.select_for_update().get(pk=population.pk).is_active
    cancelled = jobs.cancel(population, Verb.POPULATION_CANCELLED)
    if was_active:
        _let_go(cancelled, JobState.CANCELLED)
        events.population_ended(cancelled.pk)
    return cancelled


def fail(population_id: UUID, error: str) -> None:
    """End a job that cannot go on, with the reason in words that a person can act on."""
    with transaction.atomic():
        active = PopulationJob.objects.filter(pk=population_id, state__in=ACTIVE_STATES)
        if active.update(state=JobState.FAILED, error=error, finished_at=Now()):
            _let_go(PopulationJob.objects.get(pk=population_id), JobState.CANCELLED)
            events.population_ended(population_id)


def _let_go(population: PopulationJob, state: JobState) -> None:
    """Take chunks and runs from the workers that have them: they find out at the next result, and close their calls."""
    free = {"state": state, "lease_token": None, "lease_until": None}
    active = {"population": population, "state__in": ACTIVE_STATES}
    PopulationChunk.objects.filter(**active).update(**free)
    ended_at = None if state == JobState.QUEUED else Now()
    runs = list(PipelineRun.objects.filter(**active).values_list("pk", flat=True))
    PipelineRun.objects.filter(pk__in=runs).update(**free, finished_at=ended_at)
    Generation.objects.filter(run__population=population, state__in=ACTIVE_STATES).update(
        state=state, finished_at=ended_at
    )
    if ended_at is not None:
        for run in runs:
            events.run_finished(run)
