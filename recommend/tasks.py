"""Celery's way in: fetch by id, call the work. Every task may be delivered twice."""

from datetime import timedelta
from uuid import UUID

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from recommend import jobs, pipeline
from recommend.ahead import explaining, shortening
from recommend.engines import factory
from recommend.engines.errors import EngineUnavailableError, UnknownEngineError
from recommend.models import (
    ACTIVE_STATES,
    ExplanationFill,
    LanguageModel,
    PipelineRun,
    PopulationChunk,
    PopulationJob,
    ShortFormFill,
    Stage,
)
from recommend.populations import members, planning
from recommend.populations.shifts import Shift

SWEEP_LIMIT = 100
# Below the broker's visibility timeout: a longer wait would be delivered a second time meanwhile.
LONGEST_WAIT_S = 120

# A task that needs a model's server: one that cannot be reached is asked again, ever more slowly.
_asks_a_model = shared_task(
    base=DjangoTask,
    autoretry_for=(EngineUnavailableError,),
    retry_backoff=4,
    retry_backoff_max=LONGEST_WAIT_S,
    max_retries=6,
)


def send(run: PipelineRun) -> None:
    """Have a worker do the run's next step, once the transaction at hand is committed."""
    advance_run.apply_async_on_commit(args=(str(run.pk),), priority=run.task_priority)


@shared_task(base=DjangoTask)
def advance_run(run_id: str) -> None:
    """Do the next step of a run, from wherever it stands; nothing happens where another worker holds it.

    One step a task, so that a run that somebody waits for overtakes those in the background at every step.
    """
    run = pipeline.advance(UUID(run_id))
    if run is not None and run.is_active:
        send(run)


@shared_task(base=DjangoTask)
def sweep() -> int:
    """Send again what a lost broker or worker left behind; returns how many runs were sent.

    A run is left behind when nobody holds it, and its task was sent longer ago than a worker takes to pick one up on
    an idle system. On a busy one it is sent twice, which does no harm.
    """
    now = timezone.now()
    unheld = Q(lease_until=None) | Q(lease_until__lt=now)
    left = PipelineRun.objects.filter(
        unheld,
        population=None,  # the others are their chunk's worker's
        explanation_fill=None,  # or their job's
        state__in=ACTIVE_STATES,
        sent_at__lt=now - timedelta(seconds=settings.RUN_LEASE_S),
    ).order_by("priority", "created_at")[:SWEEP_LIMIT]
    runs = list(left)
    PipelineRun.objects.filter(pk__in=[run.pk for run in runs]).update(sent_at=now)
    for run in runs:
        send(run)
    return len(runs)


# Populations ----------------------------------------------------------------------------------------------------------


def send_population(population: PopulationJob) -> None:
    """Have a worker write down the shoppers of a job and cut its next chunks, once the transaction is committed."""
    jobs.send(population, advance_population, members.PRIORITY)


@shared_task(base=DjangoTask)
def advance_population(population_id: str) -> None:
    """Write down the shoppers of a job, once, and cut its next chunks; nothing happens where it rests or has ended."""
    jobs.advance(PopulationJob.objects.all(), UUID(population_id), planning.write_down)
    send_more(UUID(population_id))


def send_more(population_id: UUID) -> None:
    """Cut what a job has room for, and send it."""
    for chunk in planning.fill(population_id):
        send_chunk(chunk)


def send_chunk(chunk: PopulationChunk) -> None:
    """Have a worker go on with a chunk, once the transaction at hand is committed."""
    jobs.send(chunk, advance_chunk, members.PRIORITY)


@_asks_a_model
def advance_chunk(chunk_id: str) -> None:
    """Work at a chunk, and at further ones of its job, for a while; nothing happens where another worker holds it.

    A server that cannot be reached is asked again, ever more slowly; after that the sweep takes over.
    """
    chunk = PopulationChunk.objects.select_related("population").filter(pk=UUID(chunk_id)).first()
    if chunk is None:
        return
    try:
        # The models of a job have one engine, so any of them names it.
        model = PipelineRun(chosen_models=chunk.population.chosen_models).model_for(Stage.INTERESTS)
        engine = factory.from_settings(model.engine)
    except (LanguageModel.DoesNotExist, UnknownEngineError) as wrong:
        planning.fail(chunk.population_id, str(wrong))
        return
    for left in Shift(chunk.pk, send_more).work(engine):
        send_chunk(left)


@shared_task(base=DjangoTask)
def sweep_populations() -> int:
    """Send again the population jobs and chunks whose task or worker was lost; returns how many."""
    return jobs.resend(PopulationJob, send_population) + jobs.resend(PopulationChunk, send_chunk)


# Made ahead -----------------------------------------------------------------------------------------------------------


def send_explanation_fill(fill: ExplanationFill) -> None:
    """Have a worker go on with a job that explains items ahead, once the transaction at hand is committed."""
    jobs.send(fill, advance_explanation_fill, members.PRIORITY)


@_asks_a_model
def advance_explanation_fill(fill_id: str) -> None:
    """Explain items ahead for a while; nothing happens where another worker holds the job."""
    fill = explaining.advance(UUID(fill_id))
    if fill is not None and fill.is_active and not fill.is_paused:
        send_explanation_fill(fill)


def send_short_form_fill(fill: ShortFormFill) -> None:
    """Have a worker go on with a job that shortens items, once the transaction at hand is committed."""
    jobs.send(fill, advance_short_form_fill, members.PRIORITY)


@_asks_a_model
def advance_short_form_fill(fill_id: str) -> None:
    """Shorten items for a while; nothing happens where another worker holds the job."""
    fill = shortening.advance(UUID(fill_id))
    if fill is not None and fill.is_active and not fill.is_paused:
        send_short_form_fill(fill)


@shared_task(base=DjangoTask)
def sweep_fills() -> int:
    """Send again the jobs that make something ahead whose task or worker was lost; returns how many."""
    return jobs.resend(ExplanationFill, send_explanation_fill) + jobs.resend(ShortFormFill, send_short_form_fill)
