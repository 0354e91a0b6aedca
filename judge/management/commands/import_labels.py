"""manage.py import_labels FILE: add people's labels from a file of our own export, of Label Studio or of Argilla."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from judge.exchange import imports, mappings
from judge.exchange.mappings import TOOLS, Mapping
from recommend.imports import files
from recommend.imports.commands import ImportCommand, errors_in_words
from recommend.imports.reports import Report


class Command(ImportCommand):
    help = "Add people's labels from an export of ours or of another tool; what is there is not added again or changed."
    noun = "labels"
    dry_run = False
    mapping: Mapping | None = None
    source = ""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="say what would become of each row; store nothing")
        parser.add_argument("--from", dest="tool", choices=TOOLS, help="the tool whose JSON this is")
        parser.add_argument("--source", help="rows name outputs of this system by generation and position")
        parser.add_argument("--mapping", type=Path, help="JSON: which question is which criterion, and who is who")

    def handle(self, *args: Any, **options: Any) -> None:
        self.dry_run = options["dry_run"]
        self.source = options["source"] or ""
        if options["mapping"] and not options["tool"]:
            raise CommandError(f"A mapping is for another tool's file. Say whose: --from {' or '.join(TOOLS)}.")
        if options["tool"]:
            with errors_in_words():
                self.mapping = mappings.read(options["tool"], options["mapping"])
            options["format"] = "jsonl"  # or one JSON array, which the reader tells by its first sign
        super().handle(*args, **options)

    def load(self, file: files.Source, bad_file: Path | None) -> Report:
        done = imports.load(
            file,
            say=self.stdout.write,
            bad_file=bad_file,
            dry_run=self.dry_run,
            mapping=self.mapping,
            source=self.source,
        )
        if done.n_verdicts:
            self.stdout.write(f"Verdicts of judge models that were left out: {done.n_verdicts:,}.")
        if done.n_unanswered:
            self.stdout.write(f"Records or parts of them without a submitted answer: {done.n_unanswered:,}.")
        if done.n_outside:
            self.stdout.write(
                f"Labels whose screen of work is not here: {done.n_outside:,}. Nobody knows how their outputs were "
                "chosen, so they stay out of corrected rates."
            )
        if self.dry_run:
            self.stdout.write("A dry run: nothing was stored.")
        return done.report
