"""What a generation was asked and what it should have answered, as a chat to learn. Pure.

The chat is asked by today's prompt, whatever prompt made the outputs: it is the one that the trained model is asked
with. It asks for as many outputs as the answer has, so that a model learns to give what it is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from jsonschema import Draft202012Validator

from recommend.compression import CompressedHistory, Line
from recommend.engines.types import ChatMessage
from recommend.languages import Language
from recommend.models import Output, Stage
from recommend.prompts import Prompt, load
from recommend.stages import explanations, interests, tags
from recommend.stages.explanations import GUIDELINE, TEXT, ExplanationInput, ItemInfo, Part
from recommend.stages.interests import InterestOutput, InterestsInput
from recommend.stages.tags import TagsInput


class IncompleteInputError(ValueError):
    """What a generation was made from is not all there, so that it cannot be asked again."""


def prompt_of(stage: Stage) -> Prompt:
    """Today's prompt of a stage."""
    return load(stage)


def named(stage: Stage, prompt: Prompt) -> str:
    """A prompt as a row names it."""
    return f"{stage} {prompt.version} sha256:{prompt.sha256}"


@dataclass(frozen=True, slots=True)
class Chat:
    """The messages that ask, and the JSON schema that an answer has to satisfy."""

    messages: tuple[ChatMessage, ...]
    schema: dict[str, Any]

    def takes(self, answer: str) -> bool:
        """Whether an answer is of the form asked for; one that was imported may be too long."""
        return bool(Draft202012Validator(self.schema).is_valid(json.loads(answer)))


def chat(stage: Stage, shown: Mapping[str, Any], language: Language, n: int, parts: Sequence[Part] = TEXT) -> Chat:
    """What asks for `n` outputs from the snapshot `shown`; `parts` of an explanation. Raises IncompleteInputError."""
    try:
        if stage == Stage.EXPLANATIONS:
            return _explanation(shown, language, parts)
        return _CHATS[stage](shown, language, n)
    except (KeyError, TypeError, ValueError) as error:
        raise IncompleteInputError(f"The input of the generation has no usable {error}.") from error


def _interests(shown: Mapping[str, Any], language: Language, n: int) -> Chat:
    reference = date.fromisoformat(shown["reference"])
    lines = tuple(Line((), (), str(text)) for text in shown["history"])
    history = CompressedHistory(lines, len(lines), (), None, 0, reference)
    asked = InterestsInput(shown["attributes"], history, reference, n, language=language)
    return Chat(interests.messages(asked, prompt_of(Stage.INTERESTS)), interests.schema(asked))


def _tags(shown: Mapping[str, Any], language: Language, n: int) -> Chat:
    given = [InterestOutput(**one) for one in shown["interests"]]
    reference = date.fromisoformat(shown["reference"])
    asked = TagsInput(shown["attributes"], given, shown["recent"], reference, n, language)
    return Chat(tags.messages(asked, prompt_of(Stage.TAGS)), tags.schema(asked))


def _explanation(shown: Mapping[str, Any], language: Language, parts: Sequence[Part]) -> Chat:
    asked = ExplanationInput(
        InterestOutput(**shown["interest"]),
        ItemInfo(**shown["item"]),
        shown["tag"],
        date.fromisoformat(shown["reference"]),
        language,
        shown.get("guideline", ""),
    )
    prompt = prompt_of(Stage.EXPLANATIONS)
    return Chat(explanations.messages(asked, prompt, parts), explanations.schema(asked, parts))


_CHATS = {Stage.INTERESTS: _interests, Stage.TAGS: _tags}


def parts_of(shown: Mapping[str, Any], outputs: Iterable[Output]) -> tuple[Part, ...]:
    """What an answer of these explanations holds: the guideline too, where each was written with its own."""
    return GUIDELINE + TEXT if not shown.get("guideline") and all(one.guideline for one in outputs) else TEXT


def answer(stage: Stage, outputs: Sequence[Output], parts: Sequence[Part] = TEXT) -> str:
    """The JSON that says these outputs, keys in the order in which the stage asks for them."""
    if stage == Stage.INTERESTS:
        said: Any = {"interests": [{"reason": one.reason, "interest": one.text, "stage": one.stage} for one in outputs]}
    elif stage == Stage.TAGS:
        return tags_answer((one.parent.text if one.parent else "", one.reason, one.text) for one in outputs)
    else:
        whole = {"guideline": outputs[0].guideline, "explanation": outputs[0].text}
        said = {part: whole[part] for part in parts}
    return json.dumps(said, ensure_ascii=False)


def tags_answer(said: Iterable[tuple[str, str, str]]) -> str:
    """The same of tags that are no outputs: interest, reason and text of each."""
    listed = [{"interest": interest, "reason": reason, "tag": text} for interest, reason, text in said]
    return json.dumps({"tags": listed}, ensure_ascii=False)


def is_complete(stage: Stage, output: Output) -> bool:
    """Whether an output has all that the answer of its stage says of one; what was imported may not."""
    if stage == Stage.INTERESTS:
        return bool(output.reason and output.stage in interests.STAGES)
    if stage == Stage.TAGS:
        return bool(output.reason and output.parent)
    return True
