"""The web server as it is deployed: Granian, with the few threads that README and demo give it."""

import json
import re
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

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


@pytest.mark.skipif(sys.platform != "linux", reason="reads memory in /proc")
def test_a_million_lines_are_refused_whole_and_cost_no_memory(web_server: str, tmp_path: Path) -> None:
    _, token = tokens.create(UserFactory.create(role=LEAD), name="test")
    file = tmp_path / "runs.jsonl"
    file.write_bytes(b'{"shopper": "household-1", "n_items": 3}\n' * 1_000_000)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
    address = f"{web_server}/api/v1/pipeline-runs/bulk/"
    few = b'{"shopper": "household-1"}\n' * 100
    for _ in range(8):  # every worker has loaded what it needs
        assert httpx.post(address, content=few, headers=headers, timeout=60).status_code == 200
    before = memory_mb(web_server)

    with file.open("rb") as body:
        answer = httpx.post(address, content=body, headers=headers, timeout=300)

    assert answer.status_code == 413
    assert "1,000,000 lines; at most 10,000 are taken at once, and none was." in answer.json()["detail"]
    grown = memory_mb(web_server) - before
    assert grown < 20, f"{file.stat().st_size / 1e6:.0f} MB sent, {grown:.1f} MB more"


def memory_mb(url: str) -> float:
    """What all processes of the web server hold: the largest that each ever did, as a peak is soon gone."""
    port = url.rpartition(":")[2].encode()
    held = 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if b"granian" in (command := (folder / "cmdline").read_bytes()) and port in command.split(b"\0"):
                (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", (folder / "status").read_text())
                held += int(peak) / 1024
        except OSError:
            continue  # it has just ended
    return held


def wait_for(what: Any, timeout_s: float = 60) -> None:
    end = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
