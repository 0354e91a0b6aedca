"""Our own processes as services: the web server and the worker."""

import http.client
import os
import sys
from pathlib import Path

from recgpt_site.embedded import paths
from recgpt_site.embedded.processes import Service, Stage, python_environment

_PROJECT = Path(__file__).parents[2]
QUEUES = ("io", "generate", "judge")


def web(host: str, port: int, **env: str) -> Service:
    """Granian with a worker for each processor, up to two: Python runs on one, and what takes long is Celery's."""
    workers = min(2, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    # Granian's own worker processes end with it; the watchdog sees to that when all are killed.
    options = (
        "--interface",
        "wsgi",
        "--workers",
        str(workers),
        "--blocking-threads",
        "4",
        "--workers-kill-timeout",
        "3",
    )
    return Service(
        name="the web server",
        command=(
            *(sys.executable, "-m", "granian", "--host", host, "--port", str(port), *options),
            "recgpt_site.wsgi:application",
        ),
        stage=Stage.APPLICATION,
        log=paths.LOG_DIR / "web.log",
        is_ready=lambda: _answers(host, port),
        env=python_environment(**env),
        cwd=_PROJECT,
    )


def worker(*, beat: bool = True, name: str = "studio", **env: str) -> Service:
    """One Celery worker for all queues, with two threads and, with `beat`, the periodic tasks.

    Threads and not processes: the work is waiting for a language model, both share one copy of the embedding model,
    and kill -9 leaves nothing behind. What they cannot do, ending a task by force, is left to the engine's timeouts and
    the cancel mark in the database.
    """
    node = f"{name}@{paths.instance()}"
    pool = ("--pool", "threads", "--concurrency", "2", "--without-gossip", "--without-mingle")
    schedule = ("--beat", "--schedule", str(paths.DATA_DIR / "celerybeat-schedule")) if beat else ()
    return Service(
        name="the worker",
        command=(
            *(sys.executable, "-m", "celery", "-A", "recgpt_site", "worker", "--hostname", node),
            *("--queues", ",".join(QUEUES), *pool, *schedule, "--loglevel", os.environ.get("LOG_LEVEL", "INFO")),
        ),
        stage=Stage.APPLICATION,
        log=paths.LOG_DIR / "worker.log",
        is_ready=lambda: _pings(node),
        # A task that runs longer is given up; it was not acknowledged, so it runs again after the next start.
        stop_timeout_s=5.0,
        env=python_environment(**env),
        cwd=_PROJECT,
    )


def _answers(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1" if host in {"0.0.0.0", "::"} else host, port, timeout=10)  # noqa: S104
    try:
        connection.request("GET", "/", headers={"Host": f"localhost:{port}"})
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()


def _pings(node: str) -> bool:
    from recgpt_site.celery import app

    return bool(app.control.ping(destination=[node], timeout=0.3, limit=1))
