"""Calls to judges counted and kept within a budget: an engine around the one that makes them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from decimal import Decimal
from threading import Event

from recommend.engines.types import ChatRequest, ChatResult, Engine, EngineError
from recommend.models import LanguageModel
from recommend.prices import price

# Where the server schedules by priority, verdicts on what is made now (10) overtake.
PRIORITY = 20
USED_UP = "The budget is used up."


@dataclass(frozen=True, slots=True)
class Usage:
    """What calls took; `money` is None where a model that was called has no price."""

    n_calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    money: Decimal | None = Decimal(0)

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.n_calls + other.n_calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            None if self.money is None or other.money is None else self.money + other.money,
        )

    def __sub__(self, other: Usage) -> Usage:
        return Usage(
            self.n_calls - other.n_calls,
            self.prompt_tokens - other.prompt_tokens,
            self.completion_tokens - other.completion_tokens,
            None if self.money is None or other.money is None else self.money - other.money,
        )


class MeteredEngine:
    """An engine that counts what its calls take, and answers itself, "cancelled", what the budget does not allow.

    models     those that are called, with their prices
    max_calls  calls that get an answer; None for any number
    max_money  what they may cost; None for any amount. A call's tokens are known when it is over, so those in flight
               count as much as one has cost on average: `before`, and until that knows any, `expected`
    before     what earlier calls of the same budget took

    It counts as an Engine. A call without an answer (the server cannot be reached) takes nothing.
    """

    def __init__(
        self,
        engine: Engine,
        models: Sequence[LanguageModel],
        *,
        max_calls: int | None = None,
        max_money: Decimal | None = None,
        before: Usage | None = None,
        expected: Decimal = Decimal(0),
    ) -> None:
        self.engine = engine
        self.used = before or Usage()
        self.is_used_up = False
        self._models = {model.name: model for model in models}
        self._max_calls, self._max_money, self._expected = max_calls, max_money, expected
        self._in_flight = 0
        self._told = self.used

    def generate(self, requests: Iterable[ChatRequest | None], *, stop: Event | None = None) -> Generator[ChatResult]:
        """Answer every request once, those beyond the budget with an error of kind "cancelled"."""
        refused: list[str] = []
        called: dict[str, LanguageModel] = {}
        with closing(self.engine.generate(self._admitted(requests, called, refused), stop=stop)) as results:
            for result in results:
                self._in_flight -= 1
                self.used += _usage(result, called[result.key])
                yield result
        for key in refused:
            yield ChatResult(key, error=EngineError("cancelled", USED_UP))

    def has_room(self) -> bool:
        """Whether one more call is allowed, beside those in flight."""
        if self._max_calls is not None and self.used.n_calls + self._in_flight >= self._max_calls:
            return False
        if self._max_money is None:
            return True
        if self.used.money is None:
            return False  # what was spent is not known, so nothing more is
        each = self.used.money / self.used.n_calls if self.used.n_calls else self._expected
        return self.used.money + (self._in_flight + 1) * each <= self._max_money and self.used.money < self._max_money

    def untold(self) -> Usage:
        """What was used since this was last asked."""
        new = self.used - self._told
        self._told = self.used
        return new

    def _admitted(
        self, requests: Iterable[ChatRequest | None], called: dict[str, LanguageModel], refused: list[str]
    ) -> Iterator[ChatRequest | None]:
        self._in_flight = 0
        for request in requests:
            if request is None:
                yield None
            elif self.has_room():
                self._in_flight += 1
                called[request.key] = self._models[request.model]
                yield replace(request, priority=PRIORITY)
            else:
                self.is_used_up = True
                refused.append(request.key)


def _usage(result: ChatResult, model: LanguageModel) -> Usage:
    if result.error is not None and result.error.kind in {"unavailable", "cancelled"}:
        return Usage()
    read, written = result.prompt_tokens, result.completion_tokens
    return Usage(1, read, written, price(model, read, written))
