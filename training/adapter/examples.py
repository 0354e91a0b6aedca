"""From the sample data to chats with answers, by the very prompts that the product asks with.

Households are split 85/15 by a seeded hash of their id. Reference dates lie through the year 2017; the demo's date,
2018-01-01, is never trained on, and neither is any date of a held-out household.
"""

import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from judge import verdicts
from recommend import sample_data
from recommend.compression import CompressedHistory, compress, recent_items
from recommend.engines.types import ChatMessage
from recommend.extraction import Event, reliable
from recommend.prompts import load
from recommend.stages import explanations, interests, tags
from recommend.stages.explanations import ExplanationInput, ItemInfo
from recommend.stages.interests import InterestOutput, InterestsInput
from recommend.stages.tags import TagOutput, TagsInput
from training.adapter import teacher
from training.adapter.defects import Case, explanation_cases, interest_cases, tag_cases

PROMPT_VERSION = "2"  # of every stage: what the adapter learns, and is asked with ever after
HISTORY_TOKENS = 352
N_INTERESTS = 6
N_TAGS = 8
RECENT_DAYS = 28
RECENT_ITEMS = 40
REFERENCES = tuple(date(2017, month, day) for month, day in ((3, 5), (5, 7), (6, 18), (8, 6), (9, 24), (11, 12)))
HELD_OUT_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class Household:
    """One shopper of the sample; events are oldest first."""

    external_id: str
    attributes: Mapping[str, str]
    events: Sequence[Event]


@dataclass(frozen=True, slots=True)
class Example:
    """One chat and the answer to learn; `group` names examples that share a long beginning."""

    task: str
    messages: tuple[ChatMessage, ...]
    answer: str
    group: str


@dataclass(frozen=True, slots=True)
class Situation:
    """A household at a date, with what the teacher says of it."""

    household: Household
    reference: date
    history: CompressedHistory
    recent: tuple[str, ...]
    interests: tuple[InterestOutput, ...]
    tags: tuple[TagOutput, ...]


def households() -> list[Household]:
    """All households with demographics and their reliable events."""
    short = sample_data.short_texts()
    events: dict[str, list[Event]] = {row["external_id"]: [] for row in sample_data.shoppers()}
    for batch in sample_data.behavior_batches():
        rows = zip(batch.shoppers, batch.skus, batch.occurred_at, batch.quantities, strict=True)
        for shopper, sku, at, quantity in rows:
            events[shopper].append(Event("purchase", short[sku], at, quantity, sku))
    return [
        Household(row["external_id"], row["attributes"], reliable(events[row["external_id"]]))
        for row in sample_data.shoppers()
    ]


