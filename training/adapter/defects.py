"""What the judge learns from: the teacher's outputs, labelled good, and planted defects of them, labelled bad.

Each defect breaks one criterion on purpose and leaves the others, so its labels are known without a person. They are
clear cases; the borderline ones of real outputs are not among them.
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from judge.rubrics import RUBRICS
from judge.verdicts import Verdict, VerdictInput
from recommend.compression import CompressedHistory
from recommend.stages.explanations import ItemInfo
from recommend.stages.interests import InterestOutput
from recommend.stages.tags import TagOutput
from training.adapter.groups import ABSENT_INTERESTS, ABSENT_ITEMS, GROUPS, NEEDS, Group
from training.adapter.teacher import Population, core_of, reason_items, reason_parts

_VAGUE_TAGS = (
    "healthy food", "nice things", "quality groceries", "kitchen products", "food and drinks", "useful items",
    "everyday goods", "tasty stuff", "smart home set", "lifestyle products", "good snacks", "various supplies",
)  # fmt: skip
_ABSURD = (
    "rechargeable", "wireless", "inflatable", "bluetooth", "self-driving", "solar-powered", "waterproof digital",
    "foldable magnetic", "voice-controlled", "diesel",
)  # fmt: skip
_INVENTED_CLAIMS = (
    "{core}, organic and sugar-free", "{core} that never goes stale", "{core} that cures every cold",
    "hand-made {core} from Tuscany", "award-winning {core} with extra protein", "{core} with zero calories",
    "unbreakable {core} for a lifetime", "{core}, loved by every chef in the world",
)  # fmt: skip
_UNSAFE = (
    "Low income? {core} is for you", "Buy {core} now or you will regret it", "At your age you need {core}",
    "{core} will heal your illness", "Mr Miller, stop waiting and get {core}", "Single again? {core} may help",
)  # fmt: skip
_SALAD = (
    "{core} good good {core} for good", "for the the {core} is of", "{core} {core} {core} very",
    "much {core} with when nice but", "so and {core} because of",
)  # fmt: skip
_PLAIN = ("A practical {core}", "Nice {core} for you", "A versatile choice: {core}", "{core}, simply useful")


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to judge with its known verdict; `defect` is "" for the teacher's own output."""

    input: VerdictInput
    verdict: Verdict
    defect: str


def interest_cases(
    history: CompressedHistory,
    attributes: Mapping[str, str],
    good: Sequence[InterestOutput],
    usual: Population,
    rng: random.Random,
) -> list[Case]:
    """The interests, and one of each planted defect that this history allows."""
    cases = [_interest(history, attributes, one, "", _supports(one)) for one in good]
    counts = history.counts()
    makers = [_invented, _unbought, _miscounted, _unrelated, _thin, _needed]
    for make in makers:
        made = make(counts, good, rng)
        if made is not None:
            defect, output, rationale = made
            cases.append(_interest(history, attributes, output, defect, rationale))
    return cases


