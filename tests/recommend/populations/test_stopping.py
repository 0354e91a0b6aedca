"""Pausing and cancelling while a server is answering; the server is a stand-in, threads and network are real."""

import threading
import time
from collections.abc import Callable

import pytest
from django.db import connection

from recommend import tasks
from recommend.engines.openai import OpenAIEngine
from recommend.models import JobState, PopulationJob
from recommend.populations import services
from recommend.populations.shifts import Shift
from tests.recommend.populations import material
from tests.support.failing_server import failing_server, hang

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("stop", [services.pause, services.cancel])
def test_calls_in_flight_are_given_up_at_once_and_their_server_makes_no_more_tokens(
    stop: Callable[[PopulationJob], PopulationJob], monkeypatch: pytest.MonkeyPatch
):
    for task in (tasks.advance_population, tasks.advance_chunk):
        monkeypatch.setattr(task, "apply_async_on_commit", lambda **sent: None)
    material.serving()
    material.made(2)
    population = material.started(stages="interests")
    chunk = population.chunks.get()

    def work() -> None:
        Shift(chunk.pk, lambda pk: None).work(OpenAIEngine(server.base_url, timeout_s=60))
        connection.close()

    with failing_server(hang) as server:
        worker = threading.Thread(target=work)
        worker.start()
        _wait_for(lambda: server.seen.n_open == 2)

        stop(population)

        worker.join(timeout=5)
        assert not worker.is_alive()
        _wait_for(lambda: server.seen.n_open == 0)
    assert server.seen.n_left_by_client == 2
    assert not population.runs.filter(state=JobState.RUNNING).exists()


def _wait_for(condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
    end = time.perf_counter() + timeout_s
    while not condition():
        assert time.perf_counter() < end, "it did not happen in time"
        time.sleep(0.01)
