"""The calls, each with the attempts that are safe to repeat."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any, Self, Unpack, cast
from uuid import uuid4

import httpx
from httpx import Response

from recgpt_client.errors import NoAnswerError, RefusedError
from recgpt_client.types import BulkAnswer, BulkLine, Problem, Progress, Run, RunRequest, RunResult, State

RUNS = "pipeline-runs/"
TRY_AGAIN = (429, 502, 503, 504)
LONGEST_WAIT_S = 60.0
STREAM_TIMEOUT_S = 60.0  # a stream ends by itself after half of it
LINES_AT_ONCE = 1_000


class Studio:
    """A server of RecGPT Studio, as one user.

    base_url    where it is, such as https://studio.example.com
    token       of `manage.py create_token`
    attempts    at a call whose repetition does no harm; starting a run is one, as each has an idempotency key
    timeout_s   of one attempt

    Calls raise RefusedError where the server says no, and NoAnswerError where it says nothing.
    """

    def __init__(self, base_url: str, *, token: str, attempts: int = 4, timeout_s: float = 30.0) -> None:
        self._attempts = attempts
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._http = httpx.Client(base_url=f"{base_url.rstrip('/')}/api/v1/", headers=headers, timeout=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def start_run(self, *, idempotency_key: str = "", **wishes: Unpack[RunRequest]) -> Run:
        """Queue a run; the same key again gives the same run. Without one each call starts another."""
        headers = {"Idempotency-Key": idempotency_key or str(uuid4())}
        return cast("Run", self._json("POST", RUNS, json=wishes, headers=headers))

    def run(self, run_id: str) -> RunResult:
        """A run with all that it made so far."""
        return cast("RunResult", self._json("GET", f"{RUNS}{run_id}/"))

    def runs(self, *, state: State | None = None, shopper: str = "", batch: str = "") -> Iterator[Run]:
        """The runs that one may see, the newest first; pages are fetched as they are read."""
        address: str | None = RUNS
        params: Mapping[str, str] | None = _given(state=state, shopper=shopper, batch=batch)
        while address:
            page = self._json("GET", address, params=params)
            yield from page["results"]
            address, params = page["next"], None

    def cancel(self, run_id: str) -> Run:
        """Stop a run; what it made stays."""
        return cast("Run", self._json("POST", f"{RUNS}{run_id}/cancel/", json={}))

    def events(self, run_id: str) -> Iterator[Progress]:
        """Where a run stands, now and at every change until it has ended; the last event has `is_active` false."""
        seen, wait_s = "", 1.0
        while True:
            headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": seen} if seen else {})
            with self._streamed("GET", f"{RUNS}{run_id}/events/", headers=headers, timeout=STREAM_TIMEOUT_S) as stream:
                try:
                    for name, value in map(_field, stream.iter_lines()):
                        if name == "id":
                            seen = value
                        elif name == "retry":
                            wait_s = int(value) / 1000
                        elif name == "data":
                            progress: Progress = json.loads(value)
                            yield progress
                            if not progress["is_active"]:
                                return
                except httpx.TransportError:
                    pass  # what was missed comes with the next stream
            time.sleep(wait_s)

    def wait(self, run_id: str, *, timeout_s: float | None = None) -> RunResult:
        """The results of a run once it has ended, well or not. Raises TimeoutError after `timeout_s`."""
        until = time.monotonic() + timeout_s if timeout_s is not None else float("inf")
        while True:
            found = self.run(run_id)
            if not found["is_active"]:
                return found
            if time.monotonic() >= until:
                raise TimeoutError(f"Run {run_id} is {found['state']} after {timeout_s:g} s.")
            time.sleep(min(1.0, max(0.0, until - time.monotonic())))

    def start_many(self, lines: Iterable[BulkLine]) -> Iterator[BulkAnswer]:
        """Queue a run for each line, and say what became of it, in their order; lines are read as they are sent.

        Give lines an `idempotency_key`: what was cut off can then be sent again as a whole.
        """
        left, n_before = iter(lines), 0
        while part := list(islice(left, LINES_AT_ONCE)):
            with TemporaryFile() as file:  # of known length: the server does not take bodies without one
                file.writelines(json.dumps(line).encode() + b"\n" for line in part)
                headers = {"Content-Type": "application/x-ndjson"}
                with self._streamed("POST", f"{RUNS}bulk/", file=file, headers=headers, timeout=None) as stream:
                    for text in stream.iter_lines():
                        answer: BulkAnswer = json.loads(text)
                        answer["line"] += n_before
                        yield answer
            n_before += len(part)

    def results(self, *, state: State | None = None, shopper: str = "", batch: str = "") -> Iterator[RunResult]:
        """Runs with all that they made, the oldest first; read as they come."""
        params = _given(state=state, shopper=shopper, batch=batch)
        while True:
            with self._streamed("GET", f"{RUNS}results/", params=params) as stream:
                for line in stream.iter_lines():
                    yield json.loads(line)
                further = stream.headers.get("RecGPT-Next")
            if not further:
                return
            params = {**params, "after": further}

    def _json(self, method: str, address: str, **sent: Any) -> Any:
        with self._streamed(method, address, **sent) as answer:
            return json.loads(answer.read())

    @contextmanager
    def _streamed(self, method: str, address: str, *, file: IO[bytes] | None = None, **sent: Any) -> Iterator[Response]:
        """The answer as it comes, after as many attempts as it takes. Raises RefusedError, NoAnswerError.

        file   sent as the body: not sent again where it is not known what became of it
        """
        for attempt in range(1, self._attempts + 1):
            is_last, wait_s = attempt == self._attempts, 2.0 ** (attempt - 1)
            has_begun = False
            if file is not None:
                file.seek(0)
                sent["content"] = file
            try:
                with self._http.stream(method, address, **sent) as answer:
                    if answer.is_success:
                        has_begun = True
                        yield answer
                        return
                    answer.read()
                    if answer.status_code not in TRY_AGAIN or is_last:
                        raise RefusedError(_problem(answer))
                    wait_s = _retry_after_s(answer) or wait_s
            except httpx.TransportError as error:
                is_safe = file is None or isinstance(error, httpx.ConnectError)
                if has_begun or is_last or not is_safe:
                    what = "broke off" if has_begun else "does not answer"
                    raise NoAnswerError(f"{self._http.base_url} {what}: {error or type(error).__name__}") from error
            time.sleep(min(wait_s, LONGEST_WAIT_S))


def _given(**params: str | None) -> dict[str, str]:
    return {name: value for name, value in params.items() if value}


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.removeprefix(" ")


def _problem(answer: httpx.Response) -> Problem:
    """The server's words; a proxy's page is none of them."""
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict) or "detail" not in problem:
        raise NoAnswerError(f"{answer.url} answered {answer.status_code}, but not as RecGPT Studio does.")
    return cast("Problem", problem)


def _retry_after_s(answer: httpx.Response) -> float:
    try:
        return float(answer.headers.get("Retry-After", 0))
    except ValueError:
        return 0.0
