"""Item tags by planner, experts and arbiter (V2 report, hierarchical multi-agent system), each pure.

The planner reads the shopper once and names personas; an expert proposes tags for each, as the direct stage does
(`stages.tags`); the arbiter chooses among all of them. Shapes and numbers are ours: the report's are not public.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from recommend.compression import CompressedHistory
from recommend.engines.types import ChatMessage
from recommend.languages import ENGLISH, LANGUAGES, Language
from recommend.prompts import Prompt, fence
from recommend.stages import profile
from recommend.stages.interests import InterestOutput
from recommend.stages.tags import TagOutput, TagsInput

PLANNER, EXPERT, ARBITER = PROMPTS = ("planner", "experts", "arbiter")
N_PERSONAS = 3
# How many tags the experts propose for each that is wanted, so that the arbiter has a choice.
SURPLUS = 1.5
_NAME_CHARS = 48
_FOCUS_CHARS = 160


@dataclass(frozen=True, slots=True)
class PlannerInput:
    """What the planner reads: all of the shopper."""

    attributes: Mapping[str, str]
    history: CompressedHistory
    interests: Sequence[InterestOutput]
    reference: date
    language: Language = LANGUAGES[ENGLISH]


@dataclass(frozen=True, slots=True)
class Persona:
    """One side of a shopper: what it looks for, and the interests that it has."""

    name: str
    focus: str
    interests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A tag that an expert proposed."""

    persona: Persona
    tag: TagOutput


@dataclass(frozen=True, slots=True)
class ArbiterInput:
    """What the arbiter reads; `n` is how many it may choose."""

    attributes: Mapping[str, str]
    history: CompressedHistory
    candidates: Sequence[Candidate]
    reference: date
    n: int


class _Persona(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    focus: str = Field(min_length=1, max_length=_FOCUS_CHARS)
    name: str = Field(min_length=1, max_length=_NAME_CHARS)
    interests: list[str] = Field(min_length=1)


class _Personas(BaseModel):
    model_config = ConfigDict(extra="forbid")

    personas: list[_Persona] = Field(min_length=1)


class _Chosen(BaseModel):
    model_config = ConfigDict(extra="forbid")

    chosen: list[int] = Field(min_length=1)


def planner_messages(input: PlannerInput, prompt: Prompt) -> tuple[ChatMessage, ...]:
    """The chat that asks for the personas."""
    user = {
        "date": input.reference.isoformat(),
        "n": str(N_PERSONAS),
        "language": input.language.order,
        "profile": profile(input.attributes),
        "interests": _interests(input.interests),
        "history": fence("history", input.history.text),
    }
    return prompt.messages(user)


def planner_schema(input: PlannerInput) -> dict[str, Any]:
    """JSON schema of the personas; one can only have interests that were given."""
    names = list(dict.fromkeys(one.text for one in input.interests))
    persona = {
        "focus": {"type": "string", "minLength": 1, "maxLength": _FOCUS_CHARS},
        "name": {"type": "string", "minLength": 1, "maxLength": _NAME_CHARS},
        "interests": {
            "type": "array",
            "items": {"type": "string", "enum": names},
            "minItems": 1,
            "maxItems": len(names),
        },
    }
    return _object({"personas": {"type": "array", "items": _object(persona), "minItems": 1, "maxItems": N_PERSONAS}})


def parse_personas(parsed: Any, input: PlannerInput) -> list[Persona]:
    """The personas, which together have all interests: one that was left out goes to whoever has fewest.

    Raises pydantic.ValidationError where the answer is not of the form.
    """
    answer = _Personas.model_validate(parsed)
    found = [Persona(one.name, one.focus, tuple(dict.fromkeys(one.interests))) for one in answer.personas[:N_PERSONAS]]
    for interest in input.interests:
        if not any(interest.text in persona.interests for persona in found):
            fewest = min(range(len(found)), key=lambda number: len(found[number].interests))
            found[fewest] = replace(found[fewest], interests=(*found[fewest].interests, interest.text))
    return found


def n_proposed(n: int, n_personas: int) -> int:
    """How many tags each expert proposes where `n` are wanted.

    >>> n_proposed(50, 3)
    25
    """
    return -int(-n * SURPLUS // n_personas)


def expert_messages(input: TagsInput, persona: Persona, prompt: Prompt) -> tuple[ChatMessage, ...]:
    """The chat that asks one expert for tags; its schema and form are those of `stages.tags`."""
    user = {
        "date": input.reference.isoformat(),
        "n": str(input.n),
        "language": input.language.order,
        "persona": fence("persona", f"{persona.name}: {persona.focus}"),
        "profile": profile(input.attributes),
        "interests": _interests(input.interests),
        "recent": fence("recent", "; ".join(input.recent) or "nothing"),
    }
    return prompt.messages(user)


def arbiter_messages(input: ArbiterInput, prompt: Prompt) -> tuple[ChatMessage, ...]:
    """The chat that asks which tags are recommended."""
    lines = [
        f"{number}. {one.tag.text} | {one.tag.interest} | {one.persona.name} | {one.tag.reason}"
        for number, one in enumerate(input.candidates, start=1)
    ]
    user = {
        "date": input.reference.isoformat(),
        "n": str(input.n),
        "profile": profile(input.attributes),
        "history": fence("history", input.history.text),
        "candidates": fence("candidates", "\n".join(lines)),
    }
    return prompt.messages(user)


def arbiter_schema(input: ArbiterInput) -> dict[str, Any]:
    """JSON schema of the choice: numbers of candidates, so that nothing can be made up."""
    number = {"type": "integer", "enum": list(range(1, len(input.candidates) + 1))}
    return _object({"chosen": {"type": "array", "items": number, "minItems": 1, "maxItems": input.n}})


def parse_choice(parsed: Any, input: ArbiterInput) -> list[Candidate]:
    """What was chosen, each once, at most `input.n`. Raises pydantic.ValidationError."""
    numbers = dict.fromkeys(_Chosen.model_validate(parsed).chosen)
    return [input.candidates[number - 1] for number in numbers if 1 <= number <= len(input.candidates)][: input.n]


def _interests(interests: Sequence[InterestOutput]) -> str:
    return fence("interests", "\n".join(f"{one.text} ({one.stage}): {one.reason}" for one in interests))


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
