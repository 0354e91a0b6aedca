"""An export as a download, for page and API alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import StreamingHttpResponse
from django.utils import timezone

from judge.exchange.formats import Format
from judge.exchange.selection import Selection


def attachment(form: Format, selection: Selection) -> StreamingHttpResponse:
    """An export as a download, with its entry in the audit log."""
    selection.note_export(form.name)
    pieces: Iterator[Any] = form.write(selection.assessments())
    response = StreamingHttpResponse(pieces, content_type=form.content_type)
    moment = timezone.now().strftime("%Y-%m-%dT%H%M")
    response["Content-Disposition"] = f'attachment; filename="{selection.filters.kind}-labels-{moment}{form.suffix}"'
    response["Cache-Control"] = "no-store"  # it holds what people said, and what a blind screen hides
    return response
