"""Item tags: which products an interest may lead to next (V1 report, item-tag LLM)."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from recommend.engines.types import ChatMessage
from recommend.languages import ENGLISH, LANGUAGES, Language
from recommend.prompts import Prompt, fence
from recommend.stages import profile
from recommend.stages.interests import InterestOutput

_REASON_CHARS = 160
TAG_CHARS = 64
# Of an answer, for one tag with its reason: a longest answer of 768 tokens has room for ten. Ours.
TOKENS_PER_TAG = 76


@dataclass(frozen=True, slots=True)
class TagsInput:
    """What the model reads.

    recent    what was bought lately (`compression.recent_items`)
    n         how many tags are asked for
    proposed  tags that it has proposed before: others are wanted
    """

    attributes: Mapping[str, str]
    interests: Sequence[InterestOutput]
    recent: Sequence[str]
    reference: date
    n: int
    language: Language = LANGUAGES[ENGLISH]
    proposed: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class TagOutput:
    """One tag as the model gave it; `interest` is one of the interests it was given."""

    text: str
    interest: str
    reason: str


class _Tag(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    interest: str = Field(min_length=1)
    reason: str = Field(min_length=1, max_length=_REASON_CHARS)
    tag: str = Field(min_length=1, max_length=TAG_CHARS)


class _Tags(BaseModel):
    model_config = ConfigDict(extra="forbid")

    tags: list[_Tag] = Field(min_length=1)


def shares(interests: Sequence[InterestOutput], n: int, per_call: int) -> list[tuple[Sequence[InterestOutput], int]]:
    """The calls that ask for `n` tags: neighbouring interests, and how many tags each call asks for.

    As few calls as there can be with at most `per_call` tags each, but never two for one interest, which would answer
    the same; so where there are few interests it may be less than `n`.

    >>> one, two, three = (InterestOutput(name, "emerging", "") for name in ("tea", "golf", "cats"))
    >>> [([each.text for each in group], n) for group, n in shares([one, two, three], 10, 7)]
    [(['tea'], 3), (['golf', 'cats'], 7)]
    """
    total = len(interests)
    for n_calls in range(min(total, -(-n // per_call)), total + 1):
        bounds = [total * number // n_calls for number in range(n_calls + 1)]
        found = [
            (interests[first:last], max(1, n * last // total - n * first // total))
            for first, last in itertools.pairwise(bounds)
        ]
        if all(share <= per_call for _, share in found):
            return found
    return [(group, min(per_call, share)) for group, share in found]


def messages(input: TagsInput, prompt: Prompt) -> tuple[ChatMessage, ...]:
    """The chat that asks for the tags."""
    interests = "\n".join(f"{one.text} ({one.stage}): {one.reason}" for one in input.interests)
    user = {
        "date": input.reference.isoformat(),
        "n": str(input.n),
        "language": input.language.order,
        "profile": profile(input.attributes),
        "interests": fence("interests", interests),
        "recent": fence("recent", "; ".join(input.recent) or "nothing"),
        "proposed": "\nProposed already, so propose others:\n" + fence("proposed", "; ".join(input.proposed))
        if input.proposed
        else "",
    }
    return prompt.messages(user)


def schema(input: TagsInput) -> dict[str, Any]:
    """JSON schema of the answer; a tag can only name an interest that was given."""
    tag = {
        "type": "object",
        "properties": {
            "interest": {"type": "string", "enum": list(dict.fromkeys(one.text for one in input.interests))},
            "reason": {"type": "string", "minLength": 1, "maxLength": _REASON_CHARS},
            "tag": {"type": "string", "minLength": 1, "maxLength": TAG_CHARS},
        },
        "required": ["interest", "reason", "tag"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"tags": {"type": "array", "items": tag, "minItems": 1, "maxItems": input.n}},
        "required": ["tags"],
        "additionalProperties": False,
    }


def parse(parsed: Any, input: TagsInput) -> list[TagOutput]:
    """The tags of an answer, at most `input.n`. Raises pydantic.ValidationError where it is not of the form."""
    answer = _Tags.model_validate(parsed)
    return [TagOutput(one.tag, one.interest, one.reason) for one in answer.tags[: input.n]]
