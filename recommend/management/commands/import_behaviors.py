"""manage.py import_behaviors FILE: add what shoppers did."""

from pathlib import Path

from recommend.imports import behaviors, files
from recommend.imports.commands import ImportCommand
from recommend.imports.reports import Report


class Command(ImportCommand):
    help = "Load behaviours from a JSONL, CSV or Parquet file; what is there already is not added again."
    noun = "behaviours"

    def load(self, file: files.Source, bad_file: Path | None) -> Report:
        return behaviors.load(file, say=self.stdout.write, bad_file=bad_file)
