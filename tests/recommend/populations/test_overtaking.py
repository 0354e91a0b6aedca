"""A run that somebody waits for, while a population is at work; the server is a stand-in, all else is real."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from django.db import connection

from recommend import pipeline, services, tasks
from recommend.engines import factory
from recommend.engines.openai import OpenAIEngine
from recommend.models import PipelineRun, PopulationChunk, PopulationShopper, Shopper
from recommend.populations import shifts
from recommend.populations.shifts import Shift
from tests.recommend.populations import material
from tests.support.replay_server import ReplayServer, read, replay_server

pytestmark = pytest.mark.django_db(transaction=True)
N_SHOPPERS, CONCURRENCY = 40, 2
# What a worker has handed to its engine, and that may still be asked: those in flight and as many read ahead.
HANDED_OVER = 2 * CONCURRENCY


@dataclass
class AtWork:
    """A worker in the middle of a population of interests, and its server, which answers two at a time."""

    server: ReplayServer
    worker: threading.Thread
    chunk: PopulationChunk
    left: list[PopulationChunk]


@pytest.fixture
def at_work(monkeypatch: pytest.MonkeyPatch) -> Iterator[AtWork]:
    for task in (tasks.advance_population, tasks.advance_chunk, tasks.advance_run):
        monkeypatch.setattr(task, "apply_async_on_commit", lambda **sent: None)
    monkeypatch.setattr(shifts, "LOOK_AROUND_S", 0.05)
    material.serving()
    material.made(N_SHOPPERS)
    chunk, left = material.started(stages="interests").chunks.get(), list[PopulationChunk]()
    interests = [one for one in read() if one.text.startswith('{"interests"')]
    half_a_second = max(one.at[-1] for one in interests) / 0.5

    def work() -> None:
        left.extend(Shift(chunk.pk, lambda pk: None).work(engine))
        connection.close()

    with replay_server(interests, rate=half_a_second, slots=CONCURRENCY) as server:
        engine = OpenAIEngine(server.base_url, concurrency=CONCURRENCY, send_priority=True)
        monkeypatch.setattr(factory, "from_settings", lambda name="openai": engine)
        worker = threading.Thread(target=work)
        worker.start()
        _wait_for(lambda: server.n_asked >= 4)
        yield AtWork(server, worker, chunk, left)
        worker.join()


def wanted() -> PipelineRun:
    """A run that somebody waits for."""
    run, _ = services.start_run(shopper=Shopper.objects.all()[:1].get(), by=None, steps=["interests"])
    return run


def done(run: PipelineRun) -> PipelineRun:
    """The run after a worker that is free has done it."""
    while (advanced := pipeline.advance(run.pk)) is not None and advanced.is_active:
        pass
    assert advanced is not None
    return advanced


def test_where_no_worker_is_free_the_one_at_the_population_makes_room(at_work: AtWork):
    run = wanted()

    at_work.worker.join(timeout=30)

    assert at_work.left == [at_work.chunk]
    n_asked = at_work.server.n_asked
    assert n_asked <= 4 + HANDED_OVER + 1  # and one more, if it looked around a moment before
    # Nothing is lost: who was not asked is still to come.
    assert PopulationShopper.objects.filter(state="waiting").count() == N_SHOPPERS - n_asked
    assert done(run).state == "done"


def test_where_another_worker_is_free_the_run_does_not_wait_for_the_population(at_work: AtWork):
    run = done(wanted())

    priorities = [body["priority"] for body in at_work.server.bodies]
    assert run.state == "done"
    # More urgent than all others, to a server that schedules by it; and there at once.
    assert priorities.count(0) == 1
    assert set(priorities) == {0, 15}
    assert priorities.index(0) < N_SHOPPERS / 2
    assert len(priorities) < N_SHOPPERS


def _wait_for(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    end = time.perf_counter() + timeout_s
    while not condition():
        assert time.perf_counter() < end, "it did not happen in time"
        time.sleep(0.01)
