"""Cancelling a run ends what its model server is generating; the server is a stand-in that notices who leaves."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from recommend import pipeline, services
from recommend.models import JobState, LanguageModel, PipelineRun
from tests.recommend.factories import REFERENCE, BehaviorFactory, LanguageModelFactory, ShopperFactory
from tests.support.failing_server import FailingServer, failing_server, hang

LONGEST_S = 9.0  # the stand-in hangs for ten


@pytest.fixture
def run(transactional_db: None) -> PipelineRun:
    shopper = ShopperFactory.create(last_behavior_at=REFERENCE)
    BehaviorFactory.create(shopper=shopper)
    for role in LanguageModel.Role.values:
        LanguageModelFactory.create(role=role)
    return services.start_run(shopper=shopper, by=None)[0]


@pytest.fixture
def server(settings) -> Iterator[FailingServer]:
    with failing_server(hang) as server:
        settings.LLM_BASE_URL = server.base_url
        yield server


def wait_for(what: Callable[[], bool]) -> None:
    end = time.monotonic() + LONGEST_S
    while not what():
        assert time.monotonic() < end, f"waited {LONGEST_S} s in vain"
        time.sleep(0.02)


def worked_on(run: PipelineRun) -> threading.Thread:
    """A worker that does the run's steps until there is nothing to do."""

    def work() -> None:
        try:
            while pipeline.advance(run.pk):
                pass
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_cancelling_closes_the_request_and_frees_the_worker(run: PipelineRun, server: FailingServer) -> None:
    worker = worked_on(run)
    wait_for(lambda: server.seen.n_open == 1)

    services.cancel_run(run)
    cancelled_at = time.monotonic()
    worker.join(LONGEST_S)
    wait_for(lambda: server.seen.n_open == 0)

    assert time.monotonic() - cancelled_at < 5
    assert not worker.is_alive()
    assert server.seen.n_left_by_client == 1
    run.refresh_from_db()
    assert run.state == JobState.CANCELLED
    assert [one.state for one in run.generations.all()] == [JobState.CANCELLED]
    assert len(server.seen.bodies) == 1


def test_a_run_that_another_worker_took_over_is_not_generated_for_twice(
    run: PipelineRun, server: FailingServer
) -> None:
    worker = worked_on(run)
    wait_for(lambda: server.seen.n_open == 1)

    PipelineRun.objects.filter(pk=run.pk).update(lease_token=None)
    worker.join(LONGEST_S)

    assert not worker.is_alive()
    assert PipelineRun.objects.get(pk=run.pk).state == JobState.RUNNING
