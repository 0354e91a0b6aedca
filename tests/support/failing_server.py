"""A stand-in for a language-model server, for failures that a real one does not give on demand.

It follows a script, one step per request, the last step again and again; answers in it are the test's, not a model's.
"""

import json
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LONGEST_HANG_S = 10.0


@dataclass
class Seen:
    """What happened at the server."""

    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    n_open: int = 0
    most_open: int = 0
    n_left_by_client: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


Step = Callable[["_Handler"], None]


def answer(content: str | None, *, finish_reason: str = "stop", **message: Any) -> Step:
    """A chat completion with this text."""
    choice = {
        "index": 0,
        "finish_reason": finish_reason,
        "message": {"role": "assistant", "content": content, **message},
    }
    usage = {"prompt_tokens": 7, "completion_tokens": 3}
    return body(json.dumps({"choices": [choice], "usage": usage}))


def body(text: str, *, status: int = 200, **headers: str) -> Step:
    """A reply with this status and text; `Retry_After="1"` is the header Retry-After."""

    def step(handler: "_Handler") -> None:
        handler.reply(status, text, {name.replace("_", "-"): value for name, value in headers.items()})

    return step


def error(status: int, message: str = "a fault on purpose", **headers: str) -> Step:
    """An error reply in OpenAI's form."""
    return body(json.dumps({"error": {"message": message, "code": status}}), status=status, **headers)


def cut(handler: "_Handler") -> None:
    """Close the connection in the middle of the reply."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)


def hang(handler: "_Handler") -> None:
    """Say nothing until the client has gone."""
    select.select([handler.connection], [], [], LONGEST_HANG_S)
    with handler.seen.lock:
        handler.seen.n_left_by_client += 1


@dataclass(frozen=True)
class FailingServer:
    """A running stand-in: its address and what it saw."""

    base_url: str
    seen: Seen


@contextmanager
def failing_server(*steps: Step) -> Iterator[FailingServer]:
    """Run the script on a free loopback port."""
    seen = Seen()

    class Handler(_Handler):
        pass

    Handler.seen, Handler.steps = seen, steps
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield FailingServer(f"http://127.0.0.1:{server.server_port}/v1", seen)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    seen: Seen
    steps: tuple[Step, ...]
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        with self.seen.lock:
            step = self.steps[min(len(self.seen.bodies), len(self.steps) - 1)]
            self.seen.bodies.append(json.loads(content))
            self.seen.headers.append(dict(self.headers))
            self.seen.n_open += 1
            self.seen.most_open = max(self.seen.most_open, self.seen.n_open)
        try:
            step(self)
        finally:
            with self.seen.lock:
                self.seen.n_open -= 1

    def do_GET(self) -> None:
        self.steps[0](self)

    def reply(self, status: int, text: str, headers: dict[str, str]) -> None:
        content = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Tests stay quiet."""
