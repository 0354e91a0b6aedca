"""manage.py build_data_set NAME --stage self-training --kind tag: build a data set here and now."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from recommend.models import JobState
from training.data_sets import building, services
from training.data_sets.wanted import DataSetError, Wanted
from training.models import DataSet


class Command(BaseCommand):
    help = "Build a data set from what was generated, judged and reviewed; docs/training.md says what a query takes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what the data set is called")
        parser.add_argument("--stage", choices=DataSet.Stage.values, required=True)
        parser.add_argument("--kind", help="of outputs: interest, tag (if not given) or explanation")
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            dest="values",
            help=f"any other part of the query, its value as JSON or a word: {', '.join(_others())}",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        query = {"stage": options["stage"], "kind": options["kind"]} | dict(map(_value, options["values"]))
        given = {name: value for name, value in query.items() if value is not None}
        try:
            made = services.prepare(name=options["name"], query=given, by=None)
        except DataSetError as error:
            raise CommandError(str(error)) from error
        built = building.advance(made.pk) or made
        if built.state != JobState.DONE:
            raise CommandError(built.error or f"It is {built.get_state_display().lower()}.")
        parts = ", ".join(f"{n:,} {split}" for split, n in built.counts.items())
        self.stdout.write(f"{built.name}: {built.n_rows:,} rows ({parts}), sha256 {built.sha256}")
        for one in built.report["dropped"]:
            if one["n"]:
                self.stdout.write(f"  {one['n']:,} dropped: {one['title']}")


def _others() -> list[str]:
    return [name for name in Wanted.model_fields if name not in ("stage", "kind")]


def _value(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign:
        raise CommandError(f"“{text}” is no NAME=VALUE, such as --set per_shopper=5.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
