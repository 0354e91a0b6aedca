"""How a judge model is asked, and what its answer means: shared by judging and by the checks of a judge."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import ValidationError

from judge import verdicts
from judge.rubrics import RubricDef
from judge.verdicts import VerdictInput
from recommend.engines.types import ChatRequest, ChatResult, Sampling
from recommend.models import LanguageModel

TOP_LOGPROBS = 10
# Nobody waits for a verdict as they wait for a run: where the server schedules by priority, runs overtake.
PRIORITY = 10


@dataclass(frozen=True, slots=True)
class Answer:
    """A judge's answer, in texts that PostgreSQL can store.

    labels   {criterion name: label value}; empty where the answer is of no use, and then `error` says why
    passed   every criterion passed; None without labels
    seconds  that the answer took
    """

    seconds: float
    raw_text: str
    error: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    passed: bool | None = None
    rationale: str = ""
    probabilities: dict[str, dict[str, float]] = field(default_factory=dict)


def request(
    key: str, asked: VerdictInput, model: LanguageModel, *, temperature: float = 0.0, seed: int = 0
) -> ChatRequest:
    """The question to the judge; its answer carries the same key."""
    return ChatRequest(
        key=key,
        messages=verdicts.messages(asked, verdicts.load_prompt()),
        model=model.name,
        schema=verdicts.schema(asked),
        sampling=Sampling(max_tokens=model.max_tokens, temperature=temperature, seed=seed),
        top_logprobs=TOP_LOGPROBS,
        priority=PRIORITY,
        options=model.request_options,
    )


def silence(result: ChatResult) -> str:
    """Why the server gave no answer at all, so that the question has to be asked again; "" where it gave one."""
    if result.error is None or result.error.kind not in {"unavailable", "cancelled"}:
        return ""
    return result.error.message or result.error.kind


def answer(result: ChatResult, asked: VerdictInput, rubric: RubricDef) -> Answer:
    """What came back, usable or not: a missing verdict would change a rate silently."""
    seconds, raw_text = result.latency_s, _storable(result.text)
    if result.error is not None:
        return Answer(seconds, raw_text, _storable(f"{result.error.kind}: {result.error.message}"))
    try:
        verdict = verdicts.parse(result.parsed, asked)
    except ValidationError as invalid:
        return Answer(seconds, raw_text, _storable(f"The answer is not of the form asked for: {_problems(invalid)}"))
    return Answer(
        seconds,
        raw_text,
        labels=verdict.labels,
        passed=rubric.passes(verdict.labels),
        rationale=_storable(verdict.rationale),
        probabilities=verdicts.probabilities(result, asked),
    )


def _problems(invalid: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in invalid.errors())


def _storable(text: str) -> str:
    # PostgreSQL stores no NUL; a model may say anything.
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
