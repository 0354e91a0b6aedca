"""One row of a data set, and the rule that none is without its origin. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any

from recommend.compression import estimate_tokens
from recommend.engines.types import ChatMessage

TRAIN, VALIDATION = "train", "validation"
SPLITS = (TRAIN, VALIDATION)


class UntracedRowError(ValueError):
    """A row does not say what it was made from: nothing of its data set may be used."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a row was made from: ids, and the names of models and versions as they were then.

    assessments, decisions  labels of people and judges, and of leads, by which outputs were accepted or rejected
    preferences             what people chose between two answers
    behaviors               what a shopper did, "2017-12-24T00:00:00+00:00 purchase 860776"
    items                   of the catalogue, by sku
    source                  file, line and hash, of what was brought
    prompt_versions         of the prompts that the generations were made with, "tags 2"
    asked_with              the prompt of the row itself, by its version and hash
    """

    outputs: tuple[str, ...] = ()
    generations: tuple[str, ...] = ()
    assessments: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()
    preferences: tuple[str, ...] = ()
    behaviors: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    source: str = ""
    models: tuple[str, ...] = ()
    prompt_versions: tuple[str, ...] = ()
    asked_with: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One chat and the answer to learn.

    task       what is asked: "tags", or of a judge "judge tag relevance"
    shopper    whose it is, by external id: splits and caps go by it; "" for what is nobody's, such as an item's
    at         the day that the prompt looks from; of a judge's row the day it was labelled
    labelled   who said that the answer is good: lead, people, judge, rules or purchases
    n_outputs  outputs in the answer
    rejected   the answer that is worse, of a pair; else empty
    graded     (answer, grade) of each in a list for a reward, where there is no one answer; else empty
    label      of a judge's row: what its answer says; else empty
    essence    what tells rows apart when near duplicates are looked for; not stored
    """

    task: str
    shopper: str
    at: date
    language: str
    messages: tuple[ChatMessage, ...]
    answer: str
    labelled: str
    n_outputs: int
    lineage: Lineage
    rejected: str = ""
    graded: tuple[tuple[str, str], ...] = ()
    label: str = ""
    essence: str = field(default="", compare=False)
    split: str = TRAIN

    @property
    def prompt_tokens(self) -> int:
        """Estimated, at most."""
        return sum(estimate_tokens(message.content) for message in self.messages)

    @property
    def answer_tokens(self) -> int:
        """Of all answers, estimated, at most."""
        return sum(map(estimate_tokens, (self.answer, self.rejected, *(answer for answer, _ in self.graded))))

    @property
    def key(self) -> str:
        """Names what is learned: the same chat with the same answers has the same."""
        chat = [[message.role, message.content] for message in self.messages]
        learned = [chat, self.answer, self.rejected, self.graded]
        return sha256(json.dumps(learned, ensure_ascii=False).encode()).hexdigest()[:32]


def traced(row: Row, *grounds: str, is_generated: bool = True) -> Row:
    """The row, if it can be traced to what made it.

    grounds       what it rests on beside outputs: at least one of these parts of a lineage has to be there
    is_generated  it is of a shopper's outputs

    Raises UntracedRowError, naming what is missing.
    """
    origin = row.lineage
    needed: dict[str, object] = {"prompt that asks": origin.asked_with}
    if is_generated:
        needed |= {
            "outputs": origin.outputs,
            "generations": origin.generations,
            "models": origin.models,
            "prompt versions": origin.prompt_versions,
            "shopper": row.shopper,
        }
    if grounds:
        needed[" or ".join(grounds)] = next(filter(None, (getattr(origin, name) for name in grounds)), ())
    if missing := [name for name, value in needed.items() if not value]:
        raise UntracedRowError(f"A row of {row.shopper or 'nobody'} ({row.task}) names no {', no '.join(missing)}.")
    return row


def content_sha256(rows: Iterable[Row]) -> str:
    """The hash of what the rows say, in whatever order they come, and of what each was made from."""
    lines = sorted(json.dumps(as_json(row), sort_keys=True, ensure_ascii=False) for row in rows)
    whole = sha256()
    for line in lines:
        whole.update(line.encode())
        whole.update(b"\n")
    return whole.hexdigest()


def as_json(row: Row) -> dict[str, Any]:
    """The row as it is stored."""
    origin = row.lineage
    return {
        "key": row.key,
        "split": row.split,
        "task": row.task,
        "shopper": row.shopper,
        "at": row.at.isoformat(),
        "language": row.language,
        "messages": [{"role": message.role, "content": message.content} for message in row.messages],
        "answer": row.answer,
        "labelled": row.labelled,
        "n_outputs": row.n_outputs,
        "rejected": row.rejected,
        "graded": [{"answer": answer, "grade": grade} for answer, grade in row.graded],
        "label": row.label,
        "outputs": list(origin.outputs),
        "generations": list(origin.generations),
        "assessments": list(origin.assessments),
        "decisions": list(origin.decisions),
        "preferences": list(origin.preferences),
        "behaviors": list(origin.behaviors),
        "items": list(origin.items),
        "source": origin.source,
        "models": list(origin.models),
        "prompt_versions": list(origin.prompt_versions),
        "asked_with": origin.asked_with,
    }


def counted(rows: Sequence[Row]) -> dict[str, int]:
    """{split: rows}, every split."""
    return {split: sum(row.split == split for row in rows) for split in SPLITS}
