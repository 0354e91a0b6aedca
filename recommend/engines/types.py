"""What every engine speaks: requests in, results out, in any order, joined by key."""

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Any, Literal, Protocol

Role = Literal["system", "user", "assistant"]
ErrorKind = Literal["unavailable", "refused", "truncated", "invalid_json", "schema", "cancelled"]


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One turn of a chat."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn; a fixed seed repeats an answer where the engine supports it."""

    max_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One chat completion to make.

    key           the caller's name for it; the result carries the same
    schema        JSON schema that the answer must satisfy; None for free text
    top_logprobs  alternatives wanted per answer token, 0 for none (at most 20)
    priority      lower overtakes higher where the server schedules by priority
    options       further fields of the body, for what a server offers beyond the OpenAI format
    """

    key: str
    messages: tuple[ChatMessage, ...]
    model: str
    schema: Mapping[str, Any] | None = None
    sampling: Sampling = field(default_factory=Sampling)
    top_logprobs: int = 0
    priority: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One token of the answer, with the alternatives that the model weighed (text -> log-probability)."""

    token: str
    logprob: float
    alternatives: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class EngineError:
    """Why a request has no usable answer, in words a person can act on."""

    kind: ErrorKind
    message: str


@dataclass(frozen=True, slots=True)
class ChatResult:
    """The answer to the request of the same key.

    parsed is the decoded JSON where a schema was asked for and the answer keeps it; with an error it is None,
    and text still holds whatever came back. An answer cut at the token limit is an error of kind "truncated".
    """

    key: str
    text: str = ""
    parsed: Any = None
    error: EngineError | None = None
    finish_reason: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    latency_s: float = 0.0
    logprobs: tuple[TokenLogprob, ...] = ()


class Engine(Protocol):
    """Turns chat requests into results; results come in any order and carry their request's key."""

    def generate(self, requests: Iterable[ChatRequest | None], *, stop: Event | None = None) -> Generator[ChatResult]:
        """Answer every request once; failures are results with an error, never exceptions. Closing it stops the rest.

        stop   once it is set, by whatever thread, the iterator ends without the results that are not there yet, and
               nothing more is generated for them

        A None among the requests says that there is nothing to ask until another result has been taken: what is asked
        next depends on one that is still to come. Raises ValueError for a None when every result has been taken.
        """
        ...
