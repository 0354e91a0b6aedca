"""Interest mining: what a shopper cares about, each with its reason (V1 report, user-interest LLM)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from recommend.compression import CompressedHistory
from recommend.engines.types import ChatMessage
from recommend.languages import ENGLISH, LANGUAGES, Language
from recommend.prompts import Prompt, fence
from recommend.stages import profile

# The report has a stage per interest but does not say which there are: these three are ours.
Stage = Literal["long-term", "emerging", "seasonal"]
STAGES: tuple[str, ...] = get_args(Stage)
_REASON_CHARS = 160
_INTEREST_CHARS = 48


@dataclass(frozen=True, slots=True)
class InterestsInput:
    """What the model reads; `pool` are names it should prefer where they fit, `n` how many interests at most."""

    attributes: Mapping[str, str]
    history: CompressedHistory
    reference: date
    n: int
    pool: Sequence[str] = ()
    language: Language = LANGUAGES[ENGLISH]


@dataclass(frozen=True, slots=True)
class InterestOutput:
    """One interest as the model gave it."""

    text: str
    stage: str
    reason: str


class _Interest(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    # The reason comes first: for a small model it is the thinking that the name follows from.
    reason: str = Field(min_length=1, max_length=_REASON_CHARS)
    interest: str = Field(min_length=1, max_length=_INTEREST_CHARS)
    stage: Stage


class _Interests(BaseModel):
    model_config = ConfigDict(extra="forbid")

    interests: list[_Interest] = Field(min_length=1)


def messages(input: InterestsInput, prompt: Prompt) -> tuple[ChatMessage, ...]:
    """The chat that asks for the interests."""
    user = {
        "date": input.reference.isoformat(),
        "n": str(input.n),
        "language": input.language.order,
        "profile": profile(input.attributes),
        "pool": fence("pool", "; ".join(input.pool)) + "\n" if input.pool else "",
        "history": fence("history", input.history.text),
    }
    return prompt.messages(user)


def schema(input: InterestsInput) -> dict[str, Any]:
    """JSON schema of the answer, keys in the order in which they are written."""
    interest = {
        "type": "object",
        "properties": {
            "reason": {"type": "string", "minLength": 1, "maxLength": _REASON_CHARS},
            "interest": {"type": "string", "minLength": 1, "maxLength": _INTEREST_CHARS},
            "stage": {"type": "string", "enum": list(STAGES)},
        },
        "required": ["reason", "interest", "stage"],
        "additionalProperties": False,
    }
    listed = {"type": "array", "items": interest, "minItems": 1, "maxItems": input.n}
    return {
        "type": "object",
        "properties": {"interests": listed},
        "required": ["interests"],
        "additionalProperties": False,
    }


def parse(parsed: Any, input: InterestsInput) -> list[InterestOutput]:
    """The interests of an answer, at most `input.n`. Raises pydantic.ValidationError where it is not of the form."""
    answer = _Interests.model_validate(parsed)
    return [InterestOutput(one.interest, one.stage, one.reason) for one in answer.interests[: input.n]]
