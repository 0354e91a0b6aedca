"""Reading the audit log: what an admin looks for, as files, and which months of it are kept."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone

from judge.exchange.cells import guarded
from recommend import audit
from recommend.audit import Verb
from recommend.models import AuditEntry

COLUMNS = (
    "id", "created_at", "actor_id", "actor", "verb", "object_type", "object_id", "via", "address", "token", "detail",
)  # fmt: skip
BATCH = 2_000
MONTHS_AHEAD = 3


def attachment(entries: QuerySet[AuditEntry], form: str) -> StreamingHttpResponse:
    """Entries as a download, written while it is sent; `form` is csv or jsonl. That it was taken is an entry too."""
    write, content_type = FORMATS[form]
    # Up to now: the entry of this very export would else be in it or not, as the moment falls.
    response = StreamingHttpResponse(write(entries.filter(created_at__lte=timezone.now())), content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="audit-{timezone.now():%Y-%m-%dT%H%M}.{form}"'
    response["Cache-Control"] = "no-store"
    audit.record(Verb.AUDIT_EXPORTED, detail={"format": form})
    return response


def _rows(entries: QuerySet[AuditEntry]) -> Iterator[tuple[Any, ...]]:
    return entries.values_list(*COLUMNS).iterator(chunk_size=BATCH)


def _jsonl(entries: QuerySet[AuditEntry]) -> Iterator[bytes]:
    for row in _rows(entries):
        yield (json.dumps(dict(zip(COLUMNS, row, strict=True)), default=_plain, ensure_ascii=False) + "\n").encode()


def _csv(entries: QuerySet[AuditEntry]) -> Iterator[bytes]:
    yield _line(COLUMNS)
    for row in _rows(entries):
        yield _line([guarded(_cell(value)) for value in row])


def _line(cells: Any) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written).writerow(cells)
    return written.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(_plain(value))


def _plain(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


FORMATS = {"csv": (_csv, "text/csv; charset=utf-8"), "jsonl": (_jsonl, "application/x-ndjson")}


# Months ---------------------------------------------------------------------------------------------------------------


def make_months(n: int = MONTHS_AHEAD) -> int:
    """Make the partitions of this month and the next ones; returns how many are new."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT recommend_audit_make_months(%s, %s)", [timezone.now().date(), n])
        return int(cursor.fetchone()[0])


def months() -> list[date]:
    """The first days of the months that the log holds, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT to_date(right(relname, 7), 'YYYY_MM') FROM pg_class JOIN pg_inherits ON inhrelid = pg_class.oid "
            "WHERE inhparent = 'recommend_auditentry'::regclass AND relname ~ '_[0-9]{4}_[0-9]{2}$' ORDER BY 1"
        )
        return [row[0] for row in cursor.fetchall()]


def drop_months(keep: int) -> list[date]:
    """Drop what is older than the `keep` last whole months and the running one; returns the months that are gone."""
    today = timezone.now().date()
    first = date(today.year, today.month, 1)
    for _ in range(keep):
        first = date(first.year - (first.month == 1), (first.month - 2) % 12 + 1, 1)
    gone = [month for month in months() if month < first]
    with connection.cursor() as cursor:
        for month in gone:
            cursor.execute(f'DROP TABLE "recommend_auditentry_{month:%Y_%m}"')
    return gone
