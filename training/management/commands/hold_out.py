"""manage.py hold_out NAME QUERY: shoppers that no model is ever trained on, so that models can be measured on them."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from training.data_sets import services
from training.data_sets.wanted import DataSetError


class Command(BaseCommand):
    help = "Hold shoppers out: no data set that is built from now on has a row of theirs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="of the evaluation set, in letters, digits and hyphens")
        parser.add_argument("query", help="which shoppers, such as 'sample=0.1 seed=7' (docs/populations.md)")
        parser.add_argument("--from", dest="starts_on", type=_day, help="the first day that is held out; every day")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            made = services.hold_out(name=options["name"], query=options["query"], starts_on=options["starts_on"])
        except DataSetError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{made.name}: {len(made.shoppers):,} shoppers are held out.")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"“{text}” is no day. Give one as 2026-01-31.") from error
