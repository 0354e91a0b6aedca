"""manage.py explain_ahead: explanations for the most common interests and the items that they lead to, made ahead."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from recommend.ahead import services
from recommend.ahead.services import FillError
from recommend.languages import ENGLISH
from recommend.models import ExplanationFill

WAIT_S = 2.0


class Command(BaseCommand):
    help = "Have workers make or refresh the explanations that runs look up. docs/explanations.md says which."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--language", default=ENGLISH, help="of the runs and of what is written")
        parser.add_argument("--interests", type=int, default=100, help="how many, the most common")
        parser.add_argument("--items", type=int, default=20, help="for each interest, the most popular")
        parser.add_argument("--days", type=int, default=90, help="how long ago an interest was found at most")
        parser.add_argument("--max-age", type=int, default=90, help="days after which one is made anew")
        parser.add_argument("--wait", action="store_true", help="say how far it is until it has ended")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            fill = services.start(
                by=None,
                language=options["language"],
                n_interests=options["interests"],
                n_items=options["items"],
                days=options["days"],
                max_age_days=options["max_age"],
            )
        except FillError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Started {fill.pk}.")
        said = ""
        while options["wait"]:
            fill.refresh_from_db()
            if (line := in_a_line(fill)) != said:
                self.stdout.write(line)
                said = line
            if not fill.is_active:
                break
            time.sleep(WAIT_S)
        if fill.state in ("failed", "cancelled"):
            raise CommandError(fill.error or f"The job was {fill.state}.")


def in_a_line(fill: ExplanationFill) -> str:
    """How far a job is, in one line."""
    if fill.n_wanted is None:
        return f"{fill.state}: the pairs are being chosen"
    ended = fill.n_wanted - fill.n_left
    return (
        f"{fill.state}: {ended:,} of {fill.n_wanted:,} pairs, {fill.n_made:,} explained, {fill.n_rejected:,} rejected "
        f"by a rule, {fill.n_failed:,} failed; {fill.prompt_tokens:,} tokens read, {fill.completion_tokens:,} written"
    )
