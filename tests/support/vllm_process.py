"""The `vllm` engine as tests use it: it runs in a process of vLLM's own environment, and is asked over a socket."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any
from uuid import uuid4

from recommend.engines.types import ChatRequest, ChatResult
from tests.support import vllm_environment
from tests.support.vllm_driver import END
from tests.support.vllm_server import ENVIRONMENT

LONGEST_START_S = 60.0  # of the driver alone; vLLM is loaded with the first request


class VllmProcess:
    """Counts as an Engine: what it is asked goes to the one in the other process, request by request."""

    def __init__(self, socket: str) -> None:
        self._socket = socket

    def generate(
        self, requests: Iterable[ChatRequest | None], *, stop: threading.Event | None = None
    ) -> Generator[ChatResult]:
        source, name, has_ended = iter(requests), uuid4().hex, threading.Event()
        with Client(self._socket) as connection:
            connection.send(("generate", name))
            if stop is not None:
                threading.Thread(target=self._pass_on, args=(stop, has_ended, name)).start()
            try:
                while True:
                    what, value = connection.recv()
                    if what == "wanted":
                        connection.send(next(source, END))
                    elif what == "raised":
                        raise value
                    elif what == END:
                        return
                    else:
                        yield value
                        connection.send("taken")
            finally:
                has_ended.set()

    def ask(self, question: str) -> Any:
        """What a method of the engine returns."""
        with Client(self._socket) as connection:
            connection.send((question,))
            return connection.recv()

    def _pass_on(self, stop: threading.Event, has_ended: threading.Event, name: str) -> None:
        while not has_ended.wait(0.02):
            if stop.is_set():
                with Client(self._socket) as connection:
                    connection.send(("stop", name))
                return


@contextmanager
def vllm_process(folder: Path, **options: Any) -> Iterator[VllmProcess]:
    """An engine with these options, in a process of its own; its log is in `folder`."""
    socket = str(folder / "socket")
    command = (str(vllm_environment.python()), "-m", "tests.support.vllm_driver", socket, json.dumps(options))
    with (folder / "vllm.log").open("w") as log:
        process = subprocess.Popen(
            ("/usr/bin/nice", "-n", "15", *command),
            cwd=vllm_environment.ROOT,
            env={**os.environ, **ENVIRONMENT},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + LONGEST_START_S
        while not Path(socket).exists():
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"The driver did not start: {(folder / 'vllm.log').read_text()[-2000:]}")
            time.sleep(0.05)
        engine = VllmProcess(socket)
        yield engine
        engine.ask(END)
        process.wait(30)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
