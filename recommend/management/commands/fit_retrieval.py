"""Fit retrieval anew: embeddings of new item texts, popularity, co-occurrence."""

from typing import Any

from django.core.management.base import BaseCommand

from recommend import retrieval


class Command(BaseCommand):
    help = "Fit retrieval from the stored items and behaviours. Run it after an import; workers take the new one up."

    def handle(self, *args: Any, **options: Any) -> None:
        retrieval.fit(report=lambda message: self.stdout.write(f"  {message}"))
