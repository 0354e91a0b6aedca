"""A receiver of webhooks on the loopback address: keeps what comes, and answers as it is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Receiver:
    """`answer` is (status, body, headers); `drips` sends a byte of it each tenth of a second."""

    url: str = ""
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    answer: tuple[int, bytes, dict[str, str]] = (204, b"", {})
    drips: bool = False


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A server that runs until the block ends."""
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            status, text, headers = kept.answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            try:
                for byte in text if kept.drips else ():
                    self.wfile.write(bytes([byte]))
                    time.sleep(0.1)
                if not kept.drips:
                    self.wfile.write(text)
            except OSError:
                pass  # who asked has read enough

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kept.url = f"http://127.0.0.1:{server.server_port}/hook?team=a"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
