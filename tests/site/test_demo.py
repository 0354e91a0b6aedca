"""`manage.py demo`, from an empty data folder to the log-in page, and every way to end it."""

import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.support.supervised import Run, alive, data_folder, seconds_until_gone

pytestmark = [
    pytest.mark.llm,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]
READY = "Ctrl-C stops everything."
START_TIMEOUT_S = 900  # on a busy machine; README tells what a free one needs


@pytest.fixture(scope="module")
def start() -> Iterator[Callable[[], Run]]:
    """The running demo; a new one on the same data folder where the last test ended it."""
    runs: list[Run] = []
    with data_folder() as folder:

        def running() -> Run:
            if not runs or runs[-1].process.poll() is not None:
                runs.append(Run(folder, "demo", "--shoppers", "60", PORT=str(free_port())))
                runs[-1].wait_for(READY, START_TIMEOUT_S)
            return runs[-1]

        yield running
        pids = runs[-1].descendants() if runs else {}
        for run in runs:
            run.process.kill()
            run.wait()
        seconds_until_gone(pids)


@pytest.fixture
def demo(start: Callable[[], Run]) -> Run:
    return start()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def url_of(run: Run) -> str:
    found = re.search(r"RecGPT Studio is up: (http\S+)", run.output)
    assert found, run.output
    return found[1]


def logins_of(run: Run) -> dict[str, str]:
    return dict(re.findall(r"log in as (\S+)\s+password (\S+)", run.output))


def test_demo_shows_its_steps_and_three_logins_that_work(demo):
    logins = logins_of(demo)
    pages = {}
    for name, password in logins.items():
        with httpx.Client(base_url=url_of(demo), follow_redirects=True, timeout=30) as client:
            client.get("/login/")
            form = {"username": name, "password": password, "csrfmiddlewaretoken": client.cookies["csrftoken"]}
            pages[name] = client.post("/login/", data=form)

    assert re.search(r"Starting PostgreSQL … \d+\.\d s", demo.output)
    assert re.search(r"Loading the sample data … \d+\.\d s", demo.output)
    assert set(logins) == {"admin", "lead", "annotator"}
    assert {page.status_code for page in pages.values()} == {200}
    assert all(name in page.text for name, page in pages.items())


def test_killed_web_server_and_worker_come_back(demo):
    for part in ("granian", "celery"):
        leader = min(pid for pid, command in demo.descendants().items() if part in command)
        os.kill(leader, signal.SIGKILL)

    demo.wait_for("The web server is up again.", 120)
    demo.wait_for("The worker is up again.", 120)

    assert httpx.get(url_of(demo), follow_redirects=True, timeout=30).status_code == 200


def test_taken_port_is_named_with_the_remedy():
    with socket.socket() as taken, data_folder() as folder:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        run = Run(folder, "demo", PORT=str(port))

        status = run.wait()

    assert status == 1
    assert f"Port {port} on 127.0.0.1 can't be used" in run.output
    assert "PORT=8001 make demo" in run.output


def test_ctrl_c_stops_every_process(demo):
    pids = demo.descendants()
    assert any("granian" in command for command in pids.values())
    assert any("celery" in command for command in pids.values())

    demo.send(signal.SIGINT)

    assert demo.wait() == 0
    assert alive(pids) == set()
    assert "Everything is stopped." in demo.output


def test_killed_demo_leaves_none_behind(demo):
    pids = demo.descendants()

    demo.send(signal.SIGKILL)

    assert seconds_until_gone(pids) < 5
