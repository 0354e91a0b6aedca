"""manage.py load_sample: the grocery sample data, for the demo and for trying things out."""

import time
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from recommend import retrieval, sample_data
from recommend.imports import sample
from recommend.imports.commands import errors_in_words
from recommend.models import RetrievalIndex


class Command(BaseCommand):
    help = "Load the grocery sample: items, shoppers with demographics, their purchases; then fit retrieval on them."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--shoppers", type=int, metavar="N", help="only the first N of the 801 households")
        which.add_argument("--all", action="store_true", help="all 2,469 households, most without demographics")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["shoppers"] is not None and options["shoppers"] < 1:
            raise CommandError("--shoppers must be at least 1.")
        try:
            rows = sample.households(options["shoppers"], everyone=options["all"])
        except sample_data.SampleDataMissingError as error:
            raise CommandError(str(error)) from error
        with errors_in_words():
            self._load(rows)

    def _load(self, rows: list[dict[str, Any]]) -> None:
        is_loaded = sample.is_loaded(rows)
        if is_loaded:
            self.stdout.write(f"The sample data of {len(rows):,} shoppers is loaded already.")
        else:
            self.stdout.write(f"Sample data: {sample_data.CREDIT}.")
            self._step("Items", lambda: sample.load_items(rows))
            self._step("Shoppers", lambda: sample.load_shoppers(rows))
            self._step("Behaviours", lambda: sample.load_behaviors(rows, self.stdout.write))
        if not is_loaded or RetrievalIndex.objects.newest(RetrievalIndex.Kind.COOCCURRENCE) is None:
            self._step("Retrieval", self._fit)

    def _fit(self) -> str:
        parts: list[str] = []
        retrieval.fit(parts.append)
        return ", ".join(parts)

    def _step(self, title: str, work: Callable[[], object]) -> None:
        self.stdout.write(f"{title} …", ending="\r" if self.stdout.isatty() else "\n")
        self.stdout.flush()
        started_at = time.monotonic()
        outcome = work()
        self.stdout.write(f"{title}: {outcome} ({time.monotonic() - started_at:.1f} s).")
