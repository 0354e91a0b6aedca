"""One line per step, with its time: what the user sees while a start takes its seconds."""

import io
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO


class Progress:
    """Writes "Starting PostgreSQL … 1.2 s": the words at once, the time when the step is done."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._is_in_line = False

    @contextmanager
    def step(self, what: str, *, since: float | None = None) -> Iterator[None]:
        """Time what happens inside, from `since` (time.monotonic) where it began earlier."""
        began = time.monotonic() if since is None else since
        self._write(f"{what} … ")
        self._is_in_line = True
        try:
            yield
        except BaseException:
            self._end_line()
            raise
        end = f"{time.monotonic() - began:.1f} s"
        # Whatever the step said stands on lines of its own; then its name is repeated.
        self._write(f"{end}\n" if self._is_in_line else f"{what} … {end}\n")
        self._is_in_line = False

    def say(self, text: str) -> None:
        """A line of its own."""
        self._end_line()
        self._write(f"{text}\n")

    def warn(self, text: str) -> None:
        """A line that must not be missed."""
        self.say(f"! {text}")

    def _end_line(self) -> None:
        if self._is_in_line:
            self._write("\n")
            self._is_in_line = False

    def _write(self, text: str) -> None:
        # The terminal may be gone (SIGHUP): stopping in order matters more than saying so.
        with suppress(OSError):
            self._stream.write(text)
            self._stream.flush()


class Lines(io.TextIOBase):
    """A text stream that passes whole lines on: for the output of a command that runs within a step."""

    def __init__(self, take: Callable[[str], object]) -> None:
        self._take = take
        self._rest = ""

    def write(self, text: str, /) -> int:
        """Pass on the lines that are complete."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in filter(None, lines):
            self._take(line)
        return len(text)


class Silent(Progress):
    """For tests: warnings only."""

    def _write(self, text: str) -> None:
        if text.startswith("! "):
            super()._write(text)
