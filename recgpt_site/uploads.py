"""What is too large is refused before it is read."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler

FORM_BYTES = 1 << 20  # room for the other fields of a form


class UploadTooLargeError(RequestDataTooBig):
    """A form with files above IMPORT_MAX_BYTES; the message says how many may come."""


class LimitedUploadHandler(FileUploadHandler):
    """Raises UploadTooLargeError by the request's own length; all files go on to the next handler."""

    def handle_raw_input(
        self,
        input_data: Any,
        META: Any,  # noqa: N803  # Django's name
        content_length: int,
        boundary: Any,
        encoding: str | None = None,
    ) -> None:
        if content_length > settings.IMPORT_MAX_BYTES + FORM_BYTES:
            raise UploadTooLargeError(
                f"The file is larger than {settings.IMPORT_MAX_BYTES:,} bytes, the most taken here."
            )

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
