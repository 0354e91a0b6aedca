"""Incremental: what shoppers really took in the last days, as the tags that should have been proposed.

Source: V1 report, bi-weekly incremental learning. A row is a shopper at the beginning of the days: the tags prompt of
that morning, answered by what was bought then, the item's title as the tag. Where the report has a language model
purify and complete, this goes by rules and vectors, so that it costs no calls:

purified   the rules of tags (nothing taken in the month before or out of season, no filler, a length that can be
           searched with), and an interest that is near enough to the item
completed  the interest is the nearest of those that were mined for the shopper before that morning, the reason is its
balanced   the tags of one shopper are drawn down to `max_tags`, then to `per_category` of each category
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils import timezone

from recommend import histories, sources
from recommend.compression import recent_items
from recommend.extraction import Event
from recommend.languages import LANGUAGES
from recommend.models import Behavior, Generation, Item, JobState, Output, Shopper, Stage
from recommend.retrieval.embedding import EmbeddingModelMissingError, encoder
from recommend.rules import normal_form
from recommend.stages.tags import TAG_CHARS
from recommend.steps.tags import RECENT_ITEMS
from recommend.tag_rules import TagContext, check_tag
from training.data_sets import chats, generated
from training.data_sets.rows import Row, traced
from training.data_sets.wanted import DataSetError, Wanted

PURCHASES = "purchases"
BATCH = 200
FATES = {
    "shoppers": "Shoppers active since the first day",
    "shoppers.interests": "without interests that were mined before it",
    "shoppers.none": "without a purchase that teaches something",
    "shoppers.form": "whose answer is not of the form asked for",
    "shoppers.rows": "made rows of",
    "items": "Different items that they bought in these days",
    "items.unknown": "that the catalogue does not have",
    "items.rule": "against a rule of tags, such as taken in the month before",
    "items.far": "near none of the shopper’s interests",
    "items.balanced": "too many of one shopper or category",
    "items.tags": "became tags",
}


@dataclass(frozen=True, slots=True)
class Taken:
    """An item that was bought: what the tag says of it, when it was bought, and the interest that it is put down to."""

    item: Item
    text: str
    event: Event
    interest: Output


def rows(wanted: Wanted, fates: Counter[str], looked: Callable[[int], None]) -> Iterator[Row]:
    """A row for every shopper who bought something that an interest explains; see `accepted.rows`."""
    if wanted.kind != "tag":
        raise DataSetError(f"Purchases teach tags, not {wanted.kind}s. Use kind tag.", "kind")
    until = datetime.combine(wanted.until or timezone.now().date(), time(), UTC)
    start = until - timedelta(days=wanted.days)
    active = Shopper.objects.known().filter(last_behavior_at__gte=start).order_by("external_id").iterator()
    while batch := list(islice(active, BATCH)):
        for shopper in batch:
            fates["shoppers"] += 1
            row = _row(shopper, start, until, wanted, fates)
            if row is not None:
                yield traced(row, "behaviors")
        looked(fates["shoppers"])


def _row(shopper: Shopper, start: datetime, until: datetime, wanted: Wanted, fates: Counter[str]) -> Row | None:
    mined = _mined(shopper, start)
    if mined is None:
        fates["shoppers.interests"] += 1
        return None
    interests = [one for one in mined.outputs.all() if not one.is_rejected]
    before = histories.load(shopper, start)
    taken = _purified(_bought(shopper, start, until, fates), interests, before.recent_names, mined, wanted, fates)
    kept = balanced(taken, wanted, shopper.external_id)
    fates["items.balanced"] += len(taken) - len(kept)
    if not kept:
        fates["shoppers.none"] += 1
        return None
    shown = {
        "attributes": {str(name): str(value) for name, value in shopper.attributes.items() if value not in (None, "")},
        "reference": start.date().isoformat(),
        "recent": list(recent_items(before.reliable, reference=start.date(), max_items=RECENT_ITEMS)),
        "interests": [{"text": one.text, "stage": one.stage, "reason": one.reason} for one in interests],
    }
    chat = chats.chat(Stage.TAGS, shown, LANGUAGES[mined.run.language], len(kept))
    answer = chats.tags_answer((one.interest.text, one.interest.reason, one.text) for one in kept)
    if not chat.takes(answer):
        fates["shoppers.form"] += 1
        return None
    fates["items.tags"] += len(kept)
    fates["shoppers.rows"] += 1
    used = {one.interest.pk: one.interest for one in kept}
    origin = generated.origin(Stage.INTERESTS, [mined], used.values(), {})
    return Row(
        task=Stage.TAGS.value,
        shopper=shopper.external_id,
        at=start.date(),
        language=mined.run.language,
        messages=chat.messages,
        answer=answer,
        labelled=PURCHASES,
        n_outputs=len(kept),
        lineage=replace(
            origin,
            behaviors=tuple(f"{one.event.at.isoformat()} {one.event.kind} {one.event.sku}" for one in kept),
            asked_with=chats.named(Stage.TAGS, chats.prompt_of(Stage.TAGS)),
        ),
        essence=f"{chat.messages[-1].content}\n{answer}",
    )


def _mined(shopper: Shopper, start: datetime) -> Generation | None:
    """The shopper's latest interests that nobody could know these days for."""
    found = Generation.objects.filter(
        shopper=shopper, stage=Stage.INTERESTS, state=JobState.DONE, run__reference_at__lte=start
    )
    kept = Output.objects.kept().filter(generation=OuterRef("pk"))
    return generated.with_outputs(found.filter(Exists(kept))).order_by("-run__reference_at", "-created_at").first()


