"""Reading the audit log: what an admin looks for, as files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

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
