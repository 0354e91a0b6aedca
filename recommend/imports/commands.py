"""What the three import commands share: their options, and errors in words."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from psycopg import Error as PsycopgError

from recommend import audit
from recommend.audit import Verb
from recommend.imports import files
from recommend.imports.problems import ImportStopped
from recommend.imports.reports import Report


class ImportCommand(BaseCommand):
    """A command that loads one file. Subclasses say what `load` is and what rows are called."""

    noun = "rows"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="JSONL, CSV or Parquet; JSONL and CSV also as .gz")
        parser.add_argument("--format", choices=files.FORMATS, help="where the file's name does not tell it")
        parser.add_argument("--skip-bad", action="store_true", help="load the good rows, write the bad ones to a file")
        parser.add_argument("--bad-file", type=Path, help="where bad rows go (default: <file>.bad.jsonl)")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        bad_file = options["bad_file"] or path.with_name(f"{path.name}.bad.jsonl")
        with errors_in_words():
            file = files.source(path, options["format"])
            report = self.load(file, bad_file if options["skip_bad"] or options["bad_file"] else None)
        if not options.get("dry_run"):
            detail = {"rows": self.noun, "file": path.name, "report": str(report)}
            audit.record(Verb.FILE_IMPORTED, detail=detail)
        if report.ignored_columns:
            self.stdout.write(f"Columns that were ignored: {', '.join(report.ignored_columns)}.")
        self.stdout.write(f"{path.name}: {self.noun}: {report}.")
        if report.bad:
            self.stdout.write(f"The bad rows and their reasons are in {bad_file}.")

    def load(self, file: files.Source, bad_file: Path | None) -> Report:
        """Load one file. Raises ImportStopped."""
        raise NotImplementedError


@contextmanager
def errors_in_words() -> Iterator[None]:
    """Turn what can go wrong with a file or a database into one sentence, without a traceback."""
    try:
        yield
    except ImportStopped as error:
        raise CommandError(str(error)) from error
    except (DatabaseError, PsycopgError) as error:
        raise CommandError(f"PostgreSQL refused the import: {str(error).strip()} Nothing was stored.") from error
