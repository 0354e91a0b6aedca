"""People at work over HTTP, as fast as the server lets them, and what the server's processes spend on it."""

import http.client
import json
import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.queue.seed import LABELS


class Annotator:
    """One person's program: a token, and a connection that is kept open."""

    def __init__(self, port: int, token: str) -> None:
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """The status of the answer, and its JSON."""
        sent = None if body is None else json.dumps(body).encode()
        self.http.request(method, f"/api/v1/{path}", sent, self.headers)
        response = self.http.getresponse()
        received = response.read()
        return response.status, json.loads(received) if received else None

    def next(self, campaign: object) -> tuple[int, Any]:
        return self.call("POST", f"campaigns/{campaign}/next/", {})

    def submit(self, screen: dict[str, Any]) -> tuple[int, Any]:
        answers = {output["id"]: {"labels": LABELS, "comment": ""} for output in screen["outputs"]}
        return self.call("POST", f"assignments/{screen['id']}/submit/", {"answers": answers, "seconds": 40})


@dataclass
class Done:
    """What came of a scenario: seconds of every call, what was handed out, and what went wrong."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    given: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    wall_s: float = 0.0
    cpu_s: dict[str, float] = field(default_factory=dict)

    def timed(self, name: str, call: Callable[[], tuple[int, Any]]) -> Any:
        """The JSON of a call that must be answered with 200; else None, and an error."""
        started = time.perf_counter()
        status, body = call()
        self.seconds.setdefault(name, []).append(time.perf_counter() - started)
        if status != 200:
            self.errors.append(f"{name}: {status} {body}")
            return None
        return body


def together(people: Sequence[Annotator], work: Callable[[Annotator, Done], None]) -> Done:
    """Have everybody do `work` at once, started together."""
    done = [Done() for _ in people]
    gate = threading.Barrier(len(people) + 1)

    def one(person: Annotator, mine: Done) -> None:
        person.http.close()  # it opens again; one that stood idle for 30 s is closed by the server
        gate.wait()
        work(person, mine)

    with ThreadPoolExecutor(len(people)) as pool:
        working = [pool.submit(one, person, mine) for person, mine in zip(people, done, strict=True)]
        before = cpu_s()
        gate.wait()
        started = time.perf_counter()
        for each in working:
            each.result()
    total = Done(wall_s=time.perf_counter() - started)
    total.cpu_s = {name: spent - before[name] for name, spent in cpu_s().items()}
    for mine in done:
        total.given += mine.given
        total.errors += mine.errors
        for name, seconds in mine.seconds.items():
            total.seconds.setdefault(name, []).extend(seconds)
    return total


def review(campaign: object, n_pairs: int) -> Callable[[Annotator, Done], None]:
    """Take and submit, `n_pairs` times."""

    def work(person: Annotator, done: Done) -> None:
        for _ in range(n_pairs):
            screen = done.timed("next", lambda: person.next(campaign))
            if screen is None:
                return
            done.given.append(screen["generation"])
            done.timed("submit", partial(person.submit, screen))

    return work


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` (0 to 1) of all do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def cpu_s() -> dict[str, float]:
    """Processor seconds so far of this process (`client`) and of the services that it started, by their names."""
    stats = {int(path.name): _stat(path) for path in Path("/proc").iterdir() if path.name.isdigit()}
    found = {"client": time.process_time(), "web": 0.0, "postgres": 0.0, "valkey": 0.0}
    for pid, stat in stats.items():
        top = pid
        while top in stats and stats[top][0] != os.getpid():
            top = stats[top][0]
        if top in stats:
            for name, mark in (("web", "granian"), ("postgres", "/postgres"), ("valkey", "valkey-server")):
                found[name] += stat[1] if mark in _command(top) else 0.0
    return found


def _stat(path: Path) -> tuple[int, float]:
    """A process's parent and its processor seconds, those of its ended children included."""
    try:
        values = (path / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0, 0.0
    return int(values[1]), sum(map(int, values[11:15])) / os.sysconf("SC_CLK_TCK")


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""
