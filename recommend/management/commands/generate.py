"""manage.py generate --population QUERY --stages STAGES: the pipeline for every shopper that the query chooses."""

from __future__ import annotations

import time as clock
from datetime import UTC, date, datetime, time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from recommend.languages import ENGLISH, LANGUAGES
from recommend.models import LanguageModel, PopulationJob, Stage, TagStrategy
from recommend.populations import queries, services
from recommend.populations.queries import PopulationError
from recommend.populations.reports import Progress, progress_of
from recommend.retrieval.selection import TAKEN
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
        parser.add_argument(
            "--model", action="append", default=[], metavar="STAGE=MODEL", help="by name or id; more than one as wished"
        )
        parser.add_argument("--language", default=ENGLISH, help=f"of what the models write: {', '.join(LANGUAGES)}")
        parser.add_argument("--date", type=date.fromisoformat, help="look from the first moment of this day, UTC")
        parser.add_argument("--category", action="append", default=[], help="only items in it; more than one as wished")
        parser.add_argument(
            "--taken", choices=TAKEN, help="what the shopper took: left out if recent, ever, or offered"
        )
        parser.add_argument("--in-stock", action="store_true", help="only items that are in stock")
        parser.add_argument("--diversity", type=float, help="0 to 1: how much likeness to what is higher costs")
        parser.add_argument("--tell-runs", action="store_true", help="tell webhooks of each run's end too")
        parser.add_argument(
            "--tag-strategy", default=TagStrategy.DIRECT, help=f"how tags are made, of {','.join(TagStrategy.values)}"
        )
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
                tag_strategy=options["tag_strategy"],
                again=options["again"],
                models=_models(options["model"]),
                rules=_rules(options),
                language=options["language"],
                reference_at=datetime.combine(options["date"], time(), UTC) if options["date"] else None,
                tells_runs=options["tell_runs"],
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
            clock.sleep(WAIT_S)
        for failure in progress.failures:
            self.stdout.write(f"  {failure.n:,} failed: {failure.words}")
        self.stdout.write(
            f"{progress.n_calls:,} calls, {progress.prompt_tokens:,} tokens read and {progress.completion_tokens:,} "
            f"written, {money(progress.money)} in money, {duration(progress.seconds)}."
        )
        if population.state != "done":
            raise CommandError(population.error or f"The job was {population.state}.")


def _models(texts: list[str]) -> dict[Stage, LanguageModel]:
    """Stage -> model, of STAGE=MODEL. Raises CommandError."""
    found = {}
    for text in texts:
        stage, _, name = text.partition("=")
        if stage not in Stage.values or not name:
            raise CommandError(f"--model {text} is not STAGE=MODEL; stages are {', '.join(Stage.values)}.")
        try:
            found[Stage(stage)] = LanguageModel.objects.named(stage, name)
        except LanguageModel.DoesNotExist as error:
            raise CommandError(f"--model {text}: {error}") from error
    return found


def _rules(options: dict[str, Any]) -> dict[str, Any]:
    """The rules that were given; what was not is left to the settings."""
    given = {
        "categories": options["category"] or None,
        "taken": options["taken"],
        "in_stock_only": options["in_stock"] or None,
        "diversity": options["diversity"],
    }
    return {name: value for name, value in given.items() if value is not None}


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
