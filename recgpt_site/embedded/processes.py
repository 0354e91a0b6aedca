"""A service's description, and the process that runs it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO

from recgpt_site.embedded import child
from recgpt_site.embedded.paths import DATA_DIR
from recgpt_site.embedded.watchdog import Watched, group_lives, identity, kill_group

_POLL_S = 0.05
_LARGEST_LOG = 10_000_000  # bytes


class ServiceError(Exception):
    """A service could not be started; the text says why and what to do."""


class Stage(IntEnum):
    """When a service ends: those who use others go first."""

    APPLICATION = 0
    MODEL = 1
    DATABASE = 2
    BROKER = 3


@dataclass(frozen=True, slots=True)
class Account:
    """The user and group that a service runs as."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Service:
    """What to run, how to know that it answers, and how to end it."""

    name: str
    command: tuple[str, ...]
    stage: Stage
    log: Path
    is_ready: Callable[[], bool]
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 10.0
    # Once its supervisor was killed, everything shall be gone within five seconds.
    orphan_grace_s: float = 1.0
    ready_timeout_s: float = 120.0
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = Path("/")
    account: Account | None = None


class Process:
    """A running service: the leader of a session and process group of its own."""

    def __init__(self, service: Service) -> None:
        """Start the service. Linux ties a child's life to the *thread* that made it, hence the main thread only."""
        assert threading.current_thread() is threading.main_thread()
        self.service = service
        self.started_at = time.monotonic()
        with _open_log(service.log) as log:
            self._popen = subprocess.Popen(
                [*_as_child(service), *service.command],
                env=dict(service.env),
                cwd=service.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A session of its own: Ctrl-C reaches the supervisor only, which then stops all in order.
                start_new_session=True,
            )
        self.pid = self._popen.pid
        self.identity = identity(self.pid) or ""

    def watched(self) -> Watched:
        """The process in the watchdog's words."""
        service = self.service
        return Watched(self.pid, self.identity, service.stage, service.stop_signal, service.orphan_grace_s)

    def returncode(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self._popen.poll()

    def wait_until_ready(self) -> None:
        """Return as soon as the service answers; ServiceError when it ends or takes too long."""
        # From now on: a launched service may have had to share the machine with what came between.
        end = time.monotonic() + self.service.ready_timeout_s
        while not self.service.is_ready():
            status = self.returncode()
            if status is not None:
                raise ServiceError(f"{sentence(self.service.name)} {ending(status)} while starting. {self._log_tail()}")
            if time.monotonic() > end:
                raise ServiceError(
                    f"{sentence(self.service.name)} does not answer after {self.service.ready_timeout_s:.0f} s. "
                    f"{self._log_tail()}"
                )
            time.sleep(_POLL_S)

    def ask_to_stop(self) -> None:
        """Send the stop signal; nothing happens to a process that has ended."""
        self._popen.send_signal(self.service.stop_signal)

    def wait_or_kill(self) -> bool:
        """Wait for the end, and end by force what is left of the group. Returns whether it went by itself."""
        try:
            self._popen.wait(self.service.stop_timeout_s)
        except subprocess.TimeoutExpired:
            kill_group(self.pid)
            self._popen.wait()
            return False
        kill_group(self.pid)  # workers of a leader that died without them
        return True

    def kill(self) -> None:
        """End the process and its group at once."""
        kill_group(self.pid)
        self._popen.wait()

    def group_lives(self) -> bool:
        """Whether the process or one of its workers runs."""
        return group_lives(self.pid)

    def _log_tail(self) -> str:
        lines = self.service.log.read_text(errors="replace").splitlines()[-8:]
        shown = "\n".join(f"    {line}" for line in lines)
        return f"Its log, {self.service.log}, ends with:\n{shown}"


def own_folder(folder: Path, account: Account | None = None) -> None:
    """Make the folder the account's alone, or ours. ServiceError where somebody else has put one in our way."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    allowed = {os.geteuid(), account.uid if account else os.geteuid()}
    if folder.is_symlink() or (os.geteuid() != 0 and folder.stat().st_uid not in allowed):
        raise ServiceError(f"{folder} belongs to somebody else. Remove it, or choose another RECGPT_DATA_DIR.")
    if account:
        os.chown(folder, account.uid, account.gid)
    folder.chmod(0o700)


def ending(status: int) -> str:
    """An exit status in words.

    >>> ending(-9), ending(1)
    ('was ended by SIGKILL', 'ended with status 1')
    """
    return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


def sentence(name: str) -> str:
    """The name as a sentence's first words.

    >>> sentence("the web server"), sentence("PostgreSQL")
    ('The web server', 'PostgreSQL')
    """
    return name[0].upper() + name[1:]


def python_environment(**more: str) -> dict[str, str]:
    """Our environment for a child that runs our own code, wherever it runs: the data folder may be a relative path."""
    return {**os.environ, "PYTHONUNBUFFERED": "1", "RECGPT_DATA_DIR": str(DATA_DIR), **more}


def _as_child(service: Service) -> list[str]:
    account = f"{service.account.uid}:{service.account.gid}" if service.account else ""
    parent, stop_signal = str(os.getpid()), str(int(service.stop_signal))
    return [sys.executable, "-I", "-S", child.__file__, parent, stop_signal, account]


def _open_log(path: Path) -> BinaryIO:
    """Open for appending; a log that has grown large becomes `….1` first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > _LARGEST_LOG:
        path.replace(path.with_name(f"{path.name}.1"))
    return path.open("ab")
