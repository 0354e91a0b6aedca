"""The ways in which a judge can be asked. Each has prompts and a version of its own: a rater is never two of them."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from judge import verdicts
from recommend.prompts import Prompt

Calls = Literal["output", "generation", "criterion"]

REVIEWER = "reviewer"
_PROMPTS: dict[tuple[Calls, bool], str] = {
    ("output", False): verdicts.PROMPT,
    ("output", True): "judge_before",
    ("generation", False): "generation",
    ("generation", True): "generation_before",
    # An evaluator of one criterion is asked as a judge of one question.
    ("criterion", False): verdicts.PROMPT,
    ("criterion", True): "judge_before",
}


@dataclass(frozen=True, slots=True)
class Way:
    """How a judge is asked.

    reasons_first  the rationale stands before the label, which then follows from it; else after it, so that the
                   label's probability is not led by it
    calls          output: one call for each output; generation: one for all outputs of a generation, over the evidence
                   that they share; criterion: one for each criterion of each output, then a senior reviewer
    """

    reasons_first: bool = False
    calls: Calls = "output"

    @property
    def prompt(self) -> Prompt:
        """What judges, or each evaluator of a criterion, are asked with."""
        return verdicts.load_prompt(_PROMPTS[self.calls, self.reasons_first])

    @property
    def version(self) -> str:
        """The prompt version of a rater that is asked so: another one for each way."""
        if self.calls == "criterion":
            return f"{self.prompt.version}+reviewer{reviewer().version}"
        return self.prompt.version

    @property
    def sha256(self) -> str:
        """Of all that the judge is asked with."""
        if self.calls == "criterion":
            return sha256(f"{self.prompt.sha256} {reviewer().sha256}".encode()).hexdigest()
        return self.prompt.sha256


ALL = tuple(Way(reasons_first, calls) for calls, reasons_first in _PROMPTS)


def reviewer() -> Prompt:
    """What the senior reviewer is asked with."""
    return verdicts.load_prompt(REVIEWER)


def of_version(prompt_version: str) -> Way | None:
    """The way that has this prompt version today; None for a version that nobody is asked with any more."""
    return next((way for way in ALL if way.version == prompt_version), None)
