"""manage.py import_labels FILE: add people's labels from a file of our own export."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from judge.exchange import imports
from recommend.imports import files
from recommend.imports.commands import ImportCommand
from recommend.imports.reports import Report


class Command(ImportCommand):
    help = "Add people's labels from a JSONL, CSV or Parquet export; what is there is neither added again nor changed."
    noun = "labels"
    dry_run = False

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="say what would become of each row; store nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        self.dry_run = options["dry_run"]
        super().handle(*args, **options)

    def load(self, file: files.Source, bad_file: Path | None) -> Report:
        done = imports.load(file, say=self.stdout.write, bad_file=bad_file, dry_run=self.dry_run)
        if done.n_verdicts:
            self.stdout.write(f"Verdicts of judge models that were left out: {done.n_verdicts:,}.")
        if done.n_outside:
            self.stdout.write(
                f"Labels whose screen of work is not here: {done.n_outside:,}. Nobody knows how their outputs were "
                "chosen, so they stay out of corrected rates."
            )
        if self.dry_run:
            self.stdout.write("A dry run: nothing was stored.")
        return done.report
