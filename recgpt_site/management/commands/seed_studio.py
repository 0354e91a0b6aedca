"""Store roles, rubrics, models and first campaigns where they are missing."""

from typing import Any

from django.core.management.base import BaseCommand

from recgpt_site import seeds


class Command(BaseCommand):
    help = "Store what a fresh installation needs: roles, rubrics, language models, campaigns. Safe to run again."

    def handle(self, *args: Any, **options: Any) -> None:
        seeds.seed()
        self.stdout.write("Roles, rubrics, language models and campaigns are in place.")
