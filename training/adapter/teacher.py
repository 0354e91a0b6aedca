"""The programmatic teacher: targets that code derives from the sample data, for a model too small to find them alone.

Interests are groups of categories bought clearly above the population, tags are product types bought in the weeks that
followed, explanations tie an item to an interest in varied phrases. No language model and no person wrote a target;
what the adapter learns is this file's idea of the tasks, and the model card says so.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from operator import itemgetter

from recommend.compression import CompressedHistory
from recommend.extraction import Event
from recommend.languages import ENGLISH, LANGUAGES
from recommend.periods import Period
from recommend.stages.explanations import ItemInfo
from recommend.stages.interests import InterestOutput
from recommend.stages.tags import TagOutput
from training.adapter.groups import BY_NAME, GROUPS, OF_CATEGORY, Group

UNITS_CAP = 6  # one bulk purchase must not make an interest
MIN_LIFT = 2.0  # units of a group against the population's mean
MIN_UNITS = 3
EVIDENCE_UNITS = 2  # what a reason cites at least
FUTURE = timedelta(days=28)

# Words that make a product type no tag: brands and fillers, and what says nothing by itself.
_NO_TAG_WORDS = frozenset(
    """assorted other misc all general set sets smart modular only and/or regular mainstream items products covergirl
    maybelline revlon loreal brands included vendor size bulk goods non-iws frz fre rw raw
    magazine flesh dps-prpck""".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Population:
    """What shoppers usually buy, from the histories of the training households.

    expected  group -> mean units per compressed history, each category capped at UNITS_CAP
    popular   group -> (category, tag) pairs, most bought first
    """

    expected: Mapping[str, float]
    popular: Mapping[str, Sequence[tuple[str, str]]]


def population(histories: Sequence[CompressedHistory], purchases: Iterable[tuple[str, str]]) -> Population:
    """The population of these histories; `purchases` are (category, product type) pairs."""
    units: Counter[str] = Counter()
    for history in histories:
        for item, count in history.counts().items():
            if item in OF_CATEGORY:
                units[OF_CATEGORY[item].name] += min(count, UNITS_CAP)
    bought: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for category, kind in purchases:
        if category in OF_CATEGORY and is_tag(kind, category):
            bought[OF_CATEGORY[category].name][category, kind] += 1
    return Population(
        expected={group.name: max(units[group.name] / len(histories), 0.05) for group in GROUPS},
        popular={name: [pair for pair, _ in counts.most_common(20)] for name, counts in bought.items()},
    )


def interests(history: CompressedHistory, usual: Population, n: int) -> list[InterestOutput]:
    """Groups bought at least MIN_UNITS times and MIN_LIFT times as much as the population does: the first n.

    They come in the order in which the history names their leading item, the one with most units. A model this small
    can follow that from line to line; ordered by clearness or by a fixed list it lost track and repeated itself.
    """
    counts = history.counts()
    places = {item: place for place, item in enumerate(item for line in history.lines for item, _ in line.items)}
    found: list[tuple[int, Group, list[str]]] = []
    for group in GROUPS:
        items = sorted(
            (item for item in group.categories if item in counts), key=lambda item: (-counts[item], places[item])
        )
        units = sum(min(counts[item], UNITS_CAP) for item in items)
        if units >= MIN_UNITS and units >= MIN_LIFT * usual.expected[group.name]:
            found.append((places[items[0]], group, items))
    found.sort(key=itemgetter(0))
    return [_interest(group, items, history) for _, group, items in found[:n]]


def tags(
    wanted: Sequence[InterestOutput],
    recent: Sequence[str],
    bought_next: Sequence[tuple[str, str]],
    bought_lately: Mapping[str, str],
    usual: Population,
    n: int,
) -> list[TagOutput]:
    """n tags, spread over the interests: what was bought next comes first, what is popular fills up.

    recent         item texts of the last weeks, as the model reads them
    bought_next    (category, product type) pairs of the following weeks
    bought_lately  product type -> category of the last weeks: these types are never proposed, and no reason calls
                   their category new, also where `recent` had no room for it
    """
    recent_names = {re.sub(r" ×\d+$", "", item) for item in recent} | set(bought_lately.values())
    queues = [_candidates(one, recent_names, bought_next, set(bought_lately), usual) for one in wanted]
    found: list[TagOutput] = []
    while len(found) < n and any(queues):
        for one, queue in zip(wanted, queues, strict=True):
            if queue and len(found) < n:
                category, tag = queue.pop(0)
                if all(tag != other.text for other in found):
                    found.append(TagOutput(tag, one.text, tag_reason(one, category, category in recent_names)))
    return found


def explanation(interest: InterestOutput, item: ItemInfo) -> str:
    """A phrase of 3 to 12 words that ties the item to the interest; claims nothing about the item but its kind.

    Occasion and phrase follow from interest and category, so that a model can learn them and still vary.
    """
    group = BY_NAME[interest.text]
    core = core_of(item.title)
    turn = GROUPS.index(group) + sum(category in item.category for category in group.categories[::2])
    occasion = group.occasions[turn % len(group.occasions)]
    leads = [name for name in reason_items(interest.reason) if name not in item.category]
    phrases = [
        f"{core} for {occasion}",
        f"For {occasion}: {core}",
        f"{occasion} starts with {core}",
        f"Make {occasion} a little better with {core}",
        f"{core}, because {occasion} is worth it",
    ]
    if leads:
        phrases[1] = f"{core} to go with your {leads[0]}"
        phrases[4] = f"You have {leads[0]}, now try {core}"
    ordered = phrases[turn % len(phrases) :] + phrases
    fitting = (phrase for phrase in ordered if LANGUAGES[ENGLISH].explanation_length.fits(phrase))
    return _capital(next(fitting, f"{' '.join(core.split()[-2:])} for {occasion}"))


def is_tag(kind: str, category: str) -> bool:
    """Whether a product type reads as a tag: modifier and core word, nothing vague, no brand."""
    words = kind.split()
    plain = re.fullmatch(r"[A-Za-z][A-Za-z '\-]+", kind) is not None
    return 2 <= len(words) <= 4 and plain and kind != category and not set(words) & _NO_TAG_WORDS


def reason_items(reason: str) -> list[str]:
    """The items that a reason of this teacher names, most units first."""
    return [re.sub(r" ×\d+$", "", part) for part in reason_parts(reason)]


def reason_parts(reason: str) -> list[str]:
    """The same with their counts: "soup ×3"."""
    listed = re.sub(r"^(Keeps buying|Lately bought|Bought) | for the season|\.$", "", reason)
    return re.split(r", | plus ", listed)


def core_of(title: str) -> str:
    """What an item is, from its title: the part before size and brand, at most four words, lower case."""
    words = title.split(", ")[0].split()
    core = " ".join(words[:4] if len(words) <= 4 else words[-3:])
    return core[:1].lower() + core[1:] if not core[:2].isupper() else core


def tag_reason(interest: InterestOutput, category: str, is_recent: bool) -> str:
    """Why a tag of that category serves the interest, in words that the history bears out."""
    if is_recent:
        return f"Buys {category}; may like another kind."
    first = next(
        (part for part in reason_parts(interest.reason) if not re.match(rf"{re.escape(category)}( ×|$)", part)), ""
    )
    return f"Goes with {first}; no {category} lately." if first else f"Bought {category} before; none lately."


def _interest(group: Group, items: Sequence[str], history: CompressedHistory) -> InterestOutput:
    counts = history.counts()
    named = _evidence(items, counts)
    stage = stage_of(group, named, history)
    opening = {"long-term": "Keeps buying", "emerging": "Lately bought", "seasonal": "Bought"}[stage]
    listed = [f"{item} ×{counts[item]}" if counts[item] > 1 else item for item in named]
    joined = ", ".join(listed[:-1]) + f" plus {listed[-1]}" if len(listed) > 1 else listed[0]
    ending = " for the season." if stage == "seasonal" else "."
    return InterestOutput(group.name, stage, f"{opening} {joined}{ending}")


def _evidence(items: Sequence[str], counts: Mapping[str, int]) -> list[str]:
    """Items, most units first, until EVIDENCE_UNITS stand behind the interest.

    So the count just written says whether another item follows: after "×2" and more none does. Where a second one was
    named whenever there was one, the model named one that was not there in a fifth of its reasons; where reasons went
    on until MIN_UNITS, all of its inventions (20 of 291) were such a second item.
    """
    named: list[str] = []
    for item in items:
        if sum(counts[other] for other in named) >= EVIDENCE_UNITS:
            break
        named.append(item)
    return named


def stage_of(group: Group, items: Sequence[str], history: CompressedHistory) -> str:
    """seasonal in the group's months; else long-term where the items return in a second period, else emerging."""
    if history.reference.month in group.seasonal:
        return "seasonal"
    periods: set[Period] = set()
    for line in history.lines:
        if any(item in items for item, _ in line.items):
            periods |= {period for period, _ in line.contexts}
    return "long-term" if len(periods) > 1 else "emerging"


def _candidates(
    interest: InterestOutput,
    recent_names: set[str],
    bought_next: Sequence[tuple[str, str]],
    bought_lately: set[str],
    usual: Population,
) -> list[tuple[str, str]]:
    categories = BY_NAME[interest.text].categories
    next_ones = Counter(pair for pair in bought_next if pair[0] in categories and is_tag(pair[1], pair[0]))
    ordered = [pair for pair, _ in next_ones.most_common()] + list(usual.popular.get(interest.text, ()))
    fresh = [pair for pair in dict.fromkeys(ordered) if pair[1] not in bought_lately and pair[1] not in recent_names]
    # What the household bought next, unseen categories first; then what is popular in the same order.
    return sorted(fresh, key=lambda pair: (pair not in next_ones, pair[0] in recent_names))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def events_between(events: Sequence[Event], start: date, end: date) -> list[Event]:
    """Events from `start` (included) to `end` (excluded)."""
    return [event for event in events if start <= event.at.date() < end]
