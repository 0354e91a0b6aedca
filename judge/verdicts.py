"""One output, all criteria of its rubric: the question to a judge model, and what its answer means."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, create_model

from recommend.engines.types import ChatMessage, ChatResult, TokenLogprob
from recommend.prompts import Prompt, fence, load_from, neutral
from recommend.stages import profile

PROMPT = "judge"
RATIONALE = "rationale"
RATIONALE_CHARS = 160


class LabelLike(Protocol):
    """What a verdict needs to know of a label."""

    @property
    def value(self) -> str: ...
    @property
    def help(self) -> str: ...


class ExampleLike(Protocol):
    """What a verdict needs to know of an example."""

    @property
    def text(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def reason(self) -> str: ...


class CriterionLike(Protocol):
    """What a verdict needs to know of a criterion: `judge.rubrics.CriterionDef` or a row of the database."""

    @property
    def name(self) -> str: ...
    @property
    def question(self) -> str: ...
    @property
    def guideline(self) -> str: ...
    @property
    def labels(self) -> Sequence[LabelLike]: ...
    @property
    def examples(self) -> Sequence[ExampleLike]: ...


@dataclass(frozen=True, slots=True)
class VerdictInput:
    """One output to be judged, with the evidence that a person would see.

    context_text   lines of the history; for an explanation the card of its item
    interest_text  the interest that a tag or explanation serves; "" for an interest
    guidelines     whether guideline texts and examples go into the question as well: right for a large model; the
                   embedded one learned the short form
    """

    kind: Literal["interest", "tag", "explanation"]
    criteria: Sequence[CriterionLike]
    context_text: str
    output_text: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    output_reason: str = ""
    interest_text: str = ""
    guidelines: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judge's label per criterion, and the sentence that it gave for them."""

    labels: dict[str, str]
    rationale: str


def load_prompt(name: str = PROMPT) -> Prompt:
    """A prompt file of the judge; which one each way of asking has, say `judge.ways`."""
    return load_from("judge.prompts", name)


def messages(input: VerdictInput, prompt: Prompt) -> tuple[ChatMessage, ...]:
    """The chat that asks for the labels.

    Rubric, evidence, output, in this order: outputs of one kind share the first, those of one history the second, so
    that servers with a prefix cache read either once.
    """
    return messages_for((input,), prompt)


def messages_for(
    inputs: Sequence[VerdictInput], prompt: Prompt, tags: Sequence[str] = ("output",)
) -> tuple[ChatMessage, ...]:
    """The chat that asks for the labels of outputs, each between its tags; criteria and evidence are the first's."""
    first = inputs[0]
    system = {
        "kind": first.kind,
        "questions": questions(first.criteria, guidelines=first.guidelines),
        "keys": ", ".join(criterion.name for criterion in first.criteria),
    }
    evidence = fence("evidence", first.context_text)
    user = {
        "evidence": f"{profile(first.attributes)}\n{evidence}" if first.attributes else evidence,
        "output": "\n".join(fenced_output(one, tag) for tag, one in zip(tags, inputs, strict=True)),
    }
    return prompt.messages(user, system)


def fenced_output(input: VerdictInput, tag: str = "output") -> str:
    """The output that is judged, with the interest that it serves and its reason, between tags."""
    return fence(tag, output_lines(input))


def output_lines(input: VerdictInput) -> str:
    """What a judge reads of an output: a line each for the interest that it serves, itself, and its reason."""
    output = {"interest": input.interest_text, input.kind: input.output_text, "reason": input.output_reason}
    return "\n".join(f"{name}: {text}" for name, text in output.items() if text)


