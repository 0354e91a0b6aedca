"""manage.py import_items FILE: load or update the catalogue."""

from pathlib import Path

from recommend.imports import catalogue, files, items
from recommend.imports.commands import ImportCommand
from recommend.imports.reports import Report


class Command(ImportCommand):
    help = "Load items from a JSONL, CSV or Parquet file; items with a known sku are updated."
    noun = "items"

    def load(self, file: files.Source, bad_file: Path | None) -> Report:
        return catalogue.load(file, items.TARGET, say=self.stdout.write, bad_file=bad_file)
