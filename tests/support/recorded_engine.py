"""A stand-in for a language model, for tests only: it gives recorded answers and keeps what it was asked."""

import json
from collections.abc import Callable, Generator, Iterable
from threading import Event
from typing import Any

from recommend.engines.types import ChatRequest, ChatResult, EngineError

Answer = dict[str, Any] | EngineError


class RecordedEngine:
    """Answers every request by `answer(request)`; counts as an Engine."""

    def __init__(self, answer: Callable[[ChatRequest], Answer]) -> None:
        self._answer = answer
        self.requests: list[ChatRequest] = []

    def generate(self, requests: Iterable[ChatRequest | None], *, stop: Event | None = None) -> Generator[ChatResult]:
        for request in requests:
            if stop is not None and stop.is_set():
                return
            if request is None:
                raise ValueError("every result has been taken")
            self.requests.append(request)
            answer = self._answer(request)
            if isinstance(answer, EngineError):
                yield ChatResult(key=request.key, text="so far", error=answer, finish_reason="length")
            else:
                yield ChatResult(
                    key=request.key,
                    text=json.dumps(answer),
                    parsed=answer,
                    finish_reason="stop",
                    prompt_tokens=100,
                    completion_tokens=20,
                    latency_s=0.5,
                )
