"""The web server as the demo runs it, on stores of its own: what the benchmarks over HTTP load."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.db import connection

from recgpt_site.embedded import application, stack
from recgpt_site.embedded.progress import Silent
from recgpt_site.embedded.supervisor import Supervisor


@contextmanager
def server() -> Iterator[int]:
    """Web server, PostgreSQL (with fsync) and Valkey, up and empty, in the data folder that is set; the web's port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with Supervisor(command="benchmark", progress=Silent()) as supervisor:
        stack.start_stores(supervisor, Silent(), durable=True)
        call_command("migrate", interactive=False, verbosity=0)
        supervisor.start(application.web("127.0.0.1", port))
        try:
            yield port
        finally:
            connection.close()
            connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's has one
