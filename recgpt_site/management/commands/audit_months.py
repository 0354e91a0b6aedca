"""manage.py audit_months [--keep MONTHS]: the months of the audit log, and dropping old ones."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from recommend import audit, months
from recommend.audit import Verb
from recommend.models import AuditEntry

TABLE = AuditEntry._meta.db_table


class Command(BaseCommand):
    help = "Make the coming months of the audit log, and with --keep drop old ones, whole and for good."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--keep", type=int, help="whole months to keep beside the running one; default: all")

    def handle(self, *args: Any, **options: Any) -> None:
        keep: int | None = options["keep"]
        if keep is not None and keep < 1:
            raise CommandError(f"--keep {keep}: at least one whole month stays. Give 1 or more.")
        with transaction.atomic():
            months.make(TABLE)
            gone = [] if keep is None else months.drop(TABLE, keep)
            if gone:
                audit.record(Verb.AUDIT_DROPPED, detail={"months": [f"{month:%Y-%m}" for month in gone]})
        held = months.held(TABLE)
        self.stdout.write(f"Dropped: {', '.join(f'{month:%Y-%m}' for month in gone) or 'nothing'}.")
        self.stdout.write(f"The log has {held[0]:%Y-%m} to {held[-1]:%Y-%m}.")
