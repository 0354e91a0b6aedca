"""Queue the first runs, so that the review queue of a demo has something in it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from recommend import services
from recommend.models import PipelineRun, Shopper
from training.adapter.examples import is_held_out

N_RUNS = 12
BACKGROUND = 9
ADAPTER_SEED = 1  # of the split that the shipped adapter was trained with


class Command(BaseCommand):
    help = "Queue pipeline runs for shoppers that the embedded model was never trained on, where there is no run yet."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--runs", type=int, default=N_RUNS, help=f"how many (default {N_RUNS})")

    def handle(self, *args: Any, **options: Any) -> None:
        if PipelineRun.objects.exists():
            self.stdout.write("There are runs already.")
            return
        active = Shopper.objects.filter(n_behaviors__gt=0).order_by("external_id")
        chosen = [shopper for shopper in active if is_held_out(shopper.external_id, ADAPTER_SEED)][: options["runs"]]
        for shopper in chosen:
            services.start_run(shopper=shopper, by=None, priority=BACKGROUND)
        self.stdout.write(f"{len(chosen)} runs queued; the worker makes them one after the other.")
