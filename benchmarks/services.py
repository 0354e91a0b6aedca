"""What the benchmarks load, up and empty in their data folder: the web server as the demo runs it, or a database."""

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
    """Web server, PostgreSQL (with fsync) and Valkey; the web's port."""
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


@contextmanager
def database() -> Iterator[Supervisor]:
    """A database with our tables, on the embedded PostgreSQL (with fsync), or on that of DATABASE_URL.

    Gives the supervisor, for what else is to be started.
    """
    with Supervisor(command="benchmark", progress=Silent()) as supervisor:
        stack.start_stores(supervisor, Silent(), durable=True)
        original = connection.settings_dict["NAME"]
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        try:
            yield supervisor
        finally:
            connection.creation.destroy_test_db(str(original), verbosity=0)
            connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's has one
