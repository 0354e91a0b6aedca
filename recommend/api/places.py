"""Calls that hold a thread of the web server for long: how many a process has at once."""

import threading
from collections.abc import Callable


class Places:
    """So many as `most` says; counted in the process, as its threads are."""

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._n_taken = 0

    def take(self) -> bool:
        """Whether there was a place; one that was taken is given back by `leave`."""
        with self._lock:
            is_free = self._n_taken < self._most()
            self._n_taken += is_free
        return is_free

    def leave(self) -> None:
        with self._lock:
            self._n_taken -= 1
