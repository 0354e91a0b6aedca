"""The OpenAI chat-completion format: a request as a body to post, a body that came back as a result. No network."""

import json
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jsonschema
from jsonschema.protocols import Validator

from recommend.engines.types import ChatRequest, ChatResult, EngineError, TokenLogprob

MAX_TOP_LOGPROBS = 20
# What vLLM sends for a token that a constraint rules out. JSON has no minus infinity, and exp(-9999) is 0.0.
IMPOSSIBLE = -9999.0
MESSAGE_CHARS = 300


class BadBodyError(ValueError):
    """A body that is no chat completion, or one that the server gave up on; asking again may help."""


def validator(schema: Mapping[str, Any]) -> Validator:
    """A validator of the schema's own draft (2020-12 where it names none). Raises ValueError for a wrong schema."""
    return _validator(json.dumps(schema, sort_keys=True))


# Checking a schema takes 2 ms, and it is asked for when a request goes out and again when its answer comes.
@lru_cache(maxsize=256)
def _validator(schema_json: str) -> Validator:
    schema = json.loads(schema_json)
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise ValueError(f"not a JSON schema: {error.message}") from error
    made: Validator = kind(schema)
    return made


def payload(request: ChatRequest, *, send_priority: bool) -> dict[str, Any]:
    """The body to post. Raises ValueError where no server could take the request."""
    if not 0 <= request.top_logprobs <= MAX_TOP_LOGPROBS:
        raise ValueError(f"top_logprobs is 0 to {MAX_TOP_LOGPROBS}, got {request.top_logprobs}")
    sampling = request.sampling
    body: dict[str, Any] = {
        **request.options,  # first: what the request itself says cannot be changed by them
        "model": request.model,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
    }
    if sampling.seed is not None:
        body["seed"] = sampling.seed
    if request.schema is not None:
        validator(request.schema)
        # The one form that vLLM and llama.cpp both obey; vLLM ignores `guided_json` silently.
        answer = {"name": "answer", "schema": dict(request.schema), "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": answer}
    if request.top_logprobs:
        body |= {"logprobs": True, "top_logprobs": request.top_logprobs}
    if send_priority:
        body["priority"] = request.priority
    return body


def result(request: ChatRequest, body: Any, *, latency_s: float) -> ChatResult:
    """The result that a server's answer means. Raises BadBodyError where it is no finished chat completion."""
    choice, usage = _choice(body), _mapping(_mapping(body).get("usage"))
    message = _mapping(choice.get("message"))
    text = _storable_text(message.get("content") or "")
    finish_reason = str(choice.get("finish_reason") or "")
    if finish_reason in {"abort", "error"}:
        raise BadBodyError(f"the server gave the answer up (finish reason {finish_reason!r})")
    parsed, error = _judge(request, text, finish_reason, message.get("refusal"))
    return ChatResult(
        key=request.key,
        text=text,
        parsed=parsed,
        error=error,
        finish_reason=finish_reason,
        prompt_tokens=int(usage.get("prompt_tokens") or 0),
        completion_tokens=int(usage.get("completion_tokens") or 0),
        latency_s=latency_s,
        logprobs=_logprobs(choice.get("logprobs")),
    )


def server_words(text: str) -> str:
    """What a server said about an error: the message of its JSON, or the start of its text."""
    try:
        body = _mapping(json.loads(text))
    except ValueError:
        return shortened(text)
    # OpenAI, llama.cpp and vLLM nest it; FastAPI's own errors say `detail`.
    nested = body.get("error")
    words = nested.get("message") if isinstance(nested, Mapping) else nested
    return shortened(str(words or body.get("message") or body.get("detail") or text))


def shortened(text: str) -> str:
    """One line of at most 300 characters."""
    line = " ".join(text.split())
    return line if len(line) <= MESSAGE_CHARS else line[: MESSAGE_CHARS - 1] + "…"


def _choice(body: Any) -> Mapping[str, Any]:
    choices = _mapping(body).get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        raise BadBodyError("the answer is no chat completion (it has no choices)")
    return choices[0]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _judge(request: ChatRequest, text: str, finish_reason: str, refusal: Any) -> tuple[Any, EngineError | None]:
    """The parsed JSON, if one was asked for, or why the answer is of no use."""
    if finish_reason == "length":
        # Even where the JSON looks whole: what the model still had to say is unknown.
        return None, EngineError("truncated", f"The answer was cut at {request.sampling.max_tokens} tokens or less.")
    if refusal or finish_reason == "content_filter":
        return None, EngineError("refused", f"The model refused: {shortened(str(refusal or finish_reason))}")
    if not text.strip():
        return None, EngineError("invalid_json" if request.schema is not None else "refused", "The answer is empty.")
    if request.schema is None:
        return None, None
    return _parsed(text, request.schema)


def _parsed(text: str, schema: Mapping[str, Any]) -> tuple[Any, EngineError | None]:
    try:
        parsed = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        return None, EngineError("invalid_json", shortened(f"The answer is not JSON: {error}"))
    if not _is_storable(parsed):
        return None, EngineError("invalid_json", "The answer escapes a character that no text can hold.")
    mismatch = jsonschema.exceptions.best_match(validator(schema).iter_errors(parsed))
    if mismatch is not None:
        return None, EngineError("schema", shortened(f"At {mismatch.json_path}: {mismatch.message}"))
    return parsed, None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _storable_text(text: str) -> str:
    """The text with what PostgreSQL cannot store (NUL, lone surrogates) replaced by U+FFFD."""
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _is_storable(value: Any) -> bool:
    if isinstance(value, str):
        return _storable_text(value) == value
    if isinstance(value, Mapping):
        return all(_is_storable(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return all(_is_storable(part) for part in value)
    return not isinstance(value, float) or math.isfinite(value)


def _logprobs(block: Any) -> tuple[TokenLogprob, ...]:
    return tuple(
        TokenLogprob(str(entry.get("token", "")), _number(entry.get("logprob")), _alternatives(entry))
        for entry in _mapping(block).get("content") or ()
    )


def _alternatives(entry: Mapping[str, Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for other in entry.get("top_logprobs") or ():
        token, logprob = str(other.get("token", "")), _number(other.get("logprob"))
        # Tokens that are parts of one character are spelt alike; the likelier one stands for them.
        found[token] = max(logprob, found.get(token, logprob))
    return found


def _number(logprob: Any) -> float:
    return float(logprob) if isinstance(logprob, int | float) and math.isfinite(logprob) else IMPOSSIBLE
