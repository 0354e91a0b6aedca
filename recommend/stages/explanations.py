"""Explanations: the short line beside a recommended item (V1 report, recommendation-explanation LLM)."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from recommend.engines.types import ChatMessage
from recommend.languages import ENGLISH, LANGUAGES, Language
from recommend.prompts import Prompt, fence
from recommend.stages.interests import InterestOutput

# The report asks for 6 to 10 characters of Chinese; 3 to 12 words is our limit for English.
MIN_WORDS, MAX_WORDS = 3, 12
MIN_CHINESE, MAX_CHINESE = 6, 10
_EXPLANATION_CHARS = 120


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
    """What the model reads: one item, the interest and tag that brought it, and the date."""

    interest: InterestOutput
    item: ItemInfo
    tag: str
    reference: date
    language: Language = LANGUAGES[ENGLISH]


@dataclass(frozen=True, slots=True)
class ExplanationOutput:
    """The explanation as the model gave it."""

    text: str


class _Explanation(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    explanation: str = Field(min_length=1, max_length=_EXPLANATION_CHARS)


def messages(input: ExplanationInput, prompt: Prompt) -> tuple[ChatMessage, ...]:
    """The chat that asks for the explanation."""
    interest = f"{input.interest.text} ({input.interest.stage}): {input.interest.reason}"
    user = {
        "date": input.reference.isoformat(),
        "interest": fence("interest", interest),
        "item": fence("item", f"{input.item.card}\ntag: {input.tag}"),
    }
    system = {"length": input.language.explanation_length, "language": input.language.name}
    return prompt.messages(user, system)


def schema(input: ExplanationInput) -> dict[str, Any]:
    """JSON schema of the answer."""
    return {
        "type": "object",
        "properties": {"explanation": {"type": "string", "minLength": 1, "maxLength": _EXPLANATION_CHARS}},
        "required": ["explanation"],
        "additionalProperties": False,
    }


def parse(parsed: Any, input: ExplanationInput) -> list[ExplanationOutput]:
    """The explanation, as a list of one. Raises pydantic.ValidationError where the answer is not of the form."""
    return [ExplanationOutput(_Explanation.model_validate(parsed).explanation)]


def length_is_right(text: str) -> bool:
    """Whether an explanation is short enough and not too short; punctuation and spaces do not count.

    >>> length_is_right("A calm start for little eaters"), length_is_right("Tasty"), length_is_right("夏日穿搭清爽有型")
    (True, False, True)
    """
    chinese = re.findall(r"[\u4e00-\u9fff]", text)
    if chinese:
        return MIN_CHINESE <= len(re.findall(r"\w", text)) <= MAX_CHINESE
    return MIN_WORDS <= len(re.findall(r"[\w'’%-]*\w[\w'’%-]*", text)) <= MAX_WORDS
