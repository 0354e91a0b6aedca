"""manage.py import_outputs FILE --source NAME: outputs that another system made, to be reviewed and judged here."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from recommend.imports import elsewhere, files, outputs
from recommend.imports.commands import ImportCommand, errors_in_words
from recommend.imports.outputs import Origin
from recommend.imports.reports import Report
from recommend.models import Output


class Command(ImportCommand):
    help = "Add outputs that another system made; what is there is not added again or changed."
    noun = "outputs"
    origin = Origin("")

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--source", required=True, help="the system that made them; part of their ids")
        parser.add_argument("--kind", choices=Output.Kind.values, help="of rows that do not say it")
        parser.add_argument("--model", help="of rows that do not say it")
        parser.add_argument("--prompt-version", help="of rows that do not say it")
        parser.add_argument("--from", dest="tool", choices=elsewhere.TOOLS, help="the tool whose JSON this is")
        parser.add_argument("--places", type=Path, help='JSON: {"text": "fields.response", …}, where a record has what')

    def handle(self, *args: Any, **options: Any) -> None:
        given = {name: options[name] for name in ("kind", "model", "prompt_version") if options[name]}
        if options["places"] and not options["tool"]:
            raise CommandError(f"Places are for another tool's file. Say whose: --from {' or '.join(elsewhere.TOOLS)}.")
        places = _places(options["places"]) if options["places"] else {}
        if options["tool"]:
            options["format"] = "jsonl"  # or one JSON array, which the reader tells by its first sign
        self.origin = Origin(options["source"], given, options["tool"] or "", places)
        super().handle(*args, **options)

    def load(self, file: files.Source, bad_file: Path | None) -> Report:
        return outputs.load(file, self.origin, say=self.stdout.write, bad_file=bad_file)


def _places(path: Path) -> dict[str, str]:
    with errors_in_words():
        try:
            return elsewhere.places(path.read_text(encoding="utf-8"), path.name)
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"The places {path} cannot be read: {error}.") from error
