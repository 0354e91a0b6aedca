"""Starts services as direct children, keeps them running, and ends them in order, whatever ends it itself."""

import ctypes
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Self

from recgpt_site.embedded import child, watchdog
from recgpt_site.embedded.lock import DataFolderLock
from recgpt_site.embedded.paths import DATA_DIR, LOG_DIR
from recgpt_site.embedded.processes import Process, Service, ServiceError, Stage, ending, sentence
from recgpt_site.embedded.progress import Progress

_CHILDREN_FILE = DATA_DIR / "children.json"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_POLL_S = 0.2
_FIRST_DELAY_S, _LONGEST_DELAY_S = 1.0, 30.0
_STEADY_S = 60.0  # running so long makes a crash a new one, not the next of a series
_TAKEN_UP = "what it had not finished is taken up again after the next start"


class Stopped(KeyboardInterrupt):
    """A signal asked us to end; a KeyboardInterrupt, which no library takes for an error of its own."""


class Supervisor:
    """A context: entering takes the data folder, leaving ends every service and lets the folder go."""

    def __init__(self, *, command: str, progress: Progress) -> None:
        """`command` is what a refused second start shows as the holder."""
        self._command = command
        self._progress = progress
        self._processes: list[Process] = []
        self._crashes: dict[str, int] = {}
        self._due: list[tuple[float, Service]] = []  # crashed services and when they start again
        self._returning: list[Process] = []  # started again, not yet seen to answer
        self._lock = DataFolderLock()
        self._watchdog: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._lock.acquire(command=self._command)
        try:
            LOG_DIR.mkdir(exist_ok=True, mode=0o700)
            _end_leftovers()
            self._start_watchdog()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        with _signals_ignored():
            self._stop_all()
            self._dismiss_watchdog()
            self._lock.release()

    def start(self, *services: Service) -> None:
        """Start all at once, then wait for each; ServiceError where one does not come up."""
        for process in self.launch(*services):
            with self._progress.step(f"Starting {process.service.name}", since=process.started_at):
                process.wait_until_ready()

    def launch(self, *services: Service) -> list[Process]:
        """Start all at once, for a later `wait_until_ready`: what comes between takes place meanwhile."""
        return [self._spawn(service) for service in services]

    def wait_until_ready(self, processes: Sequence[Process]) -> None:
        """Return when all answer; ServiceError where one does not come up."""
        for process in processes:
            with self._progress.step(f"Waiting for {process.service.name}"):
                process.wait_until_ready()

    def check(self) -> None:
        """ServiceError where a service has ended; for the time before `watch`."""
        for process in self._processes:
            status = process.returncode()
            if status is not None:
                raise ServiceError(f"{sentence(process.service.name)} {ending(status)}. Its log: {process.service.log}")

    def watch(self) -> None:
        """Keep the services running until a signal raises Stopped: what crashes starts again, later each time."""
        while True:
            self._notice_ends()
            self._start_due()
            if self._watchdog is None or self._watchdog.poll() is not None:
                self._start_watchdog()
            time.sleep(_POLL_S)

    def _spawn(self, service: Service) -> Process:
        process = Process(service)
        self._processes.append(process)
        self._tell({"watch": process.watched().as_dict()})
        self._note_children()
        return process

    def _notice_ends(self) -> None:
        for process in list(self._processes):
            status = process.returncode()
            if status is None:
                continue
            process.kill()  # workers of a killed leader would keep its port and its tasks
            self._forget(process)
            self._returning = [other for other in self._returning if other is not process]
            name = process.service.name
            steady = time.monotonic() - process.started_at > _STEADY_S
            self._crashes[name] = 1 if steady else self._crashes.get(name, 0) + 1
            delay_s = min(_FIRST_DELAY_S * 2 ** (self._crashes[name] - 1), _LONGEST_DELAY_S)
            self._due.append((time.monotonic() + delay_s, process.service))
            self._progress.warn(
                f"{sentence(name)} {ending(status)} after {time.monotonic() - process.started_at:.0f} s; "
                f"it starts again in {delay_s:.0f} s. Its log: {process.service.log}"
            )

    def _start_due(self) -> None:
        for entry in [entry for entry in self._due if entry[0] <= time.monotonic()]:
            self._due.remove(entry)
            self._returning.append(self._spawn(entry[1]))
        for process in [process for process in self._returning if process.service.is_ready()]:
            self._returning.remove(process)
            self._progress.say(f"{sentence(process.service.name)} is up again.")

    def _stop_all(self) -> None:
        self._due.clear()
        for stage in Stage:
            members = [process for process in self._processes if process.service.stage is stage]
            for process in members:
                process.ask_to_stop()
            for process in members:
                with self._progress.step(f"Stopping {process.service.name}"):
                    if not process.wait_or_kill():
                        self._progress.say(f"  It was busy; {_TAKEN_UP}.")
                self._forget(process)

    def _forget(self, process: Process) -> None:
        self._processes.remove(process)
        self._tell({"forget": process.pid})
        self._note_children()

    def _start_watchdog(self) -> None:
        self._watchdog = subprocess.Popen(
            [sys.executable, "-I", "-S", watchdog.__file__],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
            pass_fds=[self._lock.fd],
        )
        for process in self._processes:
            self._tell({"watch": process.watched().as_dict()})

    def _dismiss_watchdog(self) -> None:
        self._tell("bye")
        if self._watchdog is not None:
            self._watchdog.communicate()

    def _tell(self, message: object) -> None:
        """A word to the watchdog; one that was killed is replaced by `watch`, and told everything again."""
        assert self._watchdog is not None
        assert self._watchdog.stdin is not None
        with suppress(BrokenPipeError):
            self._watchdog.stdin.write(json.dumps(message) + "\n")
            self._watchdog.stdin.flush()

    def _note_children(self) -> None:
        """Kept on disk for the case that the watchdog is killed together with us."""
        _CHILDREN_FILE.write_text(json.dumps([process.watched().as_dict() for process in self._processes]))


def _end_leftovers() -> None:
    """End what an earlier supervisor left running when its watchdog was killed too."""
    try:
        noted = json.loads(_CHILDREN_FILE.read_text())
    except (OSError, ValueError):
        return
    children = [watchdog.Watched(**child) for child in noted]
    watchdog.stop([child for child in children if watchdog.identity(child.pid) == child.identity])


def end_with_parent() -> None:
    """Ask Linux for a SIGTERM when our parent dies: kill -9 of `make` shall stop the demo that it started."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(child.PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP raise Stopped inside, even where a background shell had them ignored."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped(signal.Signals(number).name)

    with _handled_by(stop):
        yield


@contextmanager
def _signals_ignored() -> Iterator[None]:
    with _handled_by(signal.SIG_IGN):
        yield


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> Iterator[None]:
    before = [(number, signal.signal(number, handler)) for number in _SIGNALS]
    try:
        yield
    finally:
        for number, previous in before:
            signal.signal(number, previous)
