"""Run the embedded services alone, for development: `manage.py services [--llm]`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from recgpt_site.embedded import paths, stack
from recgpt_site.embedded.processes import ServiceError
from recgpt_site.embedded.progress import Progress
from recgpt_site.embedded.supervisor import Stopped, Supervisor, end_with_parent, stoppable


class Command(BaseCommand):
    help = "Run PostgreSQL and Valkey (and, with --llm, the language model) until Ctrl-C."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--llm", action="store_true", help="also run the embedded language model")
        parser.add_argument("--end-with-parent", action="store_true", help="stop when the calling process dies (make)")

    def handle(self, *, llm: bool, **options: Any) -> None:
        if options["end_with_parent"]:
            end_with_parent()
        progress = Progress()
        try:
            with stoppable(), Supervisor(command="manage.py services", progress=progress) as supervisor:
                stack.start_stores(supervisor, progress)
                if llm:
                    stack.start_language_model(supervisor, progress)
                self._show(progress, llm=llm)
                supervisor.watch()
        except Stopped:
            progress.say("Stopped.")
        except ServiceError as error:
            raise CommandError(str(error)) from error

    def _show(self, progress: Progress, *, llm: bool) -> None:
        progress.say(f"Data folder: {paths.DATA_DIR}")
        if not stack.uses_own("DATABASE_URL"):
            progress.say(f"psql -h {paths.RUN_DIR} -U postgres {paths.DATABASE_NAME}")
        if not stack.uses_own("REDIS_URL"):
            progress.say(f"valkey-cli -s {paths.VALKEY_SOCKET}")
        if llm and not stack.uses_own("LLM_BASE_URL"):
            progress.say(f"Language model: {paths.llm_base_url()}")
        progress.say("Ctrl-C stops them.")
