"""Item tags of one model (V1): as many calls as it needs for all, and again for what the rules rejected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from recommend import calls
from recommend.models import Generation, Output, Stage
from recommend.stages import tags
from recommend.steps.tagging import Tagging, given, input_of, outputs_of, snapshot_for


def asking(of: Tagging, rounds: int = 0, before: int = -1) -> calls.Asking | None:
    """The calls of the next round, None where enough is there, or nothing more is to be had.

    rounds  that have ended
    before  how many tags there were when the last one began; -1 before the first
    """
    # Places that no other round has: a round has at most one call for each interest.
    first_position = rounds * len(of.interests)
    earlier = of.run.generations.filter(stage=Stage.TAGS, position__lt=first_position)
    made = list(Output.objects.kept().filter(generation__in=earlier).order_by("generation__position", "position"))
    n_missing = of.model.n_tags - len(made)
    if rounds == of.model.tag_rounds or n_missing <= 0 or len(made) == before:
        return None
    found = Counter(tag.parent_id for tag in made)
    fair = of.model.n_tags / len(of.interests)
    wanting = given(interest for interest in of.interests.values() if found[interest.pk] < fair)
    inputs = {
        first_position + number: input_of(of, group, n, [tag.text for tag in made])
        for number, (group, n) in enumerate(tags.shares(wanting, n_missing, of.per_call))
    }

    def store(generation: Generation, parsed: Any) -> Iterator[Output]:
        return outputs_of(of, generation, tags.parse(parsed, inputs[generation.position]))

    return calls.Asking(
        [_call(of, position, one) for position, one in inputs.items()],
        store,
        is_needed=rounds == 0,
        then=lambda: asking(of, rounds + 1, len(made)),
    )


def _call(of: Tagging, position: int, asked: tags.TagsInput) -> calls.Call:
    more = {"proposed": list(asked.proposed)} if asked.proposed else {}
    return calls.Call(
        stage=Stage.TAGS,
        position=position,
        model=of.model,
        prompt=of.run.prompt_for(Stage.TAGS, of.model),
        snapshot=snapshot_for(of, asked.interests, **more),
        messages=lambda prompt: tags.messages(asked, prompt),
        schema=tags.schema(asked),
    )
