"""Explanations: the short line beside a recommended item (V1 report, recommendation-explanation LLM).

By a prompt that asks for one, a style guideline comes first and the line follows from it (V2 report, meta-prompting):
in one answer, or in a call of its own whose answer the second call is given.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from recommend.engines.types import ChatMessage
from recommend.languages import ENGLISH, LANGUAGES, Language
from recommend.prompts import Prompt, fence
from recommend.stages.interests import InterestOutput

# What an answer holds, in the order in which it is written.
Part = Literal["guideline", "explanation"]
TEXT: tuple[Part, ...] = ("explanation",)
GUIDELINE: tuple[Part, ...] = ("guideline",)
_CHARS: dict[Part, int] = {"guideline": 300, "explanation": 120}


@dataclass(frozen=True, slots=True)
class ItemInfo:
    """What the card of an item says; `category` is its path, "grocery > cheese > shredded cheese"."""

    title: str
    category: str
    brand: str = ""
    price: float | None = None

    @property
    def card(self) -> str:
        """The card as one line."""
        parts = [self.title, self.category, self.brand, f"${self.price:.2f}" if self.price is not None else ""]
        return " | ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class ExplanationInput:
    """What the model reads: one item, the interest and tag that brought it, the date, and a guideline if any."""

    interest: InterestOutput
    item: ItemInfo
    tag: str
    reference: date
    language: Language = LANGUAGES[ENGLISH]
    guideline: str = ""


@dataclass(frozen=True, slots=True)
class ExplanationOutput:
    """What the model wrote: the explanation, the guideline, or both; "" for what was not asked for."""

    text: str
    guideline: str = ""


class _Text(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    explanation: str = Field(min_length=1, max_length=_CHARS["explanation"])


class _Guideline(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    guideline: str = Field(min_length=1, max_length=_CHARS["guideline"])


class _Both(_Guideline, _Text):
    pass


def asked_for(prompt: Prompt, *, apart: bool) -> list[tuple[Part, ...]]:
    """What is asked for, call by call: the text alone by a prompt without guidelines, else both.

    apart  the guideline in a call of its own
    """
    if "guideline" not in prompt.places:
        return [TEXT]
    return [GUIDELINE, TEXT] if apart else [GUIDELINE + TEXT]


def messages(input: ExplanationInput, prompt: Prompt, parts: Sequence[Part] = TEXT) -> tuple[ChatMessage, ...]:
    """The chat that asks for these parts."""
    because = f": {input.interest.reason}" if input.interest.reason else ""
    stage = f" ({input.interest.stage})" if input.interest.stage else ""
    interest = input.interest.text + stage + because
    user = {
        "date": input.reference.isoformat(),
        "interest": fence("interest", interest),
        "item": fence("item", f"{input.item.card}\ntag: {input.tag}"),
        "guideline": "\n" + fence("guideline", input.guideline) if input.guideline else "",
        "answer": ", ".join(parts),
    }
    system = {"length": str(input.language.explanation_length), "language": input.language.name}
    return prompt.messages(user, system)


def schema(input: ExplanationInput, parts: Sequence[Part] = TEXT) -> dict[str, Any]:
    """JSON schema of the answer, keys in the order in which they are written."""
    return {
        "type": "object",
        "properties": {part: {"type": "string", "minLength": 1, "maxLength": _CHARS[part]} for part in parts},
        "required": list(parts),
        "additionalProperties": False,
    }


def parse(parsed: Any, input: ExplanationInput, parts: Sequence[Part] = TEXT) -> list[ExplanationOutput]:
    """What the answer says, as a list of one. Raises pydantic.ValidationError where it holds anything else."""
    form = _Both if len(parts) > 1 else _Guideline if parts[0] == "guideline" else _Text
    answer = form.model_validate(parsed).model_dump()
    return [ExplanationOutput(answer.get("explanation", ""), answer.get("guideline", ""))]
