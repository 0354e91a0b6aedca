"""kill -9 of a real worker in the middle of its work: it ends after a restart, with no output twice."""

import json
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings

from recgpt_site.embedded.processes import Process
from recommend import retrieval, services
from recommend.models import Generation, JobState, LanguageModel, Output, PipelineRun, PopulationJob, Shopper
from recommend.populations import services as populations
from recommend.populations.reports import progress_of
from tests.recommend.factories import REFERENCE, BehaviorFactory, ItemFactory, LanguageModelFactory, ShopperFactory

LONGEST_S = 240
CATALOGUE = {
    "cat food": ["grocery", "cat food", "wet cat food"],
    "cat litter": ["grocery", "cat litter", "clumping cat litter"],
    "baking mixes": ["grocery", "baking mixes", "brownie mix"],
    "soft drinks": ["grocery", "soft drinks", "cola"],
}


@pytest.fixture
def shopper(transactional_db: None) -> Shopper:
    items = {
        name: ItemFactory.create(short_text=name, title=path[-1].title(), category=path)
        for name, path in CATALOGUE.items()
    }
    for buyer in [*ShopperFactory.create_batch(3), ShopperFactory.create(last_behavior_at=REFERENCE)]:
        for day, name in enumerate(["cat food", "cat litter", "cat food", "baking mixes", "cat food", "soft drinks"]):
            at = REFERENCE - timedelta(days=45 - 7 * day)
            BehaviorFactory.create(shopper=buyer, item=items[name], occurred_at=at, quantity=4)
    for role in LanguageModel.Role.values:
        LanguageModelFactory.create(name=settings.LLM_MODEL, adapter="adapter.gguf", role=role, n_tags=8)
    retrieval.fit()
    return Shopper.objects.get(last_behavior_at=REFERENCE)


def wait_for(what: Callable[[], bool]) -> None:
    end = time.monotonic() + LONGEST_S
    while not what():
        assert time.monotonic() < end, f"waited {LONGEST_S} s in vain"
        time.sleep(0.05)


@pytest.mark.llm
def test_a_run_survives_kill_9_of_its_worker(
    shopper: Shopper, llm_server: str, celery_worker_process: Callable[..., Process]
) -> None:
    quick = {"RUN_LEASE_S": "3", "SWEEP_INTERVAL_S": "1", "LLM_BASE_URL": llm_server}
    worker = celery_worker_process(**quick)
    run, _ = services.start_run(shopper=shopper, by=None, reference_at=REFERENCE)
    wait_for(lambda: run.generations.filter(state=JobState.RUNNING).exists())

    worker.kill()
    left = run.generations.get()
    celery_worker_process(beat=True, **quick)
    wait_for(lambda: not PipelineRun.objects.get(pk=run.pk).is_active)

    run.refresh_from_db()
    assert (run.state, run.error) == (JobState.DONE, "")
    assert Generation.objects.get(run=run, stage="interests").pk == left.pk
    for generation in run.generations.filter(state=JobState.DONE, stage__in=["interests", "tags"]):
        said = json.loads(generation.raw_text)[generation.stage]
        assert Output.objects.filter(generation=generation).count() == len(said)


@pytest.mark.llm
def test_a_population_survives_kill_9_of_its_worker_and_makes_nothing_twice(
    shopper: Shopper, llm_server: str, celery_worker_process: Callable[..., Process]
) -> None:
    Shopper.objects.exclude(pk=shopper.pk).update(last_behavior_at=REFERENCE)
    quick = {"RUN_LEASE_S": "3", "SWEEP_INTERVAL_S": "1", "LLM_BASE_URL": llm_server}
    worker = celery_worker_process(**quick)
    population = populations.start(query="all", stages=["interests", "tags"], by=None)
    wait_for(lambda: population.runs.filter(generations__state=JobState.DONE).exists())

    worker.kill()
    made = set(Generation.objects.filter(run__population=population, state=JobState.DONE).values_list("pk", flat=True))
    n_ended = population.members.exclude(state="waiting").count()
    assert n_ended < 4, "the worker was killed too late to test anything"
    celery_worker_process(beat=True, **quick)
    wait_for(lambda: not PopulationJob.objects.get(pk=population.pk).is_active)

    population.refresh_from_db()
    report = progress_of(population)
    assert (population.state, report.n_done + report.n_failed) == (JobState.DONE, 4)
    assert population.runs.values("shopper").distinct().count() == population.runs.count() == 4
    generations = Generation.objects.filter(run__population=population)
    assert made <= set(generations.filter(state=JobState.DONE).values_list("pk", flat=True))
    for generation in generations.filter(state=JobState.DONE):
        said = json.loads(generation.raw_text)[generation.stage]
        assert Output.objects.filter(generation=generation).count() == len(said)
