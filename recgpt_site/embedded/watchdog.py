"""Ends the services when their supervisor can't: the second process of every supervisor, in a session of its own.

It reads one JSON object per line from its standard input: `{"watch": {…}}`, `{"forget": PID}`, `"bye"`. When the pipe
closes without "bye", the supervisor was killed; whatever it watches is then stopped in order, grandchildren included,
within about four seconds. Linux's parent-death signal alone reaches the children only. It also inherits the lock on
the data folder, so that the next start waits until all is quiet. Standard library only; run as a file.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

_PROC = Path("/proc")
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Watched:
    """A service as the watchdog sees it: the leader of a process group, and how to end it."""

    pid: int
    identity: str
    stage: int  # lower stages end first
    stop_signal: int
    grace_s: float

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def identity(pid: int) -> str | None:
    """What tells a process from a later one of the same number: its start time; None where it has ended."""
    if _PROC.is_dir():
        fields = _stat(pid)
        return None if fields is None or fields[0] in "ZX" else fields[19]
    shown = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return None if shown.returncode or shown.stdout.startswith("Z") else shown.stdout.split(maxsplit=1)[1].strip()


def group_lives(group: int) -> bool:
    """Whether a process of that group runs; a zombie, whose parent has not noticed its end, does not."""
    if _PROC.is_dir():
        return any(fields[0] not in "ZX" and int(fields[2]) == group for fields in _stats())
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def stop(services: list[Watched]) -> None:
    """End the services stage by stage: politely, and after the grace time of each by SIGKILL to its group."""
    for stage in sorted({service.stage for service in services}):
        members = [service for service in services if service.stage == stage]
        for service in members:
            if identity(service.pid) == service.identity:
                _signal(service.pid, service.stop_signal)
        end = time.monotonic() + max(service.grace_s for service in members)
        while any(group_lives(service.pid) for service in members) and time.monotonic() < end:
            time.sleep(_POLL_S)
        for service in members:
            kill_group(service.pid)


def kill_group(group: int) -> None:
    """SIGKILL to every process of the group that is left."""
    if group_lives(group):
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _stats() -> Iterator[list[str]]:
    for entry in os.listdir(_PROC):
        if entry.isdigit() and (fields := _stat(int(entry))) is not None:
            yield fields


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on (the name before them may hold blanks and brackets)."""
    try:
        return (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


def main() -> None:
    """Follow the supervisor's words until it says bye or falls silent."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    watched: dict[int, Watched] = {}
    for line in sys.stdin:
        message = json.loads(line)
        if message == "bye":
            return
        if "watch" in message:
            service = Watched(**message["watch"])
            watched[service.pid] = service
        else:
            watched.pop(message["forget"], None)
    stop(list(watched.values()))


if __name__ == "__main__":
    main()
