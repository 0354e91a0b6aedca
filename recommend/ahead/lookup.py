"""Explanations that were made ahead, found for the items of a run (V1 report, interest-item-explanation table)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from recommend.models import MAX_INTEREST, Output, PipelineRun, Recommendation
from recommend.prepared import execute
from recommend.rules import normal_form

# An item that has changed since is another one: what was said of it need not be true of it any more.
_FOUND = """
    SELECT stored.item_id, stored.interest, stored.output_id FROM recommend_storedexplanation AS stored
    JOIN recommend_item AS item ON item.id = stored.item_id AND item.version = stored.item_version
    WHERE stored.language = %s AND stored.item_id = ANY(%s) AND stored.interest = ANY(%s)
"""


def find(items: Mapping[UUID, str], interests: Sequence[str], language: str) -> dict[UUID, UUID]:
    """Item -> the output that explains it, for those items that have one.

    items      each with the interest that brought it, "" where none did
    interests  all of the shopper, in their order

    Where several interests have an explanation of an item, it is that of the interest that brought the item, else that
    of the first. The report leaves open which is shown, and what where none is there; ours is: nothing.
    """
    keys = {interest: key_of(interest) for interest in (*interests, *items.values()) if interest}
    rows = execute(_FOUND, [language, list(items), list(dict.fromkeys(keys.values()))])
    stored = {(item, interest): output for item, interest, output in rows}
    found = {}
    for item, brought_by in items.items():
        wanted = (keys[interest] for interest in (brought_by, *interests) if interest)
        output = next((stored[item, key] for key in wanted if (item, key) in stored), None)
        if output is not None:
            found[item] = output
    return found


def look_up(run: PipelineRun, recommended: Sequence[Recommendation]) -> None:
    """Give each item of a run its stored explanation, where there is one; nothing is saved."""
    kept = Output.objects.kept().filter(generation__run=run, kind=Output.Kind.INTEREST)
    interests = list(kept.order_by("generation__position", "position").values_list("text", flat=True))
    if not interests or not recommended:
        return
    found = find({one.item_id: _brought_by(one) for one in recommended}, interests, run.language)
    for one in recommended:
        one.explanation_id = found.get(one.item_id)


def _brought_by(recommendation: Recommendation) -> str:
    tag = recommendation.tag
    return tag.parent.text if tag is not None and tag.parent is not None else ""


def key_of(interest: str) -> str:
    """What an interest is stored under: the same for every spelling that reads the same."""
    return normal_form(interest)[:MAX_INTEREST]
