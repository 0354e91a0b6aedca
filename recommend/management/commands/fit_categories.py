"""manage.py fit_categories: the model that says which category a tag is of."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from recommend import categories
from recommend.categories.fitting import NoCategoriesError


class Command(BaseCommand):
    help = "Fit anew the model that says which category a tag is of, from the catalogue's titles; workers take it up."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            categories.fit(report=lambda message: self.stdout.write(f"  {message}"))
        except NoCategoriesError as error:
            raise CommandError(str(error)) from error
