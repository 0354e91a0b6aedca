"""The `openai` engine: any server that speaks OpenAI's chat API (vLLM, llama.cpp, hosted ones).

`generate` sends from an event loop in a thread of its own and hands results over as they finish. The caller's
iterable is read in the caller's thread, so it may use the caller's database connection.
"""

import asyncio
import logging
import random
import ssl
import threading
import time
from collections.abc import Coroutine, Generator, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any

import httpx

from recommend.engines import wire
from recommend.engines.errors import EngineUnavailableError
from recommend.engines.flow import answered
from recommend.engines.types import ChatRequest, ChatResult, EngineError, ErrorKind

logger = logging.getLogger(__name__)

# Overload and faults that pass by themselves; 529 is what some hosted servers say when overloaded.
RETRYABLE = frozenset({429, 500, 502, 503, 504, 529})
CONNECT_TIMEOUT_S = 10.0
MAX_BACKOFF_S = 30.0


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the server answers, the models it serves, and a sentence for people."""

    is_up: bool
    models: tuple[str, ...]
    message: str


class OpenAIEngine:
    """Sends chat requests to an OpenAI-compatible server, `concurrency` at a time.

    base_url       such as http://127.0.0.1:8000/v1; /v1 is added to an address without a path
    timeout_s      the longest that one attempt may take, from sending to the last byte
    max_attempts   tries per request on 429, 5xx, broken connections and timeouts
    backoff_s      the wait before try n+1 is drawn from 0 to backoff_s · 2^(n-1), at most 30 s ("full jitter"),
                   and never shorter than the server's Retry-After
    send_priority  only for a vLLM started with --scheduling-policy priority: others refuse the field
    """

    def __init__(
        self,
        base_url: str,
        api_key: str = "",
        concurrency: int = 8,
        timeout_s: float = 120.0,
        max_attempts: int = 5,
        *,
        backoff_s: float = 0.5,
        send_priority: bool = False,
    ) -> None:
        if concurrency < 1 or max_attempts < 1 or timeout_s <= 0:
            raise ValueError("concurrency and max_attempts are at least 1, timeout_s is above 0")
        self.base_url = _completed(base_url)
        self.concurrency = concurrency
        self.timeout_s = timeout_s
        self.max_attempts = max_attempts
        self.backoff_s = backoff_s
        self.send_priority = send_priority
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        # Loading the certificates takes longer than many an answer: once per engine, not per call.
        self._tls: ssl.SSLContext | bool = ssl.create_default_context() if self.base_url.scheme == "https" else False

    @property
    def address(self) -> str:
        """The server's address as people may see it: without a user name or password."""
        return str(self.base_url.copy_with(username=None, password=None))

    def generate(
        self, requests: Iterable[ChatRequest | None], *, stop: threading.Event | None = None
    ) -> Generator[ChatResult]:
        """Answer every request once, in the order they finish; closing the iterator early, or `stop`, stops the rest.

        At most 2 · concurrency requests are read ahead of the results taken. Raises ValueError for two requests
        with one key, for a request that no server could take, and for a None with no result to come; everything else is
        a result with an error.
        """
        calls = _Calls(self)
        try:
            yield from answered(iter(requests), calls.send, 2 * self.concurrency, stop)
        finally:
            calls.close()

    def models(self) -> list[str]:
        """Names of the models served. Raises EngineUnavailableError, saying why, where there is no such answer."""
        try:
            with httpx.Client(**self._client_options(), timeout=min(CONNECT_TIMEOUT_S, self.timeout_s)) as client:
                reply = client.get("models")
        except httpx.TransportError as error:
            raise EngineUnavailableError(f"No language model at {self.address}: {_reason(error)}") from error
        if not reply.is_success:
            words = wire.server_words(reply.text)
            raise EngineUnavailableError(
                f"{self.address} answered {reply.status_code} when asked for its models: {words}"
            )
        try:
            return [str(model["id"]) for model in reply.json()["data"]]
        except (ValueError, KeyError, TypeError) as error:
            raise EngineUnavailableError(f"{self.address} does not speak the OpenAI API (GET models)") from error

    def health(self) -> Health:
        """Whether the server can be used, never raising."""
        try:
            names = tuple(self.models())
        except EngineUnavailableError as error:
            return Health(is_up=False, models=(), message=str(error))
        return Health(is_up=True, models=names, message=f"{self.address} serves {', '.join(names) or 'no model'}")

    def _client_options(self) -> dict[str, Any]:
        # A proxy set for the internet is never meant for a server on this machine.
        return {
            "base_url": self.base_url,
            "headers": self._headers,
            "verify": self._tls,
            "trust_env": not _is_loopback(self.base_url.host),
        }

    def async_client(self) -> httpx.AsyncClient:
        """A client with room for `concurrency` connections; it belongs to the event loop that uses it first."""
        limits = httpx.Limits(max_connections=self.concurrency, max_keepalive_connections=self.concurrency)
        timeout = httpx.Timeout(None, connect=min(CONNECT_TIMEOUT_S, self.timeout_s))
        return httpx.AsyncClient(**self._client_options(), limits=limits, timeout=timeout)

    async def answer(self, client: httpx.AsyncClient, request: ChatRequest, body: dict[str, Any]) -> ChatResult:
        """The result of one request after as many attempts as it needs; latency counts from the first one."""
        started = time.perf_counter()
        attempt = 0
        while True:
            attempt += 1
            outcome = await self._attempt(client, request, body, started)
            if isinstance(outcome, ChatResult):
                return outcome
            wait_s = self._wait_s(attempt, outcome)
            if wait_s is None:
                message = (
                    f"No answer from {self.address} in {attempt} attempts; the last: {outcome.reason}. "
                    "Start the server there, or name another in LLM_BASE_URL."
                )
                return _failed(request, "unavailable", message, started)
            # The key is the caller's; prompts never reach a log.
            logger.info("%s: attempt %d of %d failed (%s)", request.key, attempt, self.max_attempts, outcome.reason)
            # The slot stays taken while waiting: an overloaded server then sees fewer requests, not the next one.
            await asyncio.sleep(wait_s)

    def _wait_s(self, attempt: int, fault: "_Fault") -> float | None:
        """Seconds until the next attempt, None where there is none."""
        if attempt >= self.max_attempts or fault.retry_after_s > self.timeout_s:
            return None
        ceiling = min(MAX_BACKOFF_S, self.backoff_s * 2 ** (attempt - 1))
        return max(fault.retry_after_s, random.uniform(0, ceiling))  # noqa: S311 - spreads load, hides nothing

    async def _attempt(
        self, client: httpx.AsyncClient, request: ChatRequest, body: dict[str, Any], started: float
    ) -> "ChatResult | _Fault":
        try:
            async with asyncio.timeout(self.timeout_s):
                reply = await client.post("chat/completions", json=body)
        except TimeoutError:
            return _Fault(f"no answer within {self.timeout_s:g} s")
        except httpx.TransportError as error:
            return _Fault(_reason(error))
        if reply.status_code in RETRYABLE:
            words = wire.server_words(reply.text)
            return _Fault(f"{reply.status_code} {words}", _retry_after_s(reply.headers.get("Retry-After", "")))
        if not reply.is_success:
            message = f"{self.address} answered {reply.status_code}: {wire.server_words(reply.text)}"
            return _failed(request, "refused", message, started)
        try:
            return wire.result(request, reply.json(), latency_s=time.perf_counter() - started)
        except ValueError as error:  # BadBodyError, or no JSON at all
            return _Fault(wire.shortened(f"{reply.status_code} with an unusable body: {error}"))


