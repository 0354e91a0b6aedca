"""How many calls a user has: a counter for each period of the clock, so that a call costs one command."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings
from redis import Redis
from rest_framework.request import Request
from rest_framework.throttling import UserRateThrottle

if TYPE_CHECKING:  # REST framework's views import the throttles that the settings name
    from rest_framework.views import APIView


@lru_cache(maxsize=1)
def counters() -> Redis:
    """The server of the cache. Django's cache makes a client for every command, and has no counter that expires."""
    return Redis.from_url(settings.CACHES["default"]["LOCATION"])


class CountedRate(UserRateThrottle):
    """REST framework's rate by user, which otherwise keeps, reads and writes the time of every call."""

    duration: int  # seconds; read from the rate, as is the next
    num_requests: int

    def allow_request(self, request: Request, view: APIView) -> bool:
        self.now: float = self.timer()
        period = int(self.now // self.duration)
        key = f"{self.get_cache_key(request, view)}_{period}"
        n_calls = int(counters().incr(key))
        if n_calls == 1:
            counters().expire(key, self.duration)
        return n_calls <= self.num_requests

    def wait(self) -> float:
        """Seconds until the next period begins."""
        return self.duration - self.now % self.duration
