"""Figures that take long, computed by a worker and kept: a page shows them at once, with the time they are of.

Up to LIVE_UP_TO assessments everything is computed when it is asked for. Beyond, what was computed last is shown, and
where that is older than FRESH_FOR a worker is sent to compute it anew. Kept figures lie in Django's cache: whoever
empties it loses nothing but the time to compute them again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar, cast
from urllib.parse import parse_qsl

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from django.core.cache import cache
from django.utils import timezone

from judge.models import Assessment, Rubric

T = TypeVar("T")

LIVE_UP_TO = 5_000
FRESH_FOR = timedelta(minutes=5)
KEPT_S = 7 * 86_400
# A worker that was sent is not sent again for so long; it is longer than computing takes.
SENT_FOR_S = 600
# How long it is believed that there are many assessments; their number hardly ever falls.
LARGE_FOR_S = 3_600
# Somebody may be waiting for it, unlike for checks (9); runs of shoppers go first (0).
PRIORITY = 3


@dataclass(frozen=True, slots=True)
class Stored(Generic[T]):
    """Figures as of `made_at`, when computing them began; `kept_at` is when that ended, None where nothing is kept."""

    value: T
    made_at: datetime
    kept_at: datetime | None = None

    @property
    def is_live(self) -> bool:
        return self.kept_at is None

    @property
    def is_old(self) -> bool:
        """Whether newer ones are on their way."""
        # From when it ended: what takes long would else be old as soon as it is there, and be computed without end.
        return self.kept_at is not None and timezone.now() - self.kept_at > FRESH_FOR


class NotReadyError(Exception):
    """The figures have never been computed; a worker is at it."""

    def __init__(self) -> None:
        super().__init__("These figures are being computed for the first time. Ask again in half a minute.")


class Figures(Generic[T]):
    """One sort of figures, told apart by a query string. A name stands for one sort."""

    sorts: ClassVar[dict[str, Figures[Any]]] = {}

    def __init__(self, name: str, compute: Callable[[Mapping[str, str]], T]) -> None:
        self.name, self.compute = name, compute
        self.sorts[name] = self

    def of(self, query: str, about: str, *, wait: bool = False) -> Stored[T]:
        """The figures that a query string asks for.

        about  what else they depend on, such as the judge that serves now: another one, other figures
        wait   compute what was never computed at once, instead of raising NotReadyError
        """
        if not is_large():
            return Stored(self.compute(dict(parse_qsl(query))), timezone.now())
        key = self._key(query, about)
        found = cast("Stored[T] | None", cache.get(key))
        if found is None and wait:
            return self.store(query, about)
        if (found is None or found.is_old) and cache.add(f"{key}:sent", 1, timeout=SENT_FOR_S):
            compute_figures.apply_async((self.name, query, about), priority=PRIORITY)
        if found is None:
            raise NotReadyError
        return found

    def store(self, query: str, about: str) -> Stored[T]:
        """Compute the figures and keep them."""
        key = self._key(query, about)
        # They are as of now: what comes while they are computed may be missing.
        now = timezone.now()
        made = Stored(self.compute(dict(parse_qsl(query))), now, timezone.now())
        cache.set(key, made, timeout=KEPT_S)
        cache.delete(f"{key}:sent")
        return made

    def _key(self, query: str, about: str) -> str:
        text = "\n".join((_VERSION, self.name, query, about))
        return f"figures:{hashlib.sha256(text.encode()).hexdigest()}"


def is_large() -> bool:
    """Whether there are more assessments than figures are computed from while somebody waits."""
    known = f"figures:more-than-{LIVE_UP_TO}"
    if cache.get(known):
        return True
    # Counted no further than needed.
    if Assessment.objects.order_by()[: LIVE_UP_TO + 1].count() <= LIVE_UP_TO:
        return False
    cache.set(known, 1, timeout=LARGE_FOR_S)
    return True


def _digest_of_the_code() -> str:
    """Figures that older code kept may have another shape: they are not read."""
    found = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()


# Taken when a process starts, so that it is of the code that runs.
_VERSION = _digest_of_the_code()


# Acknowledged at once: with a million assessments it takes longer than the broker waits before it gives a task to
# another worker as well. One that is lost with its worker is sent again after SENT_FOR_S.
@shared_task(base=DjangoTask, acks_late=False)
def compute_figures(name: str, query: str, about: str) -> None:
    """Compute figures and keep them; twice does no harm."""
    try:
        Figures.sorts[name].store(query, about)
    except Rubric.DoesNotExist:
        return  # the rubric that was asked about is gone; whoever asks again is told
