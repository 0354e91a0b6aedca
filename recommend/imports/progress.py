"""How far a long step is: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable
from types import TracebackType

from tqdm import tqdm

_LINE_EVERY_S = 10.0


class Progress:
    """Counts up to `total` bytes or rows. Quiet where nobody watches, but for a line every ten seconds."""

    def __init__(self, title: str, total: int, unit: str, say: Callable[[str], object]) -> None:
        self.title, self.total, self.say = title, total, say
        self._done, self._next_line_at = 0, time.monotonic() + _LINE_EVERY_S
        self._bar = (
            tqdm(total=total, unit=unit, unit_scale=True, desc=title, leave=False) if sys.stderr.isatty() else None
        )

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take the bar off the terminal; nothing more is counted."""
        if self._bar is not None:
            self._bar.close()

    def reach(self, done: int) -> None:
        """Say that `done` of `total` is done."""
        if self._bar is not None:
            self._bar.update(done - self._done)
        elif time.monotonic() >= self._next_line_at:
            self._next_line_at = time.monotonic() + _LINE_EVERY_S
            self.say(f"{self.title}: {done / max(self.total, 1):.0%}")
        self._done = done
