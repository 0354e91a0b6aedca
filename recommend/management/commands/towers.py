"""manage.py towers: load trained towers into retrieval, show them, or go back to those before."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from recommend.models import RetrievalIndex
from recommend.towers import loading


class Command(BaseCommand):
    help = "Show the user-item-tag towers; load a file that training wrote; or take the newest back."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", nargs="?", default="show", choices=["show", "load", "back"])
        parser.add_argument("file", nargs="?", type=Path, help="for load: what `python -m training.towers train` wrote")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["action"] == "load":
                if options["file"] is None:
                    raise CommandError("Which file? manage.py towers load build/towers/towers.npz")
                loading.load(options["file"])
            elif options["action"] == "back":
                loading.back()
        except loading.TowersError as error:
            raise CommandError(str(error)) from error
        self._show()

    def _show(self) -> None:
        stored = list(RetrievalIndex.objects.filter(kind=loading.KIND).defer("data").order_by("-created_at"))
        for place, index in enumerate(stored):
            role = "the way back" if place else "serving"
            weight = index.figures.get("weight", 0.0)
            self.stdout.write(f"{index}: {index.n_items:,} items, weight of the user tower {weight:g}; {role}")
        if not stored:
            self.stdout.write("No towers: co-occurrence and sentence embeddings serve alone.")
