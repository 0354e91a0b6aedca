"""manage.py import_shoppers FILE: load or update shoppers."""

from pathlib import Path

from recommend.imports import catalogue, files, shoppers
from recommend.imports.commands import ImportCommand
from recommend.imports.reports import Report


class Command(ImportCommand):
    help = "Load shoppers from a JSONL, CSV or Parquet file; shoppers with a known external id are updated."
    noun = "shoppers"

    def load(self, file: files.Source, bad_file: Path | None) -> Report:
        return catalogue.load(file, shoppers.TARGET, say=self.stdout.write, bad_file=bad_file)
