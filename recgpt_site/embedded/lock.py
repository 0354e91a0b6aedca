"""One supervisor per data folder: a lock that names its holder."""

import fcntl
import json
import os
import pwd
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from recgpt_site.embedded.paths import DATA_DIR
from recgpt_site.embedded.processes import ServiceError
from recgpt_site.embedded.watchdog import identity

_FILE = "lock"


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # containers may run under a number without a name
        return f"user {os.geteuid()}"


class DataFolderLock:
    """Held from `acquire` until this process and its watchdog, which inherits `fd`, have both let go."""

    def __init__(self, folder: Path = DATA_DIR) -> None:
        self._path = folder / _FILE
        self.fd = -1

    def acquire(self, *, command: str, patience_s: float = 15.0) -> None:
        """Take the lock, or raise ServiceError that says who holds it and what to do.

        A holder that is dead is waited for: its watchdog is ending its services.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Root's PostgreSQL runs as another user, who must be able to pass.
            self._path.parent.chmod(0o755 if os.geteuid() == 0 else 0o700)
            self.fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            reason = (
                f"The data folder {self._path.parent} can't be used: {error.strerror}. RECGPT_DATA_DIR sets another."
            )
            raise ServiceError(reason) from error
        end = time.monotonic() + patience_s
        while not self._try_lock():
            if self._holder_lives() or time.monotonic() > end:
                reason = self._refusal()
                self.release()
                raise ServiceError(reason)
            time.sleep(0.1)
        holder = {"pid": os.getpid(), "identity": identity(os.getpid()), "command": command}
        self._write(holder | {"user": _user(), "since": f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S}"})

    def release(self) -> None:
        """Let go; nothing happens where it is not held."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def _try_lock(self) -> bool:
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _write(self, holder: Mapping[str, object]) -> None:
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, json.dumps(holder).encode(), 0)

    def _read(self) -> dict[str, object]:
        try:
            found = json.loads(os.pread(self.fd, 4096, 0))
        except ValueError:  # being written
            return {}
        return dict(found)

    def _holder_lives(self) -> bool:
        holder = self._read()
        pid = holder.get("pid")
        return isinstance(pid, int) and identity(pid) == holder.get("identity")

    def _refusal(self) -> str:
        holder = self._read()
        who = "process {pid} ({command}), started by {user} at {since}".format_map(
            {**dict.fromkeys(("pid", "command", "user", "since"), "?"), **holder}
        )
        return (
            f"The data folder {self._path.parent} is in use by {who}. "
            f"Stop it (Ctrl-C where it runs, or: kill {holder.get('pid', 'PID')}), "
            "or give this one a folder of its own: RECGPT_DATA_DIR=/another/folder"
        )
