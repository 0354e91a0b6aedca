"""Short forms of items: how a history names them (V1 report, item-level compression by a language model)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from recommend.engines.types import ChatMessage
from recommend.prompts import Prompt, fence

PROMPT = "short_forms"
_CHARS = 60


@dataclass(frozen=True, slots=True)
class ShortFormInput:
    """What the model reads of an item; `category` is its path, "grocery > cheese"."""

    title: str
    category: str
    brand: str
    attributes: Mapping[str, Any]

    @property
    def card(self) -> str:
        """The item as lines, without what it lacks."""
        lines = {"title": self.title, "category": self.category, "brand": self.brand, **self.attributes}
        return "\n".join(f"{name}: {value}" for name, value in lines.items() if value not in ("", None))


class _ShortForm(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    short: str = Field(min_length=1, max_length=_CHARS)


def messages(input: ShortFormInput, prompt: Prompt) -> tuple[ChatMessage, ...]:
    """The chat that asks for the short form."""
    return prompt.messages({"item": fence("item", input.card)})


def schema() -> dict[str, Any]:
    """JSON schema of the answer."""
    return {
        "type": "object",
        "properties": {"short": {"type": "string", "minLength": 1, "maxLength": _CHARS}},
        "required": ["short"],
        "additionalProperties": False,
    }


def parse(parsed: Any) -> str:
    """The short form. Raises pydantic.ValidationError where the answer is not of the form."""
    return _ShortForm.model_validate(parsed).short