@dataclass(frozen=True, slots=True)
class _Fault:
    """A failed attempt that may go better the next time."""

    reason: str
    retry_after_s: float = 0.0


class _Calls:
    """The requests of one `generate`, sent from an event loop in a background thread."""

    def __init__(self, engine: OpenAIEngine) -> None:
        self._engine = engine
        self._ready: Future[None] = Future()
        # A daemon: an iterator that is never closed must not keep the process alive.
        self._thread = threading.Thread(target=self._run, name="openai-engine", daemon=True)
        self._thread.start()
        self._ready.result()

    def close(self) -> None:
        """Cancel what is in flight (its connections close, so servers stop generating) and end the thread."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def send(self, request: ChatRequest) -> Future[ChatResult]:
        """Begin to answer a request. Raises ValueError where no server could take it."""
        body = wire.payload(request, send_priority=self._engine.send_priority)
        return asyncio.run_coroutine_threadsafe(self._answer(request, body), self._loop)

    def _answer(self, request: ChatRequest, body: dict[str, Any]) -> Coroutine[Any, Any, ChatResult]:
        async def within_limit() -> ChatResult:
            async with self._slots:
                return await self._engine.answer(self._client, request, body)

        return within_limit()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._slots = asyncio.Semaphore(self._engine.concurrency)
        async with self._engine.async_client() as self._client:
            self._ready.set_result(None)
            await self._stop.wait()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            # Their connections must be closed before the client is.
            await asyncio.gather(*others, return_exceptions=True)


def _completed(base_url: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise ValueError(f"not an address of a language-model server: {error}") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError(f"an address of a language-model server starts with http:// or https://, got {base_url!r}")
    return url.copy_with(path="/v1") if url.path.strip("/") == "" else url


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _failed(request: ChatRequest, kind: ErrorKind, message: str, started: float) -> ChatResult:
    return ChatResult(request.key, error=EngineError(kind, message), latency_s=time.perf_counter() - started)


def _reason(error: httpx.TransportError) -> str:
    return wire.shortened(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


def _retry_after_s(header: str) -> float:
    """Seconds of a Retry-After header, which holds a number or a date; 0.0 where it is missing or wrong."""
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
