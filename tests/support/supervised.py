"""A supervisor in a process of its own, as users run it, on a data folder of its own."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from recgpt_site.embedded.watchdog import _PROC, _stat

PROJECT = Path(__file__).parents[2]


class Run:
    """`manage.py services` or another command, and every process that comes from it."""

    def __init__(self, data_dir: Path, *arguments: str, **env: str) -> None:
        environment = {**os.environ, "RECGPT_DATA_DIR": str(data_dir), "DJANGO_SETTINGS_MODULE": "recgpt_site.settings"}
        for name in ("DATABASE_URL", "REDIS_URL", "LLM_BASE_URL"):
            environment.pop(name, None)
        self.data_dir = data_dir
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=environment | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def output(self) -> str:
        """What it has written so far."""
        return "".join(self._lines)

    def wait_for(self, text: str, timeout_s: float = 60) -> None:
        """Return when the output contains the text; AssertionError when it ends or takes too long."""
        end = time.monotonic() + timeout_s
        while text not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < end, self.output
            time.sleep(0.02)

    def wait(self, timeout_s: float = 120) -> int:
        """The exit status."""
        status = self.process.wait(timeout_s)
        self._reader.join(5)
        return status

    def send(self, number: signal.Signals) -> None:
        """A signal to the supervisor alone."""
        self.process.send_signal(number)

    def descendants(self) -> dict[int, str]:
        """Process id -> command line of everything below the supervisor."""
        parents = {pid: int(stat[1]) for pid in _pids() if (stat := _stat(pid)) is not None}
        found, newest = set[int](), {self.process.pid}
        while newest:
            newest = {pid for pid, parent in parents.items() if parent in newest}
            found |= newest
        return {pid: _command(pid) for pid in found}

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.append(line)
        self.process.stdout.close()


@contextmanager
def data_folder(below: str = "") -> Iterator[Path]:
    """A new data folder that `nobody` may enter (pytest's own is closed to others); removed afterwards."""
    top = Path(tempfile.mkdtemp(prefix="recgpt-embedded-"))
    top.chmod(0o755)
    folder = top / below / "data"
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    finally:
        shutil.rmtree(top, ignore_errors=True)


def alive(pids: Iterable[int]) -> set[int]:
    """Those that run; a zombie, whose end its parent has not noticed, does not."""
    return {pid for pid in pids if (stat := _stat(pid)) is not None and stat[0] not in "ZX"}


def seconds_until_gone(pids: dict[int, str], timeout_s: float = 20) -> float:
    """How long they still run; AssertionError with the survivors when they stay."""
    began = time.monotonic()
    while left := alive(pids):
        assert time.monotonic() - began < timeout_s, {pid: pids[pid] for pid in left}
        time.sleep(0.02)
    return time.monotonic() - began


def _pids() -> list[int]:
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]


def _command(pid: int) -> str:
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
