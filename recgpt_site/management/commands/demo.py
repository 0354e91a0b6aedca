"""The whole product on one machine with nothing installed: `manage.py demo`, or `make demo`."""

import os
import socket
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from recgpt_site import seeds
from recgpt_site.embedded import application, paths, stack
from recgpt_site.embedded.processes import ServiceError
from recgpt_site.embedded.progress import Lines, Progress
from recgpt_site.embedded.supervisor import Stopped, Supervisor, end_with_parent, stoppable

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class Command(BaseCommand):
    help = "Start everything, fill it with the sample data, and run until Ctrl-C. HOST and PORT say where it listens."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"), help="default: HOST, else loopback")
        parser.add_argument("--port", type=int, default=os.environ.get("PORT", "8000"), help="default: PORT, else 8000")
        parser.add_argument("--shoppers", type=int, metavar="N", help="load N of the sample's 801 shoppers only")
        parser.add_argument("--end-with-parent", action="store_true", help="stop when the calling process dies (make)")

    def handle(self, *, host: str, port: int, **options: Any) -> None:
        if options["end_with_parent"]:
            end_with_parent()
        progress = Progress()
        try:
            with stoppable(), Supervisor(command="manage.py demo", progress=progress) as supervisor:
                _refuse_taken_port(host, port)
                self._start(supervisor, progress, host, port, options["shoppers"])
                supervisor.watch()
        except Stopped:
            progress.say("Everything is stopped.")
        except ServiceError as error:
            raise CommandError(str(error)) from error

    def _start(self, supervisor: Supervisor, progress: Progress, host: str, port: int, shoppers: int | None) -> None:
        progress.say(f"Data folder: {paths.DATA_DIR}")
        stack.start_stores(supervisor, progress)
        # What takes seconds to come up does so on one core while the other goes on here.
        processes = stack.launch_language_model(supervisor, progress)
        settings.LLM_BASE_URL = settings.LLM_BASE_URL if stack.uses_own("LLM_BASE_URL") else paths.llm_base_url()
        with progress.step("Migrating the database"):
            call_command("migrate", interactive=False, verbosity=0)
        if not settings.DEBUG:
            with progress.step("Collecting static files"):
                call_command("collectstatic", interactive=False, verbosity=0)
        self._run("seed_studio", "Setting up roles, rubrics and models", progress)
        with progress.step("Setting up log-ins"):
            logins = seeds.demo_logins()
        processes += supervisor.launch(application.web(host, port), application.worker())
        self._run("load_sample", "Loading the sample data", progress, shoppers=shoppers)
        supervisor.wait_until_ready(processes)
        self._run("seed_demo_runs", "Queueing the first runs", progress)
        supervisor.check()
        _close_database()
        self._welcome(progress, host, port, logins)

    def _run(self, command: str, what: str, progress: Progress, **options: Any) -> None:
        """Run one of our commands as a step; what it says appears at once, indented."""
        with progress.step(what):
            call_command(command, stdout=Lines(lambda line: progress.say(f"  {line}")), **options)

    def _welcome(self, progress: Progress, host: str, port: int, logins: list[seeds.Login]) -> None:
        shown = "localhost" if host in _LOOPBACK else host
        progress.say("")
        progress.say(f"RecGPT Studio is up: http://{shown}:{port}/")
        for login in logins:
            progress.say(f"  {login.role:<10} log in as {login.username:<10} password {login.password}")
        if host not in _LOOPBACK:
            progress.warn(
                f"It listens on {host}, without TLS and in development mode: for networks that you trust. "
                f"It answers to {', '.join(settings.ALLOWED_HOSTS)}; ALLOWED_HOSTS sets other names."
            )
        progress.say(f"Logs: {_short(paths.LOG_DIR)}  Ctrl-C stops everything.")


def _refuse_taken_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = f"Port {port} on {host} can't be used ({error.strerror}). Choose another: PORT=8001 make demo"
            raise ServiceError(reason) from error


def _close_database() -> None:
    """From here on we only watch: an idle pool would only get in the way when PostgreSQL restarts."""
    for connection in connections.all(initialized_only=True):
        connection.close()
        if hasattr(connection, "close_pool"):
            connection.close_pool()


def _short(path: Path) -> str:
    """The path as a person writes it."""
    return f"~/{path.relative_to(Path.home())}" if path.is_relative_to(Path.home()) else str(path)
