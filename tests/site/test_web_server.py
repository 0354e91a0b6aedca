"""The web server as it is deployed: Granian, with the few threads that README and demo give it."""

import json
import threading
import time
from typing import Any

import httpx

from recgpt_site.api import tokens
from recommend.models import JobState, PipelineRun
from recommend.roles import LEAD
from tests.judge.factories import UserFactory
from tests.recommend.factories import PipelineRunFactory

N_STREAMS = 12  # more than the server has threads


def test_streams_of_progress_leave_threads_for_others_and_hear_of_the_end(web_server: str) -> None:
    run = PipelineRunFactory.create()
    _, token = tokens.create(UserFactory.create(role=LEAD), name="test")
    address = f"{web_server}/api/v1/pipeline-runs/{run.pk}/events/"
    headers = {"Authorization": f"Bearer {token}"}
    heard: list[tuple[float, dict[str, Any]]] = []

    def listen() -> None:
        """As EventSource does: comes back with the id of the last event until it is told not to."""
        seen = ""
        while True:
            with httpx.stream("GET", address, headers=headers | {"Last-Event-ID": seen}, timeout=60) as stream:
                if stream.status_code == 204:
                    return
                for line in stream.iter_lines():
                    name, _, value = line.partition(": ")
                    if name == "id":
                        seen = value
                    elif name == "data":
                        heard.append((time.monotonic(), json.loads(value)))
            time.sleep(0.5)

    listeners = [threading.Thread(target=listen) for _ in range(N_STREAMS)]
    for listener in listeners:
        listener.start()
    wait_for(lambda: len(heard) == N_STREAMS)

    waits = []
    for _ in range(20):
        started = time.monotonic()
        assert httpx.get(f"{web_server}/healthz", timeout=30).status_code == 200
        waits.append(time.monotonic() - started)
    ended_at = time.monotonic()
    PipelineRun.objects.filter(pk=run.pk).update(state=JobState.DONE, step="finished")
    for listener in listeners:
        listener.join(60)

    assert not any(listener.is_alive() for listener in listeners)
    assert max(waits) < 10, waits  # nobody waited for a stream to end, which takes 25 s
    told = [at - ended_at for at, data in heard if not data["is_active"]]
    assert len(told) == N_STREAMS
    assert max(told) < 10, told


def wait_for(what: Any, timeout_s: float = 60) -> None:
    end = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
