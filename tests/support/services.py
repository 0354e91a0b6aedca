"""The real services behind the tests: embedded PostgreSQL, Valkey and llama.cpp, or those of the environment."""

import os
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection

from recgpt_site.embedded import application, paths, stack
from recgpt_site.embedded.processes import Process
from recgpt_site.embedded.progress import Silent
from recgpt_site.embedded.supervisor import Supervisor


@pytest.fixture(scope="session")
def supervisor() -> Iterator[Supervisor]:
    """Ends everything it started with the session, and when the session is killed."""
    with Supervisor(command="pytest", progress=Silent()) as supervisor:
        yield supervisor


@pytest.fixture(scope="session")
def stores(supervisor: Supervisor) -> None:
    """PostgreSQL and Valkey, running. Every test that uses the database has them already."""
    stack.start_stores(supervisor, Silent(), durable=False)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None, stores: None) -> None:
    """pytest-django's hook before it makes the test database."""


@pytest.fixture(autouse=True)
def empty_cache(request: pytest.FixtureRequest) -> None:
    """Throttling counters of one test are not the next one's; a server of the user's own is not emptied."""
    if "stores" in request.fixturenames and not stack.uses_own("REDIS_URL"):
        cache.clear()


@pytest.fixture(scope="session")
def llm_server(supervisor: Supervisor) -> str:
    """The base URL of a real language model: LLM_BASE_URL, else the embedded one, started when first asked for."""
    if not stack.uses_own("LLM_BASE_URL"):
        stack.start_language_model(supervisor, Silent())
        settings.LLM_BASE_URL = paths.llm_base_url()
    return str(settings.LLM_BASE_URL)


@pytest.fixture
def celery_worker_process(transactional_db: None, stores: None) -> Iterator[Callable[..., Process]]:
    """Starts real workers on the test database: `worker = celery_worker_process(RUN_LEASE_S="2")`, `worker.kill()`.

    Each call starts one more process, with the given environment; `kill` is kill -9. The queues are empty at first.
    """
    _empty_queues()
    workers: list[Process] = []

    def start(*, beat: bool = False, **env: str) -> Process:
        name = f"test-{len(workers)}"
        worker = Process(application.worker(beat=beat, name=name, **_test_database(), **env))
        workers.append(worker)
        worker.wait_until_ready()
        return worker

    yield start
    for worker in workers:
        worker.kill()


@pytest.fixture
def web_server(transactional_db: None, stores: None) -> Iterator[str]:
    """The URL of the web server as it is deployed, Granian with its few threads, on the test database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = Process(application.web("127.0.0.1", port, **_test_database()))
    try:
        server.wait_until_ready()
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()


def _test_database() -> dict[str, str]:
    """The environment that points another process of ours at the test database."""
    name = str(connection.settings_dict["NAME"])
    if not stack.uses_own("DATABASE_URL"):
        return {"RECGPT_DATABASE_NAME": name}
    return {"DATABASE_URL": urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))}


def _empty_queues() -> None:
    from recgpt_site.celery import app

    with app.connection_for_write() as broker:
        client: Any = broker.default_channel.client  # type: ignore[attr-defined]  # the Redis transport's own
        if stack.uses_own("REDIS_URL"):
            client.delete(*application.QUEUES, "unacked", "unacked_index")
        else:
            client.flushdb()
