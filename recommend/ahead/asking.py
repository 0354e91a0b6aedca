"""A job's questions to a model, as many at once as the engine takes; each answer is stored while the job is held."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from recommend import jobs, leases
from recommend.engines.errors import EngineUnavailableError
from recommend.engines.types import ChatRequest, ChatResult, Engine
from recommend.models.jobs import PausableJob

# Well below the broker's visibility timeout: what takes longer would be delivered a second time meanwhile.
SHIFT_S = 120.0


@dataclass(frozen=True, slots=True)
class Question:
    """One call, and what becomes of its answer.

    store  keeps it, in the transaction that renews the job, and returns what is asked next because of it
    """

    request: ChatRequest
    store: Callable[[ChatResult], Question | None]


def ask(job: PausableJob, token: UUID, engine: Engine, questions: Iterator[Question]) -> None:
    """Ask for SHIFT_S; what is in flight then is waited for.

    Raises LostError where the job was paused or cancelled, and EngineUnavailableError, after storing what came, where
    a call got no answer at all.
    """
    until = time.monotonic() + SHIFT_S
    following: deque[Question] = deque()
    in_flight: dict[str, Question] = {}

    def requests() -> Iterator[ChatRequest | None]:
        while True:
            question = following.popleft() if following else None
            if question is None and time.monotonic() < until:
                question = next(questions, None)
            if question is not None:
                in_flight[question.request.key] = question
                yield question.request
            elif in_flight:
                yield None
            else:
                return

    def is_lost() -> bool:
        return not jobs.ours(job, token).exists()

    with leases.watching(is_lost) as lost, closing(engine.generate(requests(), stop=lost)) as results:
        for result in results:
            if result.error is not None and result.error.kind == "unavailable":
                raise EngineUnavailableError(result.error.message)
            with transaction.atomic():
                jobs.renew(job, token)
                then = in_flight.pop(result.key).store(result)
            if then is not None:
                following.append(then)
        if lost.is_set():
            raise jobs.LostError