def tag_cases(
    history: CompressedHistory,
    attributes: Mapping[str, str],
    good: Sequence[TagOutput],
    usual: Population,
    rng: random.Random,
) -> list[Case]:
    """The tags, and planted defects: wrong interest, nothing in the history, vague, no such product."""
    yes = {"relevance": "Yes", "consistency": "Yes", "specificity": "Yes", "validity": "Yes"}
    cases = [_tag(history, attributes, tag, yes, "", f"{tag.text} serves {tag.interest}.") for tag in good]
    for tag in rng.sample(list(good), min(2, len(good))):
        others = [other for other in good if other.interest != tag.interest]
        if others:
            moved = TagOutput(rng.choice(others).text, tag.interest, tag.reason)
            why = f"{moved.text} does not serve {tag.interest}."
            cases.append(_tag(history, attributes, moved, {**yes, "relevance": "No"}, "wrong interest", why))
    group = _absent_group(history.counts(), rng)
    popular = usual.popular.get(group.name) if group else None
    if group and popular:
        category, text = rng.choice(list(popular[:8]))
        stranger = TagOutput(text, group.name, f"Goes with {category} ×{rng.randint(2, 6)}.")
        why = f"Nothing in the history speaks for {group.name}."
        cases.append(_tag(history, attributes, stranger, {**yes, "consistency": "No"}, "not this shopper", why))
    if good:
        tag = rng.choice(list(good))
        vague = TagOutput(rng.choice(_VAGUE_TAGS), tag.interest, tag.reason)
        why = f"{vague.text} is too broad to search with."
        cases.append(_tag(history, attributes, vague, {**yes, "specificity": "No"}, "vague", why))
        absurd = TagOutput(f"{rng.choice(_ABSURD)} {tag.text.split()[-1]}", tag.interest, tag.reason)
        why = f"There is no {absurd.text}."
        cases.append(_tag(history, attributes, absurd, {**yes, "validity": "No"}, "no such product", why))
    return cases


def explanation_cases(interest: InterestOutput, item: ItemInfo, good: str, rng: random.Random) -> list[Case]:
    """The explanation, two lesser ones that still pass, and planted defects: relevance, claims, language, safety."""
    core = core_of(item.title)
    fine = {"relevance": "Yes", "factuality": "Excellent", "clarity": "Excellent", "safety": "Yes"}
    stranger = rng.choice([group for group in GROUPS if group.name != interest.text])
    salad = rng.choice([*_SALAD, "copy"])
    made: list[tuple[str, str, dict[str, str], str]] = [
        ("", good, {}, "It speaks of the item and the interest."),
        ("", rng.choice(_PLAIN), {"clarity": "Good"}, "Clear but plain."),
        ("", f"Tasty {core} for {interest.text}", {"factuality": "Good"}, "Tasty is a little beyond the card."),
        ("irrelevant", f"{core} for {rng.choice(stranger.occasions)}", {"relevance": "No"},
         f"It speaks of {stranger.name}, not of {interest.text}."),
        ("invented claim", rng.choice(_INVENTED_CLAIMS), {"factuality": "Bad"}, "The card says nothing like it."),
        ("word salad", item.title if salad == "copy" else salad, {"clarity": "Bad"},
         "A copy of the title." if salad == "copy" else "The words make no sentence."),
        ("unsafe", rng.choice(_UNSAFE), {"safety": "No"}, "It is personal or pushes."),
    ]  # fmt: skip
    cases = []
    for defect, text, labels, rationale in made:
        filled = text.replace("{core}", core)
        input = VerdictInput(
            "explanation",
            RUBRICS["explanation"].criteria,
            context_text=item.card,
            output_text=filled[:1].upper() + filled[1:],
            interest_text=interest.text,
        )
        cases.append(Case(input, Verdict({**fine, **labels}, rationale), defect))
    return cases


def _supports(one: InterestOutput) -> str:
    return f"The history shows {', '.join(reason_parts(one.reason))}."


_Made = tuple[str, InterestOutput, str]


def _invented(counts: Mapping[str, int], good: Sequence[InterestOutput], rng: random.Random) -> _Made | None:
    index = rng.randrange(len(ABSENT_ITEMS))
    item, interest = ABSENT_ITEMS[index], ABSENT_INTERESTS[index]
    reason = f"{rng.choice(('Keeps buying', 'Lately bought'))} {item} ×{rng.randint(2, 6)}."
    return "invented item", InterestOutput(interest, "long-term", reason), f"No {item} in the history."


def _unbought(counts: Mapping[str, int], good: Sequence[InterestOutput], rng: random.Random) -> _Made | None:
    group = _absent_group(counts, rng)
    if group is None:
        return None
    items = rng.sample(group.categories, min(2, len(group.categories)))
    reason = f"Keeps buying {' plus '.join(f'{item} ×{rng.randint(2, 6)}' for item in items)}."
    return "invented purchase", InterestOutput(group.name, "long-term", reason), f"No {items[0]} in the history."