def schema(input: VerdictInput, *, reasons_first: bool = False) -> dict[str, Any]:
    """JSON schema of the answer: the labels first, so that their probabilities are not led by the rationale.

    With reasons_first the other way round: the labels follow from what was reasoned.
    """
    labels: dict[str, Any] = {
        criterion.name: {"type": "string", "enum": [label.value for label in criterion.labels]}
        for criterion in input.criteria
    }
    rationale = {RATIONALE: {"type": "string", "minLength": 1, "maxLength": RATIONALE_CHARS}}
    properties = rationale | labels if reasons_first else labels | rationale
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def parse(parsed: Any, input: VerdictInput) -> Verdict:
    """The verdict of an answer. Raises pydantic.ValidationError for a missing criterion or an unknown label."""
    answer = _answer_model(input).model_validate(parsed).model_dump()
    rationale = str(answer.pop(RATIONALE))
    return Verdict({name: str(label) for name, label in answer.items()}, rationale)


def probabilities(result: ChatResult, input: VerdictInput, *, within: str = "") -> dict[str, dict[str, float]]:
    """criterion -> label -> probability, from the alternatives at the token where the label begins.

    within  the key of the part of the answer that is about this output; "" where all of it is

    Labels of a criterion begin with different letters, so that token decides. The values of one criterion sum to 1:
    what a server weighs outside the labels is left out (llama.cpp reports unmasked alternatives, vLLM masked ones). A
    criterion without log-probabilities is left out; without any the answer is {}.
    """
    text = "".join(token.token for token in result.logprobs)
    # A key inside a rationale has its quotes escaped there, so that it is not taken for one.
    part = re.search(rf'"{re.escape(within)}"\s*:\s*{{', text) if within else None
    if within and part is None:
        return {}
    found = {}
    for criterion in input.criteria:
        key = re.compile(rf'"{re.escape(criterion.name)}"\s*:\s*"').search(text, part.end() if part else 0)
        token, lead = _token_at(result.logprobs, key.end()) if key else (None, "")
        weights = _weights(token, lead, [label.value for label in criterion.labels]) if token else {}
        total = sum(weights.values())
        if total > 0:
            found[criterion.name] = {value: weight / total for value, weight in weights.items()}
    return found


def questions(criteria: Sequence[CriterionLike], *, guidelines: bool) -> str:
    """What is asked of every output alike: it stands before evidence and output, so that all of a kind share it."""
    return "\n".join(_question(criterion, guidelines) for criterion in criteria)


def _question(criterion: CriterionLike, guidelines: bool) -> str:
    labels = " ".join(f"{label.value}: {label.help}" if label.help else f"{label.value}." for label in criterion.labels)
    lines = [f"{criterion.name}: {criterion.question} {labels}"]
    if guidelines and criterion.guideline:
        lines.append(criterion.guideline.strip())
    if guidelines:
        lines += [_example(criterion, example) for example in criterion.examples]
    return "\n".join(lines)


def _example(criterion: CriterionLike, example: ExampleLike) -> str:
    # The output of a model, so as little to be trusted as the one that is judged.
    reason = f" ({neutral(' '.join(example.reason.split()))})" if example.reason else ""
    return f"{fence('example', example.text)}\n{criterion.name} of this example: {example.label}{reason}"


def _answer_model(input: VerdictInput) -> type[BaseModel]:
    fields: dict[str, Any] = {
        criterion.name: (Literal[tuple(label.value for label in criterion.labels)], ...) for criterion in input.criteria
    }
    fields[RATIONALE] = (str, Field(min_length=1, max_length=RATIONALE_CHARS))
    config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    return create_model("Answer", __config__=config, **fields)


def _token_at(tokens: Sequence[TokenLogprob], position: int) -> tuple[TokenLogprob | None, str]:
    """The token that holds the character at a position of the joined text, and what of it stands before."""
    start = 0
    for token in tokens:
        end = start + len(token.token)
        if start <= position < end:
            return token, token.token[: position - start]
        start = end
    return None, ""


def _weights(token: TokenLogprob, lead: str, values: Sequence[str]) -> dict[str, float]:
    alternatives = {**token.alternatives, token.token: token.logprob}
    weights = dict.fromkeys(values, 0.0)
    for text, logprob in alternatives.items():
        begun = text.removeprefix(lead).strip().strip('"')
        meant = [value for value in values if begun and (value.startswith(begun) or begun.startswith(value))]
        if len(meant) == 1 and text.startswith(lead):
            weights[meant[0]] += math.exp(logprob)
    return weights
