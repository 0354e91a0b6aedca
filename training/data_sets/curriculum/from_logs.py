"""Tasks whose right answers are what shoppers did: what they took after a search, or searched for next."""

from __future__ import annotations

import difflib
import random
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import TextField, Value
from django.db.models.functions import MD5, Cast, Concat

from recommend import sources
from recommend.extraction import Event
from recommend.models import Item, Shopper
from recommend.rules import normal_form
from training.data_sets.curriculum.samples import Sample

# Ours: how long after a search what was taken is taken for its answer, and another search for its correction.
ANSWERED_WITHIN, ASKED_AGAIN_WITHIN = timedelta(minutes=30), timedelta(minutes=10)
TAKEN = ("purchase", "cart", "favourite", "detail_view")
# As similar as a misspelling is to what was meant; below that it is another way to say it.
MISSPELT = 0.8
MIN_BASKET, MAX_BASKET = 3, 12
# Shoppers that are read at most: an hour of logs is not to be searched for a task that they do not have.
MOST_SHOPPERS = 20_000


@dataclass(frozen=True, slots=True)
class Log:
    """What one shopper did, oldest first, with the items that the catalogue has."""

    shopper: str
    events: Sequence[Event]
    items: dict[str, Item]
    rng: random.Random

    def sample(self, task: str, places: dict[str, str], answer: dict[str, str], *of: Event) -> Sample:
        """A sample that was made from these events, the last of them its time."""
        behaviors = tuple(f"{one.at.isoformat()} {one.kind} {one.sku or one.text}" for one in of)
        return Sample(task, places, answer, of[-1].at.date(), self.shopper, behaviors=behaviors)


def samples(tasks: Collection[str], most: int, seed: int, before: datetime) -> dict[str, list[Sample]]:
    """{task: at most so many samples}, of shoppers that are drawn by lot, one a shopper and task."""
    found: dict[str, list[Sample]] = {task: [] for task in tasks}
    number = MD5(Concat(Value(f"{seed}:", TextField()), Cast("pk", TextField())))
    shoppers = Shopper.objects.known().filter(last_behavior_at__isnull=False).alias(lot=number).order_by("lot")
    for shopper in shoppers[:MOST_SHOPPERS].iterator():
        wanted = [task for task in tasks if len(found[task]) < most]
        if not wanted:
            break
        events = [one for one in sources.current().read(shopper, before) if one.sku or one.text]
        items = Item.objects.filter(sku__in={one.sku for one in events if one.sku}).exclude(category=[])
        known = {item.sku: item for item in items}
        rng = random.Random(f"{seed}:{shopper.external_id}")  # noqa: S311  # a draw to be repeated, no secret
        log = Log(shopper.external_id, events, known, rng)
        for task in wanted:
            several = list(_MAKERS[task](log))
            if several:
                found[task].append(log.rng.choice(several))
    return found


def _answered(log: Log) -> Iterator[tuple[Event, Event]]:
    """Searches, each with the first item that was taken soon after it, before another search."""
    asked: Event | None = None
    for event in log.events:
        if event.kind == "search":
            asked = event
        elif asked and event.kind in TAKEN and event.sku in log.items and event.at - asked.at <= ANSWERED_WITHIN:
            yield asked, event
            asked = None


def _query_category(log: Log) -> Iterator[Sample]:
    for asked, taken in _answered(log):
        right = log.items[taken.sku].category[0]
        others = {item.category[0] for item in log.items.values()} - {right}
        if others:
            listed = sorted([right, *log.rng.sample(sorted(others), min(4, len(others)))])
            places = {"query": asked.text, "categories": "; ".join(listed)}
            yield log.sample("query-category", places, {"category": right}, asked, taken)


def _relevance(log: Log) -> Iterator[Sample]:
    for asked, taken in _answered(log):
        right = log.items[taken.sku]
        # Of another department: that it was not taken alone does not make an item irrelevant.
        others = [item for item in log.items.values() if item.category[0] != right.category[0]]
        is_right = not others or log.rng.random() < 0.5
        shown = right if is_right else log.rng.choice(sorted(others, key=lambda item: item.sku))
        places = {"query": asked.text, "item": f"{shown.title}\n{' > '.join(shown.category)}"}
        yield log.sample("query-item-relevance", places, {"relevant": "yes" if is_right else "no"}, asked, taken)


def _asked_again(log: Log) -> Iterator[tuple[Event, Event, float]]:
    """Searches that were followed by another one at once, and how similar both are: 0 to 1."""
    last: Event | None = None
    for event in log.events:
        if event.kind != "search":
            last = None
            continue
        if last and event.at - last.at <= ASKED_AGAIN_WITHIN and normal_form(last.text) != normal_form(event.text):
            ratio = difflib.SequenceMatcher(None, last.text.lower(), event.text.lower()).ratio()
            yield last, event, ratio
        last = event


def _query_correction(log: Log) -> Iterator[Sample]:
    for first, second, ratio in _asked_again(log):
        if ratio >= MISSPELT and len(first.text.split()) == len(second.text.split()):
            yield log.sample("query-correction", {"query": first.text}, {"query": second.text}, first, second)


def _query_rewriting(log: Log) -> Iterator[Sample]:
    for first, second, ratio in _asked_again(log):
        shared = set(first.text.lower().split()) & set(second.text.lower().split())
        if ratio < MISSPELT and shared:  # a word in common: not just the next thing on the list
            yield log.sample("query-rewriting", {"query": first.text}, {"query": second.text}, first, second)


def _what_to_buy(log: Log) -> Iterator[Sample]:
    baskets: defaultdict[datetime, dict[str, Event]] = defaultdict(dict)
    for event in log.events:
        if event.kind == "purchase" and event.sku in log.items:
            baskets[event.at].setdefault(log.items[event.sku].category[-1], event)
    for basket in baskets.values():
        if len(basket) < MIN_BASKET:
            continue
        left_out = log.rng.choice(sorted(basket))
        shown = [name for name in basket if name != left_out][:MAX_BASKET]
        of = [basket[name] for name in (*shown, left_out)]
        yield log.sample("what-to-buy", {"basket": "; ".join(shown)}, {"product": left_out}, *of)


_MAKERS: dict[str, Callable[[Log], Iterator[Sample]]] = {
    "query-category": _query_category,
    "query-item-relevance": _relevance,
    "query-correction": _query_correction,
    "query-rewriting": _query_rewriting,
    "what-to-buy": _what_to_buy,
}
