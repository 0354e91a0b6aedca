"""Files as downloads, for page and API alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import FileResponse, Http404, StreamingHttpResponse
from django.utils import timezone

from judge.exchange.file_imports import bad_file
from judge.exchange.formats import Format
from judge.exchange.selection import Selection
from judge.models import FileImport


def attachment(form: Format, selection: Selection) -> StreamingHttpResponse:
    """An export as a download, with its entry in the audit log."""
    selection.note_export(form.name)
    pieces: Iterator[Any] = form.write(selection.assessments())
    response = StreamingHttpResponse(pieces, content_type=form.content_type)
    moment = timezone.now().strftime("%Y-%m-%dT%H%M")
    response["Content-Disposition"] = f'attachment; filename="{selection.filters.kind}-labels-{moment}{form.suffix}"'
    response["Cache-Control"] = "no-store"  # it holds what people said, and what a blind screen hides
    return response


def bad_rows_attachment(one: FileImport) -> FileResponse:
    """The bad rows of a file that was handed in. Raises Http404 where there are none, or not yet."""
    path = bad_file(one)
    if one.is_active or not path.exists():
        raise Http404("No row was bad.")
    response = FileResponse(path.open("rb"), as_attachment=True, filename=f"{one.name}.bad.jsonl")
    response["Content-Type"] = "application/x-ndjson"
    response["Cache-Control"] = "no-store"
    return response
