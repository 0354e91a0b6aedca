"""How requests flow through an engine that answers many at once: read ahead a little, results as they end."""

import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from queue import Empty, SimpleQueue

from recommend.engines.types import ChatRequest, ChatResult

STOP_SEEN_S = 0.2  # after which a stop is noticed at the latest


def answered(
    requests: Iterator[ChatRequest | None],
    send: Callable[[ChatRequest], Future[ChatResult]],
    most_open: int,
    stop: threading.Event | None,
) -> Generator[ChatResult]:
    """The results of requests that `send` begins to answer, in the order they end.

    most_open  requests that are read ahead of the results taken, at most
    stop       once it is set the rest is not waited for

    What is still open at the end, or when the iterator is closed, is cancelled. Raises ValueError for two requests with
    one key, and for a None with no result to come.
    """
    keys: set[str] = set()
    open_: set[Future[ChatResult]] = set()
    done: SimpleQueue[Future[ChatResult]] = SimpleQueue()
    exhausted = False
    try:
        while True:
            while not exhausted and len(open_) < most_open:
                try:
                    request = next(requests)
                except StopIteration:
                    exhausted = True
                    break
                if request is None:
                    if not open_:
                        raise ValueError("there is a None among the requests, and no result to wait for")
                    break
                if request.key in keys:
                    raise ValueError(f"two requests have the key {request.key!r}")
                keys.add(request.key)
                future = send(request)
                open_.add(future)
                future.add_done_callback(done.put)
            if not open_:
                return
            ended = _next(done, stop)
            if ended is None:
                return
            open_.remove(ended)
            yield ended.result()
    finally:
        for future in open_:
            future.cancel()


def _next(done: SimpleQueue[Future[ChatResult]], stop: threading.Event | None) -> Future[ChatResult] | None:
    """The next one to end; None as soon as none is wanted any more."""
    while stop is None or not stop.is_set():
        try:
            return done.get(timeout=None if stop is None else STOP_SEEN_S)
        except Empty:
            continue
    return None
