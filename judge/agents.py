"""The judge as agents (RecGPT-V2 report): an evaluator for each criterion, then a senior reviewer who grades.

An output with a defect on any criterion is bad, B; that needs no reviewer. Of one without, the reviewer, who reads what
the evaluators found, says whether it is superior, S, or average, A. So an output passes with S or A, and that is where
every criterion passes, as for all judges. The report leaves the threshold between S and A open; that a model reads the
findings for it is our choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from judge import verdicts
from judge.verdicts import Verdict, VerdictInput
from recommend.engines.types import ChatMessage
from recommend.prompts import Prompt, fence

SUPERIOR, AVERAGE, BAD = "S", "A", "B"


class Grading(BaseModel):
    """The senior reviewer's answer."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    grade: Literal["S", "A"]
    rationale: str = Field(min_length=1, max_length=verdicts.RATIONALE_CHARS)


def evaluators(asked: VerdictInput) -> dict[str, VerdictInput]:
    """{criterion name: what its evaluator is asked}"""
    return {criterion.name: replace(asked, criteria=(criterion,)) for criterion in asked.criteria}


def review_messages(
    asked: VerdictInput, found: Verdict, probabilities: Mapping[str, Mapping[str, float]], prompt: Prompt
) -> tuple[ChatMessage, ...]:
    """The chat that asks the senior reviewer: the output and what each evaluator found, how sure it was, and why."""
    lines = []
    for criterion in asked.criteria:
        label = found.labels[criterion.name]
        chance = probabilities.get(criterion.name, {}).get(label)
        sure = f" ({chance:.0%} sure)" if chance is not None else ""
        lines.append(f"{criterion.name}: {criterion.question} {label}{sure}.")
    findings = fence("findings", "\n".join([*lines, found.rationale]))
    user = {"output": verdicts.fenced_output(asked), "findings": findings}
    return prompt.messages(user, {"kind": asked.kind})


def review_schema(*, reasons_first: bool = False) -> dict[str, Any]:
    """JSON schema of the senior reviewer's answer."""
    grade: dict[str, Any] = {"grade": {"type": "string", "enum": [SUPERIOR, AVERAGE]}}
    rationale = {verdicts.RATIONALE: {"type": "string", "minLength": 1, "maxLength": verdicts.RATIONALE_CHARS}}
    properties = rationale | grade if reasons_first else grade | rationale
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
