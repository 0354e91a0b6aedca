"""manage.py count_behaviors: store with each shopper how many behaviours there are."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from recommend import sources
from recommend.sources.counting import count


class Command(BaseCommand):
    help = "Read all behaviours where BEHAVIORS_DIR says, check them, and store each shopper's number and last moment."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            counted = count(sources.current())
        except sources.SourceError as error:
            raise CommandError(f"{error} Nothing was changed.") from error
        self.stdout.write(f"{counted.behaviors:,} behaviours of {counted.shoppers:,} shoppers.")
        if counted.unknown:
            self.stdout.write(f"{counted.unknown:,} more have behaviours, but are not loaded: use import_shoppers.")