def is_held_out(external_id: str, seed: int) -> bool:
    """Whether a household is kept for evaluation: the same 15% for the same seed, wherever this runs."""
    digest = sha256(f"{seed}:{external_id}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < HELD_OUT_SHARE


def history_at(household: Household, reference: date) -> CompressedHistory:
    """What the model reads of a household on a morning: everything before that day, within the embedded budget."""
    before = [event for event in household.events if event.at.date() < reference]
    return compress(before, reference=reference, max_tokens=HISTORY_TOKENS)


def population_of(train: Sequence[Household]) -> teacher.Population:
    """What training households usually buy."""
    kinds = sample_data.type_names()
    histories = [history_at(household, day) for household in train for day in REFERENCES[::2]]
    purchases = ((event.text, kinds[event.sku]) for household in train for event in household.events)
    return teacher.population([history for history in histories if history.lines], purchases)


def situation(household: Household, reference: date, usual: teacher.Population, n: int) -> Situation | None:
    """The household at that date; None where the teacher finds no interest in its history.

    What it buys after the reference date goes into the teacher's tags only, never into what the model reads.
    """
    history = history_at(household, reference)
    found = teacher.interests(history, usual, n)
    if not found:
        return None
    before = [event for event in household.events if event.at.date() < reference]
    recent = recent_items(before, reference=reference, days=RECENT_DAYS, max_items=RECENT_ITEMS)
    kinds = sample_data.type_names()
    lately = teacher.events_between(household.events, reference - timedelta(days=RECENT_DAYS), reference)
    following = teacher.events_between(household.events, reference, reference + teacher.FUTURE)
    proposed = teacher.tags(
        found,
        recent,
        [(event.text, kinds[event.sku]) for event in following],
        {kinds[event.sku]: event.text for event in lately},
        usual,
        N_TAGS,
    )
    return Situation(household, reference, history, recent, tuple(found), tuple(proposed))


def interests_input(now: Situation) -> InterestsInput:
    """What the interests stage is asked."""
    return InterestsInput(now.household.attributes, now.history, now.reference, N_INTERESTS)


def tags_input(now: Situation) -> TagsInput:
    """What the tags stage is asked, with the teacher's interests."""
    return TagsInput(now.household.attributes, now.interests, now.recent, now.reference, N_TAGS)


def explanation_inputs(now: Situation, rng: random.Random) -> list[ExplanationInput]:
    """One input per interest that has an item: an item of a tag's product type."""
    items = _items_by_type()
    inputs = []
    for interest in now.interests:
        texts = [tag.text for tag in now.tags if tag.interest == interest.text and tag.text in items]
        if texts:
            text = rng.choice(texts)
            inputs.append(ExplanationInput(interest, rng.choice(items[text]), text, now.reference))
    return inputs


def generation_examples(now: Situation, rng: random.Random) -> list[Example]:
    """The three generating stages of one situation."""
    asked = interests_input(now)
    answer = {"interests": [{"reason": one.reason, "interest": one.text, "stage": one.stage} for one in now.interests]}
    found = [_example("interests", interests.messages(asked, load("interests", PROMPT_VERSION)), answer, "interests")]
    if len(now.tags) >= N_TAGS // 2:
        listed = [{"interest": tag.interest, "reason": tag.reason, "tag": tag.text} for tag in now.tags]
        found.append(
            _example("tags", tags.messages(tags_input(now), load("tags", PROMPT_VERSION)), {"tags": listed}, "tags")
        )
    for wanted in explanation_inputs(now, rng):
        text = teacher.explanation(wanted.interest, wanted.item)
        chat = explanations.messages(wanted, load("explanations", PROMPT_VERSION))
        found.append(_example("explanations", chat, {"explanation": text}, "explanations"))
    return found


def judge_cases(now: Situation, usual: teacher.Population, rng: random.Random) -> dict[str, list[Case]]:
    """kind -> things to judge about one situation."""
    attributes = now.household.attributes
    cases = {
        "interest": interest_cases(now.history, attributes, now.interests, usual, rng),
        "tag": tag_cases(now.history, attributes, now.tags, usual, rng),
        "explanation": [],
    }
    for wanted in explanation_inputs(now, rng):
        text = teacher.explanation(wanted.interest, wanted.item)
        cases["explanation"] += explanation_cases(wanted.interest, wanted.item, text, rng)
    return cases


def judge_example(case: Case, group: str) -> Example:
    """One case as a chat."""
    answer = {**case.verdict.labels, verdicts.RATIONALE: case.verdict.rationale}
    return _example("judge", verdicts.messages(case.input, verdicts.load_prompt()), answer, group)


def training_examples(seed: int, n_situations: int) -> Iterator[Example]:
    """Examples of `n_situations` of the training households, in a seeded random order of (household, date)."""
    rng = random.Random(seed)  # noqa: S311 - reproducible sampling, no secret
    train = [household for household in households() if not is_held_out(household.external_id, seed)]
    usual = population_of(train)
    moments = [(household, day) for household in train for day in REFERENCES]
    rng.shuffle(moments)
    for number, (household, day) in enumerate(moments[:n_situations]):
        now = situation(household, day, usual, N_INTERESTS)
        if now is not None:
            yield from generation_examples(now, rng)
            for kind, cases in judge_cases(now, usual, rng).items():
                for case in balanced(cases, rng):
                    yield judge_example(case, f"judge {kind} {number}")


def balanced(cases: Sequence[Case], rng: random.Random, n_good: int = 4, n_bad: int = 5) -> list[Case]:
    """At most so many good and defective cases of a situation, shuffled: neither label is the likelier by much."""
    good = [case for case in cases if not case.defect]
    bad = [case for case in cases if case.defect]
    chosen = rng.sample(good, min(n_good, len(good))) + rng.sample(bad, min(n_bad, len(bad)))
    rng.shuffle(chosen)
    return chosen


def write(examples: Iterable[Example], path: Path) -> int:
    """Store examples as JSON lines; returns how many."""
    with path.open("w", encoding="utf-8") as file:
        return sum(1 for example in examples if file.write(json.dumps(asdict(example), ensure_ascii=False) + "\n"))


def read(path: Path) -> list[Example]:
    """Examples that `write` has stored."""
    found = []
    with path.open(encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            row["messages"] = tuple(ChatMessage(**message) for message in row["messages"])
            found.append(Example(**row))
    return found


def _example(task: str, messages: tuple[ChatMessage, ...], answer: Mapping[str, Any], group: str) -> Example:
    return Example(task, messages, json.dumps(answer, ensure_ascii=False), group)


@cache
def _items_by_type() -> dict[str, list[ItemInfo]]:
    found: dict[str, list[ItemInfo]] = {}
    for row in sample_data.items():
        kind = row["category"][-1]
        if len(found.setdefault(kind, [])) < 40:
            info = ItemInfo(row["title"], " > ".join(row["category"]), row["brand"], row["price"])
            found[kind].append(info)
    return found
