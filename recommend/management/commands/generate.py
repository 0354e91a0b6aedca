"""manage.py generate --population QUERY --stages STAGES: the pipeline for every shopper that the query chooses."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from recommend.models import PopulationJob
from recommend.populations import queries, services
from recommend.populations.queries import PopulationError
from recommend.populations.reports import Progress, progress_of
from recommend.services import CHOOSABLE_STEPS
from recommend.wording import duration, money, pace

WAIT_S = 2.0


class Command(BaseCommand):
    help = "Have workers run the pipeline for a population. docs/populations.md has the query language."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--population", required=True, help="which shoppers, such as “behaviors>=100 sample=0.1”")
        parser.add_argument("--stages", required=True, help=f"of {','.join(CHOOSABLE_STEPS)}, with commas")
        parser.add_argument("--beta", type=float, default=0.5, help="weight of the collaborative arm")
        parser.add_argument("--items", type=int, default=6, help="items for each shopper")
        parser.add_argument("--again", action="store_true", help="also shoppers whose history did not change")
        parser.add_argument("--wait", action="store_true", help="say how far it is until it has ended")
        parser.add_argument("--count", action="store_true", help="only say how many shoppers the query chooses")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["count"]:
                n = queries.shoppers(options["population"]).count()
                self.stdout.write(f"{n:,} shopper{'' if n == 1 else 's'}.")
                return
            population = services.start(
                query=options["population"],
                stages=[stage.strip() for stage in options["stages"].split(",") if stage.strip()],
                by=None,
                beta=options["beta"],
                n_items=options["items"],
                again=options["again"],
            )
        except PopulationError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Started {population.pk}; its page is {population.get_absolute_url()}.")
        if options["wait"]:
            self._follow(population)

    def _follow(self, population: PopulationJob) -> None:
        said = ""
        while True:
            population.refresh_from_db()
            progress = progress_of(population)
            if (line := in_a_line(population, progress)) != said:
                self.stdout.write(line)
                said = line
            if not population.is_active:
                break
            time.sleep(WAIT_S)
        for failure in progress.failures:
            self.stdout.write(f"  {failure.n:,} failed: {failure.words}")
        self.stdout.write(
            f"{progress.n_calls:,} calls, {progress.prompt_tokens:,} tokens read and {progress.completion_tokens:,} "
            f"written, {money(progress.money)} in money, {duration(progress.seconds)}."
        )
        if population.state != "done":
            raise CommandError(population.error or f"The job was {population.state}.")


def in_a_line(population: PopulationJob, progress: Progress) -> str:
    """How far a job is, in one line."""
    state = "paused" if population.is_paused else population.state
    parts = [
        f"{state}: {progress.n_ended:,} of {progress.n_shoppers:,} shoppers",
        f"{progress.n_done:,} done, {progress.n_skipped:,} skipped, {progress.n_failed:,} failed",
    ]
    if progress.shoppers_per_s is not None:
        parts.append(f"shoppers {pace(progress.shoppers_per_s)}, tokens {pace(progress.tokens_per_s)}")
    if progress.seconds_left is not None:
        parts.append(f"about {duration(progress.seconds_left)} left")
    if progress.silence:
        parts.append(progress.silence)
    return "; ".join(parts)
