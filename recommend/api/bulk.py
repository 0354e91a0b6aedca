"""Many runs by one call: a request a line (NDJSON), an answer a line, in memory that does not grow with their number.

The body is put down in a temporary file first. Answers that went out while it still came in would stop both sides where
a client sends all before it reads; and a file with too many lines can be refused before the first run is started.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from tempfile import TemporaryFile
from typing import IO, Any

from django.conf import settings
from rest_framework.parsers import BaseParser

from recommend.api.errors import TooLargeError
from recommend.api.places import Places

MEDIA_TYPE = "application/x-ndjson"
PIECE_BYTES = 1 << 16
# A process has few threads, and a file of 10,000 lines holds one for a minute or more.
places = Places(lambda: 1)

Row = dict[str, Any]


class NdjsonParser(BaseParser):
    """Leaves the body where it is: it is read by `receive`."""

    media_type = MEDIA_TYPE

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return stream


def receive(stream: Any, n_bytes: int) -> IO[bytes]:
    """The body as a file at its beginning. Raises TooLargeError for more bytes or lines than are taken at once.

    A file with too many lines is read to its end all the same, as the answer is heard only after that.
    """
    if n_bytes > settings.BULK_MAX_BYTES:
        raise TooLargeError(
            f"{n_bytes:,} bytes; at most {settings.BULK_MAX_BYTES:,} are taken at once. Send it in parts."
        )
    file = TemporaryFile()  # noqa: SIM115  # whoever reads it closes it
    n_lines = 0
    while piece := stream.read(PIECE_BYTES):
        n_lines += piece.count(b"\n")
        if n_lines <= settings.BULK_MAX_LINES:
            file.write(piece)
    if n_lines > settings.BULK_MAX_LINES:
        file.close()
        raise TooLargeError(
            f"{n_lines:,} lines; at most {settings.BULK_MAX_LINES:,} are taken at once, and none was. Send it in parts."
        )
    file.seek(0)
    return file


class Answers:
    """What became of each line, as lines; whoever closes this starts no more."""

    def __init__(self, file: IO[bytes], answer: Callable[[Row | str], Row]) -> None:
        """`answer` is given a line's object, or why it is none."""
        self._file: IO[bytes] | None = file
        self._lines = self._answered(file, answer)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._lines)

    def close(self) -> None:
        """Give the place back; called by Django when the answer was sent or nobody reads it any more."""
        if self._file is not None:
            self._file.close()
            self._file = None
            places.leave()

    def _answered(self, file: IO[bytes], answer: Callable[[Row | str], Row]) -> Iterator[bytes]:
        for number, line in enumerate(_lines(file), start=1):
            if line.strip():
                yield json.dumps({"line": number, **answer(_row(line))}, ensure_ascii=False).encode() + b"\n"


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """The lines; of one that is too long to be read at once no more than shows it."""
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    while line := file.readline(most + 1):
        rest = line
        while len(rest) > most and not rest.endswith(b"\n"):
            rest = file.readline(most + 1)
        yield line


def _row(line: bytes) -> Row | str:
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if len(line) > most:
        return f"The line is longer than {most:,} bytes."
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        return f"It is no JSON: {error}"
    return row if isinstance(row, dict) else "It is no JSON object."
