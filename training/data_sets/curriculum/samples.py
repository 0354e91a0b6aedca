"""One sample of a task, and how it becomes a row. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from recommend.engines.types import ChatMessage
from recommend.languages import ENGLISH
from recommend.prompts import Prompt, fence, load_from
from training.data_sets.rows import Lineage, Row, traced

PACKAGE = "training.prompts"
CURRICULUM = "curriculum"
# What a row of the curriculum rests on: it has no outputs.
GROUNDS = ("items", "behaviors", "source")


@dataclass(frozen=True, slots=True)
class Sample:
    """What a task's prompt is filled with, untrusted, and the answer that is right.

    shopper, at       whose it is, and when: "" and the day of building where it is nobody's
    items, behaviors  what it was made from, as `rows.Lineage` has it
    """

    task: str
    places: Mapping[str, str]
    answer: Mapping[str, str]
    at: date
    shopper: str = ""
    items: tuple[str, ...] = ()
    behaviors: tuple[str, ...] = ()


def prompt_of(task: str) -> Prompt:
    """The prompt of a task. Raises UnknownPromptError for one that only files bring."""
    return load_from(PACKAGE, task)


def row_of(sample: Sample) -> Row:
    """The sample as a row, by the task's prompt; raises UntracedRowError for one that does not say what it is from."""
    prompt = prompt_of(sample.task)
    messages = prompt.messages({name: fence(name, text) for name, text in sample.places.items()})
    answer = json.dumps(dict(sample.answer), ensure_ascii=False)
    lineage = Lineage(
        items=sample.items,
        behaviors=sample.behaviors,
        asked_with=f"{sample.task} {prompt.version} sha256:{prompt.sha256}",
    )
    return _row(sample.task, sample.shopper, sample.at, messages, answer, lineage)


def brought_row(task: str, at: date, system: str, prompt: str, answer: str, source: str) -> Row:
    """A row that a file brought, with its own prompt; `source` says which file and line."""
    messages = (*([ChatMessage("system", system)] if system else []), ChatMessage("user", prompt))
    return _row(task, "", at, messages, answer, Lineage(source=source, asked_with=f"{task} as in {source}"))


def _row(task: str, shopper: str, at: date, messages: tuple[ChatMessage, ...], answer: str, lineage: Lineage) -> Row:
    return traced(
        Row(
            task=f"{CURRICULUM} {task}",
            shopper=shopper,
            at=at,
            language=ENGLISH,
            messages=messages,
            answer=answer,
            labelled=CURRICULUM,
            n_outputs=1,
            lineage=lineage,
            essence=f"{task}\n{messages[-1].content}\n{answer}",
        ),
        *GROUNDS,
        is_generated=False,
    )
