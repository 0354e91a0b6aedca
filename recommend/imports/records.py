"""Records of a JSON array, one by one, with the lines on which they begin: a file larger than memory is read too.

A file that begins with an object and not with a bracket is JSON Lines.
"""

from __future__ import annotations

import codecs
import gzip
import json
import zlib
from collections.abc import Iterator

from recommend.imports import readers
from recommend.imports.files import MAX_ROW_BYTES, Source
from recommend.imports.problems import BadRow, ImportStopped
from recommend.imports.readers import Chunk, Row

PIECE_BYTES = 1 << 20
_BLANKS = " \t\r\n"
_FIRST = 4096  # bytes in which the first sign stands


def chunks(file: Source, piece_bytes: int = PIECE_BYTES) -> Iterator[Chunk]:
    """All records of a file. Raises ImportStopped where the array is damaged: what follows could not be told apart."""
    try:
        with file.opened() as (content, _):
            first = content.read(_FIRST).removeprefix(codecs.BOM_UTF8).lstrip()[:1]
        yield from _array(file, piece_bytes) if first == b"[" else readers.chunks(file, ())
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ImportStopped(f"{file.path.name} is damaged or cut off: {error}. Nothing was stored.") from error
    except OSError as error:
        raise ImportStopped(f"{file.path} cannot be read: {error.strerror}.") from error


def _array(file: Source, piece_bytes: int) -> Iterator[Chunk]:
    decode = codecs.getincrementaldecoder("utf-8-sig")(errors="surrogateescape")
    text, line, is_open = "", 1, False
    with file.opened() as (content, raw):
        wanted = piece_bytes
        while True:
            data = content.read(wanted)
            text += decode.decode(data, final=not data)
            found: list[Row | BadRow] = []
            at, error = 0, ""
            while True:
                start = _skipped(text, at)
                if start == len(text):
                    break
                if not is_open:
                    is_open, at = True, start + 1  # the bracket
                    line += text.count("\n", 0, at)
                    text, at = text[at:], 0
                    continue
                if text[start] == "]":
                    yield Chunk(found, raw.tell())
                    return
                try:
                    value, end = json.JSONDecoder().raw_decode(text, start)
                except (ValueError, RecursionError) as problem:
                    error = str(problem)
                    break
                if end == len(text) and data:
                    break  # a number may go on
                line += text.count("\n", at, start)
                found.append(_row(line, value, text[start:end]))
                line += text.count("\n", start, end)
                at = end
            text = text[at:]
            if found:
                yield Chunk(found, raw.tell())
            # A long record is not begun anew for every piece.
            wanted = piece_bytes if found else min(2 * wanted, MAX_ROW_BYTES)
            if not data or len(text) > MAX_ROW_BYTES:
                why = f"({error})" if error else "(no bracket at the end)"
                where = line + text.count("\n", 0, _skipped(text, 0))
                raise ImportStopped(
                    f"{file.path.name}, line {where}: the JSON array is broken or cut off {why}. Export it again. "
                    "Nothing was stored."
                )


def _skipped(text: str, at: int) -> int:
    """Where the next value begins, behind blanks and a comma."""
    while at < len(text) and text[at] in _BLANKS + ",":
        at += 1
    return at


def _row(line: int, value: object, raw: str) -> Row | BadRow:
    try:
        raw.encode()
        if "\\u" in raw:
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return BadRow(line, "the record is not valid Unicode; save the file as UTF-8", raw=raw)
    if not isinstance(value, dict):
        return BadRow(line, "not an object; a record is {…} with named values", raw, raw)
    return Row(line, value, raw)
