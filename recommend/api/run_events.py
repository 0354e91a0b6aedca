"""A run's progress as server-sent events, for web servers with few threads.

A stream holds a thread. So it ends after STREAM_S at the latest, and a process has at most `settings.EVENT_STREAMS` of
them; whoever comes beyond that is told what is new and sent away at once, to come back after RETRY_S. Clients of the
protocol (EventSource in browsers) do so by themselves, and say with `Last-Event-ID` what they have seen: an event says
all that there is to say, so what was missed in between is in the next one.
"""

import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import close_old_connections

from recommend import selectors
from recommend.api.places import Places

STREAM_S = 25.0  # below the 30 s after which proxies begin to give up
LOOK_S = 0.5
RETRY_S = 2
MEDIA_TYPE = "text/event-stream"


places = Places(lambda: settings.EVENT_STREAMS)


def stream(run_id: UUID, seen: str) -> Iterator[bytes]:
    """The events of a run from now on, `progress` and at last `end`.

    seen   the id of the last event that the client has, "" for none: what it says is not told again
    """
    yield f"retry: {RETRY_S * 1000}\n\n".encode()
    until = time.monotonic() + STREAM_S
    has_place = places.take()
    try:
        while True:
            progress = selectors.progress_of(run_id)
            if progress.version != seen:
                seen = progress.version
                yield _event("progress" if progress.is_active else "end", seen, progress.as_json())
            if not (has_place and progress.is_active) or time.monotonic() + LOOK_S > until:
                return
            close_old_connections()  # a thread that waits needs none
            time.sleep(LOOK_S)
    finally:
        if has_place:
            places.leave()


def _event(name: str, number: str, data: dict[str, Any]) -> bytes:
    # JSON escapes everything that a line of the protocol could end with.
    return f"event: {name}\nid: {number}\ndata: {json.dumps(data)}\n\n".encode()
