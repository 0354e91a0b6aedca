"""A stand-in for a language-model server, for tests and load only: it replays what a real one said, and when.

A recording holds the tokens of real answers with the moment of each. The stand-in gives them back at that pace or any
other, streamed or whole, to as many requests at once as are sent: so a thousand calls can be in flight without a GPU.
It makes nothing itself: what it answers is the recording's, and of the prompt only a known one gets its own answer.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import httpx

RECORDING = Path(__file__).with_name("recording.jsonl")


@dataclass(frozen=True)
class Recorded:
    """One answer: `at` are the seconds from the request to each of its tokens."""

    prompt: str
    tokens: tuple[str, ...]
    at: tuple[float, ...]
    prompt_tokens: int
    completion_tokens: int
    finish_reason: str

    @property
    def text(self) -> str:
        return "".join(self.tokens)


def prompt_of(body: Mapping[str, Any]) -> str:
    """What tells prompts apart: the hash of messages and schema."""
    asked = json.dumps([body.get("messages"), body.get("response_format")], sort_keys=True)
    return sha256(asked.encode()).hexdigest()[:16]


def read(path: Path = RECORDING) -> list[Recorded]:
    """The answers of a recording."""
    rows = (json.loads(line) for line in path.read_text().splitlines())
    return [Recorded(**row | {"tokens": tuple(row["tokens"]), "at": tuple(row["at"])}) for row in rows]


def write(path: Path, answers: Sequence[Recorded]) -> None:
    """Keep a recording."""
    path.write_text("".join(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in answers))


def record(base_url: str, bodies: Sequence[dict[str, Any]], concurrency: int) -> list[Recorded]:
    """Ask a real server, and write down what it says and when."""

    async def ask_all() -> list[Recorded]:
        slots = asyncio.Semaphore(concurrency)
        limits = httpx.Limits(max_connections=concurrency)
        async with httpx.AsyncClient(base_url=base_url, trust_env=False, timeout=None, limits=limits) as client:
            return await asyncio.gather(*(ask(client, slots, body) for body in bodies))

    async def ask(client: httpx.AsyncClient, slots: asyncio.Semaphore, body: dict[str, Any]) -> Recorded:
        tokens, at, usage, finish_reason = list[str](), list[float](), dict[str, int](), ""
        async with slots:
            started = time.perf_counter()
            streamed = body | {"stream": True, "stream_options": {"include_usage": True}}
            async with client.stream("POST", "chat/completions", json=streamed) as reply:
                reply.raise_for_status()
                async for line in reply.aiter_lines():
                    if not line.startswith("data: {"):
                        continue
                    event = json.loads(line.removeprefix("data: "))
                    usage = event.get("usage") or usage
                    for choice in event.get("choices", ()):
                        finish_reason = choice.get("finish_reason") or finish_reason
                        if text := choice["delta"].get("content"):
                            tokens.append(text)
                            at.append(round(time.perf_counter() - started, 4))
        return Recorded(
            prompt_of(body),
            tuple(tokens),
            tuple(at),
            usage.get("prompt_tokens", 0),
            usage.get("completion_tokens", len(tokens)),
            finish_reason or "stop",
        )

    # In a thread of its own, as the caller's may have a loop that runs.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(ask_all())).result()


@dataclass
class ReplayServer:
    """A running stand-in: its address, and what it saw."""

    base_url: str = ""
    n_asked: int = 0
    n_open: int = 0
    most_open: int = 0
    n_left_by_client: int = 0
    bodies: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def replay_server(
    answers: Sequence[Recorded], *, rate: float = 1.0, slots: int | None = None, together: int = 1
) -> Iterator[ReplayServer]:
    """Replay a recording on a free loopback port.

    rate      how many times faster than it was recorded
    slots     requests that are answered at once, others wait their turn; None for all
    together  no answer begins before so many requests are there, however slow the machine
    """
    seen = ReplayServer()
    ready, ended = threading.Event(), asyncio.Event()
    by_prompt, turn = {one.prompt: one for one in answers}, count()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        gate, are_there = asyncio.Semaphore(slots) if slots else None, asyncio.Event()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(ConnectionError, asyncio.IncompleteReadError), closing(writer):
                while await answer(reader, writer):
                    pass

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            body = json.loads(await reader.readexactly(_length(head)))
            seen.n_asked += 1
            seen.bodies.append(body)
            seen.n_open += 1
            seen.most_open = max(seen.most_open, seen.n_open)
            if seen.n_open >= together:
                are_there.set()
            one = by_prompt.get(prompt_of(body)) or answers[next(turn) % len(answers)]
            try:
                is_there = await _while_listening(reader, _answer(writer, body, one, rate, gate, are_there))
            finally:
                seen.n_open -= 1
            seen.n_left_by_client += not is_there
            return is_there

        server = await asyncio.start_server(talk, "127.0.0.1", 0, backlog=4096)
        seen.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        ready.set()
        async with server:
            await ended.wait()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0.1)  # the loop closes what was left

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), name="replay-server")
    thread.start()
    ready.wait()
    try:
        yield seen
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


def _length(head: str) -> int:
    names = (line.partition(":") for line in head.splitlines())
    return next(int(value) for name, _, value in names if name.lower() == "content-length")


async def _while_listening(reader: asyncio.StreamReader, answering: Any) -> bool:
    """Answer as long as the client is there; whether it was to the end."""
    answer = asyncio.ensure_future(answering)
    gone = asyncio.ensure_future(reader.read(1))
    await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
    if not answer.done():
        answer.cancel()
        await asyncio.gather(answer, return_exceptions=True)
        return False
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    answer.result()
    return True


async def _answer(
    writer: asyncio.StreamWriter,
    body: dict[str, Any],
    one: Recorded,
    rate: float,
    gate: asyncio.Semaphore | None,
    are_there: asyncio.Event,
) -> None:
    await are_there.wait()
    if gate is None:
        await _say(writer, body, one, rate)
        return
    async with gate:
        await _say(writer, body, one, rate)


async def _say(writer: asyncio.StreamWriter, body: dict[str, Any], one: Recorded, rate: float) -> None:
    usage = {"prompt_tokens": one.prompt_tokens, "completion_tokens": one.completion_tokens}
    if not body.get("stream"):
        await asyncio.sleep((one.at[-1] if one.at else 0.0) / rate)
        message = {"role": "assistant", "content": one.text}
        choice = {"index": 0, "finish_reason": one.finish_reason, "message": message}
        content = json.dumps({"choices": [choice], "usage": usage}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(content), content))
        await writer.drain()
        return
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    started = asyncio.get_running_loop().time()
    for token, at in zip(one.tokens, one.at, strict=True):
        await asyncio.sleep(started + at / rate - asyncio.get_running_loop().time())
        await _event(writer, {"choices": [{"index": 0, "delta": {"content": token}, "finish_reason": None}]})
    await _event(writer, {"choices": [{"index": 0, "delta": {}, "finish_reason": one.finish_reason}], "usage": usage})
    await _chunk(writer, b"data: [DONE]\n\n")
    writer.write(b"0\r\n\r\n")
    await writer.drain()


async def _event(writer: asyncio.StreamWriter, event: dict[str, Any]) -> None:
    await _chunk(writer, b"data: " + json.dumps(event).encode() + b"\n\n")


async def _chunk(writer: asyncio.StreamWriter, content: bytes) -> None:
    writer.write(b"%x\r\n%s\r\n" % (len(content), content))
    await writer.drain()
