"""Ends helpers of this process when it ends, whatever ends it: kill -9 would leave them, and the card taken."""

import subprocess
import sys
from collections.abc import Iterable

# Its standard input ends when the process that holds the other end does.
_WATCH = """
import os, signal, sys
sys.stdin.read()
for pid in map(int, sys.argv[1:]):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
"""


class Guard:
    """A small process that kills these others as soon as this one has gone; `release` sends it home before."""

    def __init__(self, pids: Iterable[int]) -> None:
        command = (sys.executable, "-I", "-S", "-c", _WATCH, *map(str, pids))
        # A session of its own: what is sent to our whole group, such as Ctrl+C, must not end it first.
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)

    def release(self) -> None:
        """Let the others live, or they have ended already."""
        self._process.kill()
        self._process.communicate()
