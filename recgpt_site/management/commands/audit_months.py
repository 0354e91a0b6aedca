"""manage.py audit_months [--keep MONTHS]: the months of the audit log, and dropping old ones."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from recgpt_site import audit_log
from recommend import audit
from recommend.audit import Verb


class Command(BaseCommand):
    help = "Make the coming months of the audit log, and with --keep drop old ones, whole and for good."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--keep", type=int, help="whole months to keep beside the running one; default: all")

    def handle(self, *args: Any, **options: Any) -> None:
        keep: int | None = options["keep"]
        if keep is not None and keep < 1:
            raise CommandError(f"--keep {keep}: at least one whole month stays. Give 1 or more.")
        with transaction.atomic():
            audit_log.make_months()
            gone = [] if keep is None else audit_log.drop_months(keep)
            if gone:
                audit.record(Verb.AUDIT_DROPPED, detail={"months": [f"{month:%Y-%m}" for month in gone]})
        held = audit_log.months()
        self.stdout.write(f"Dropped: {', '.join(f'{month:%Y-%m}' for month in gone) or 'nothing'}.")
        self.stdout.write(f"The log has {held[0]:%Y-%m} to {held[-1]:%Y-%m}.")
