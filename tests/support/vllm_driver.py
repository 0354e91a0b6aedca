"""Runs the `vllm` engine in the environment of vLLM, which has no Django: `python -m tests.support.vllm_driver …`.

Imports nothing of ours but the engines. The other side is `vllm_process`; a connection is one question, or the whole
of one `generate`, whose requests are asked for one by one, as the engine wants them.
"""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.connection import Connection, Listener
from typing import Any

from recommend.engines.types import ChatRequest
from recommend.engines.vllm import VllmEngine

END = "end"


def serve(path: str, engine: VllmEngine) -> None:
    """Answer connections, each in a thread, until one says END."""
    stops: dict[str, threading.Event] = {}
    with Listener(path) as listener:
        while True:
            connection = listener.accept()
            question, *values = connection.recv()
            if question == END:
                engine.close()
                connection.send(None)
                return
            if question == "generate":
                stops[values[0]] = threading.Event()
                threading.Thread(target=generate, args=(connection, engine, stops[values[0]])).start()
            elif question == "stop":
                stops[values[0]].set()
                connection.close()
            else:
                connection.send(getattr(engine, question)())
                connection.close()


def generate(connection: "Connection[Any, Any]", engine: VllmEngine, stop: threading.Event) -> None:
    """One `generate` over a connection; a connection that is closed closes the iterator."""

    def requests() -> Iterator[ChatRequest | None]:
        while True:
            connection.send(("wanted", None))
            request = connection.recv()
            if request == END:
                return
            yield request

    with connection, closing(engine.generate(requests(), stop=stop)) as results:
        try:
            for result in results:
                connection.send(("result", result))
                connection.recv()
            connection.send((END, None))
        except EOFError:
            return
        except ValueError as error:
            connection.send(("raised", error))


if __name__ == "__main__":
    serve(sys.argv[1], VllmEngine(**json.loads(sys.argv[2])))