def _bought(shopper: Shopper, start: datetime, until: datetime, fates: Counter[str]) -> list[tuple[Item, Event]]:
    """Each item that was bought in these days once, by its first purchase."""
    events = (one for one in sources.current().read(shopper, until) if one.at >= start)
    first: dict[str, Event] = {}
    for event in events:
        if event.kind == Behavior.Kind.PURCHASE:
            first.setdefault(event.sku, event)
    items = {one.sku: one for one in Item.objects.filter(sku__in=first)}
    fates["items"] += len(first)
    fates["items.unknown"] += len(first) - len(items)
    return [(items[sku], event) for sku, event in first.items() if sku in items]


def _purified(
    bought: Sequence[tuple[Item, Event]],
    interests: Sequence[Output],
    recent: Collection[str],
    mined: Generation,
    wanted: Wanted,
    fates: Counter[str],
) -> list[Taken]:
    """What an interest explains and a tag may say, with the nearest interest."""
    if not bought:
        return []
    try:
        read = encoder(settings.EMBEDDING_MODEL_DIR)
    except EmbeddingModelMissingError as missing:
        raise DataSetError(str(missing)) from missing
    of_items = read.encode([item.semantic_text for item, _ in bought])  # (items, 384), of length 1
    of_interests = read.encode([one.text for one in interests])  # (interests, 384), of length 1
    similar = of_items @ of_interests.T  # (items, interests)
    found: list[Taken] = []
    for (item, event), near in zip(bought, similar, strict=True):
        interest = interests[int(near.argmax())]
        text = item.title if wanted.tag_text == "title" else [item.title, *item.category][-1]
        if float(near.max()) < wanted.relevance:
            fates["items.far"] += 1
        elif _is_against_rules(text, item, interest, recent, [one.text for one in found], event.at.date(), mined):
            fates["items.rule"] += 1
        else:
            found.append(Taken(item, text, event, interest))
    return found


def _is_against_rules(
    text: str,
    item: Item,
    interest: Output,
    recent: Collection[str],
    earlier: Sequence[str],
    day: date,
    mined: Generation,
) -> bool:
    # A title is as good as unique: that the same was taken last month shows by what it is, its narrowest category.
    names = [text, item.title, *item.category[-1:]]
    if not {normal_form(name) for name in names}.isdisjoint(map(normal_form, recent)):
        return True
    context = TagContext(
        interests=[interest.text],
        recent=(),
        day=day,
        most=len(earlier) + 1,
        # Brands are let pass: a title has one, and the report takes titles as they are.
        south=settings.HEMISPHERE == "south",
        language=LANGUAGES[mined.run.language],
    )
    return len(text) > TAG_CHARS or check_tag(text, interest.text, earlier=earlier, context=context) is not None


def balanced(taken: Sequence[Taken], wanted: Wanted, shopper: str) -> list[Taken]:
    """At most `max_tags` of a shopper, of these at most `per_category` of a category, drawn by lot; in their order."""
    rng = random.Random(f"{wanted.seed}:{shopper}")  # noqa: S311  # a draw to be repeated, no secret
    drawn = rng.sample(list(taken), min(wanted.max_tags, len(taken)))
    of_category: Counter[tuple[str, ...]] = Counter()
    kept = set()
    for one in drawn:
        category = tuple(one.item.category)
        of_category[category] += 1
        if of_category[category] <= wanted.per_category:
            kept.add(one.item.sku)
    return [one for one in taken if one.item.sku in kept]