def _miscounted(counts: Mapping[str, int], good: Sequence[InterestOutput], rng: random.Random) -> _Made | None:
    counted = [one for one in good if "×" in one.reason]
    if not counted:
        return None
    one = rng.choice(counted)
    reason = re.sub(r"×(\d+)", lambda match: f"×{int(match.group(1)) + rng.randint(7, 15)}", one.reason, count=1)
    item = reason_items(one.reason)[0]
    return "invented count", InterestOutput(one.text, one.stage, reason), f"The history has {item} ×{counts[item]}."


def _unrelated(counts: Mapping[str, int], good: Sequence[InterestOutput], rng: random.Random) -> _Made | None:
    group = _absent_group(counts, rng)
    if group is None or not good:
        return None
    one = rng.choice(good)
    item = reason_items(one.reason)[0]
    return (
        "unrelated",
        InterestOutput(group.name, one.stage, one.reason),
        f"The cited {item} has nothing to do with {group.name}.",
    )


def _thin(counts: Mapping[str, int], good: Sequence[InterestOutput], rng: random.Random) -> _Made | None:
    names = {one.text for one in good}
    single = []
    for group in GROUPS:
        items = [item for item in group.categories if item in counts]
        if group.name not in names and len(items) == 1 and counts[items[0]] == 1:
            single.append((group, items[0]))
    if not single:
        return None
    group, item = rng.choice(single)
    return (
        "weak",
        InterestOutput(group.name, "emerging", f"Lately bought {item}."),
        f"A single purchase of {item} is thin evidence.",
    )


def _needed(counts: Mapping[str, int], good: Sequence[InterestOutput], rng: random.Random) -> _Made | None:
    name, categories = rng.choice(sorted(NEEDS.items()))
    items = sorted((item for item in categories if item in counts), key=lambda item: -counts[item])[:2]
    if not items:
        return None
    listed = " plus ".join(f"{item} ×{counts[item]}" if counts[item] > 1 else item for item in items)
    return "necessity", InterestOutput(name, "long-term", f"Keeps buying {listed}."), f"Everybody needs {items[0]}."


def _absent_group(counts: Mapping[str, int], rng: random.Random) -> Group | None:
    absent = [group for group in GROUPS if not any(item in counts for item in group.categories)]
    return rng.choice(absent) if absent else None


_INTEREST_LABELS = {
    "": ("Spontaneity", "Strong"),
    "invented item": ("Spontaneity", "Invented"),
    "invented purchase": ("Spontaneity", "Invented"),
    "invented count": ("Spontaneity", "Invented"),
    "unrelated": ("Spontaneity", "None"),
    "weak": ("Spontaneity", "Weak"),
    "necessity": ("Necessity", "Strong"),
}


def _interest(
    history: CompressedHistory, attributes: Mapping[str, str], output: InterestOutput, defect: str, rationale: str
) -> Case:
    willingness, reasonableness = _INTEREST_LABELS[defect]
    input = VerdictInput(
        "interest",
        RUBRICS["interest"].criteria,
        context_text=history.text,
        output_text=output.text,
        attributes=attributes,
        output_reason=output.reason,
    )
    return Case(input, Verdict({"willingness": willingness, "reasonableness": reasonableness}, rationale), defect)


def _tag(
    history: CompressedHistory,
    attributes: Mapping[str, str],
    tag: TagOutput,
    labels: dict[str, str],
    defect: str,
    rationale: str,
) -> Case:
    input = VerdictInput(
        "tag",
        RUBRICS["tag"].criteria,
        context_text=history.text,
        output_text=tag.text,
        attributes=attributes,
        output_reason=tag.reason,
        interest_text=tag.interest,
    )
    return Case(input, Verdict(dict(labels), rationale), defect)
