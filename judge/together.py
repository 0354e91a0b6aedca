"""All outputs of a generation in one call: the question, and the part of the answer that is about each.

They share the rubric and the evidence, which a server then reads once, also where it keeps no prefixes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from judge import verdicts
from judge.verdicts import VerdictInput
from recommend.engines.types import ChatMessage
from recommend.prompts import Prompt

# Ours: labels and a rationale of 160 characters take about 100 tokens of JSON; one cut at the limit is lost for all.
TOKENS_PER_OUTPUT = 160


def tags(inputs: Sequence[VerdictInput]) -> tuple[str, ...]:
    """What each output is called in the question and in the answer."""
    return tuple(f"output_{number}" for number in range(1, len(inputs) + 1))


def messages(inputs: Sequence[VerdictInput], prompt: Prompt) -> tuple[ChatMessage, ...]:
    """The chat that asks for the labels of all of them; they have criteria and evidence in common."""
    return verdicts.messages_for(inputs, prompt, tags(inputs))


def schema(inputs: Sequence[VerdictInput], *, reasons_first: bool = False) -> dict[str, Any]:
    """JSON schema of the answer: one object for each output, in the form that it has alone."""
    properties = {
        tag: verdicts.schema(one, reasons_first=reasons_first) for tag, one in zip(tags(inputs), inputs, strict=True)
    }
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
