"""manage.py export_labels FILE: assessments with their outputs, in one of the formats of judge.exchange."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Model, QuerySet

from judge import services
from judge.comparison import Filters
from judge.exchange import label_studio
from judge.exchange.formats import FORMATS, Format
from judge.exchange.selection import Selection
from judge.models import Campaign, Rater, Rubric
from recommend.models import LanguageModel, Output

T = TypeVar("T", bound=Model)
# Rows that an error names at most.
MAX_NAMED = 20


class Command(BaseCommand):
    help = "Write assessments with their outputs to a file: JSON Lines, CSV, Parquet or Label Studio JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="where to; an existing file is replaced once the new one is whole")
        parser.add_argument("--format", choices=FORMATS, help="where the file's name does not tell it")
        parser.add_argument("--kind", choices=Output.Kind.values, default=Output.Kind.INTEREST.value)
        parser.add_argument("--model", help="of the outputs: its name or id")
        parser.add_argument("--campaign", help="its name or id: its people's labels, under its rubric")
        parser.add_argument("--judge", help="its name as pages show it, its model's or its id; default: every judge")
        parser.add_argument("--reviewed", action="store_true", help="only outputs that people have labelled")
        parser.add_argument("--interface", action="store_true", help="write Label Studio's labelling interface instead")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        if options["interface"]:
            rubric = Rubric.objects.current(options["kind"])
            path.write_text(label_studio.interface(services.definition(rubric)), encoding="utf-8")
            self.stdout.write(f"{path.name}: the labelling interface for {rubric}.")
            return
        form = _format(path, options["format"])
        selection = Selection(_filters(options), reviewed_only=options["reviewed"])
        selection.note_export(form.name)
        partial = path.with_name(f"{path.name}.part")
        try:
            with partial.open("wb") as file:
                n_bytes = sum(file.write(part) for part in form.write(selection.assessments()))
            partial.replace(path)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
        finally:
            partial.unlink(missing_ok=True)
        self.stdout.write(f"{path.name}: {form.title}, {n_bytes:,} bytes.")


def _format(path: Path, name: str | None) -> Format:
    """The format that was named, else the one of the file's suffix. Raises CommandError."""
    for form in FORMATS.values():
        if form.name == name or (name is None and form.suffix == path.suffix.lower()):
            return form
    raise CommandError(f"The name {path.name} does not tell its format. Say it with --format {' or '.join(FORMATS)}.")


def _filters(options: dict[str, Any]) -> Filters:
    kind = options["kind"]
    stage = Filters(kind=kind).stage
    models, campaigns = LanguageModel.objects.filter(role=stage), Campaign.objects.filter(stage=stage)
    return Filters(
        kind=kind,
        model=_one("model", options["model"], models, lambda model: [model.name]),
        campaign=_one("campaign", options["campaign"], campaigns, lambda campaign: [campaign.name]),
        judge=_one("judge", options["judge"], _judges(), _names_of_judge),
    )


def _judges() -> QuerySet[Rater]:
    return Rater.objects.filter(user__isnull=True).select_related("user", "language_model", "panel")


def _names_of_judge(judge: Rater) -> list[str]:
    """As pages show it, and by its model or panel alone: one model that is asked in several ways is several judges."""
    return [str(judge), str(judge.language_model or judge.panel)]


def _one(what: str, wanted: str | None, among: QuerySet[T], names: Callable[[T], Sequence[str]]) -> UUID | None:
    """The id of the one row of that name or id; None where none is wanted. Raises CommandError."""
    if wanted is None:
        return None
    rows = list(among)
    found = [row for row in rows if str(row.pk) == wanted.lower()] or [row for row in rows if wanted in names(row)]
    if len(found) == 1:
        return UUID(str(found[0].pk))
    if found:
        ids = ", ".join(f"{row.pk} for {row}" for row in found[:MAX_NAMED])
        raise CommandError(f"{wanted!r} is the name of more than one {what}. Give an id: {ids}.")
    known = ", ".join(sorted({str(row) for row in rows})[:MAX_NAMED]) or "none"
    raise CommandError(f"There is no {what} {wanted!r} for this kind of output. There is: {known}.")
