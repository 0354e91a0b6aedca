"""manage.py shorten_items: have a model make the short forms by which histories name items, or forget them."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from recommend.ahead import shortening_services
from recommend.ahead.shortening_services import ShorteningError
from recommend.models import ACTIVE_STATES, ItemShortForm, LanguageModel, ShortFormFill, Stage

WAIT_S = 2.0


class Command(BaseCommand):
    help = "Have a model shorten items that have no short form of their present version. docs/behaviors.md has more."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--model", help="by name; default: the one that serves interests, which reads them")
        parser.add_argument("--wait", action="store_true", help="say how far it is until it has ended")
        parser.add_argument("--cancel", action="store_true", help="cancel what is at work; what was made stays")
        parser.add_argument("--forget", action="store_true", help="delete what was made: items are named by rule again")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["cancel"]:
            fills = [shortening_services.cancel(fill) for fill in ShortFormFill.objects.filter(state__in=ACTIVE_STATES)]
            self.stdout.write(f"Cancelled: {len(fills):,}.")
        elif options["forget"]:
            n, _ = ItemShortForm.objects.all().delete()
            self.stdout.write(f"{n:,} short forms deleted.")
        else:
            self._start(options["model"], is_awaited=options["wait"])

    def _start(self, name: str | None, *, is_awaited: bool) -> None:
        try:
            fill = shortening_services.start(_model(name))
        except (ShorteningError, LanguageModel.DoesNotExist) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Started {fill.pk}: {fill.n_wanted:,} items.")
        while is_awaited and fill.is_active:
            time.sleep(WAIT_S)
            fill.refresh_from_db()
            self.stdout.write(
                f"{fill.state}: {fill.n_made:,} shortened, {fill.n_rejected:,} rejected by a rule, {fill.n_failed:,} "
                f"failed, {fill.n_left:,} left"
            )
        if fill.state in ("failed", "cancelled"):
            raise CommandError(fill.error or f"The job was {fill.state}.")


def _model(name: str | None) -> LanguageModel:
    if name is None:
        return LanguageModel.objects.serving(Stage.INTERESTS)
    found = LanguageModel.objects.filter(name=name).exclude(role=LanguageModel.Role.JUDGE).order_by("role").first()
    if found is None:
        raise ShorteningError(f"No language model that generates is called “{name}”; /admin/ has all.")
    return found
