"""Item tags: as many calls as the model needs for all that are wanted, and again for what the rules rejected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models.functions import Lower

from recommend import calls
from recommend.citations import cited
from recommend.compression import CompressedHistory, recent_items
from recommend.models import Generation, Item, LanguageModel, Output, PipelineRun, Stage
from recommend.stages import tags
from recommend.stages.interests import InterestOutput
from recommend.steps.base import attributes_of, history_of, kept_outputs, output_of, run_of, snapshot_of
from recommend.tag_rules import TagContext, check_tag, phrases

RECENT_ITEMS = 40  # of the past month, in the prompt: what it must not repeat


@dataclass(frozen=True, slots=True)
class Tagging:
    """What the tags of a run are made from.

    interests  as their outputs; names are what tags say of them
    recent     what was bought lately, as the prompt reads it
    taken      all names of it, as the rules ask for them
    """

    run: PipelineRun
    model: LanguageModel
    history: CompressedHistory
    interests: Sequence[Output]
    recent: Sequence[str]
    taken: frozenset[str]

    @property
    def per_call(self) -> int:
        """How many tags the model's longest answer has room for."""
        return max(1, self.model.max_tokens // tags.TOKENS_PER_TAG)


def do(run_id: UUID, token: UUID) -> calls.Asking | None:
    """What the run asks for its tags; None without an interest that was kept."""
    kept = kept_outputs(run_id, Output.Kind.INTEREST)
    if not kept:
        # Nothing to serve: the collaborative arm goes on alone, and the page says so.
        return None
    run = run_of(run_id)
    model = run.model_for(Stage.TAGS)
    loaded = history_of(run)
    return _asking(
        Tagging(
            run=run,
            model=model,
            history=loaded.compressed(run.reference_at, model.history_tokens),
            interests=kept,
            recent=recent_items(loaded.reliable, reference=run.reference_at.date(), max_items=RECENT_ITEMS),
            taken=loaded.recent_names,
        )
    )


def _asking(of: Tagging, rounds: int = 0, before: int = -1) -> calls.Asking | None:
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
    wanting = [interest for interest in of.interests if found[interest.pk] < fair]
    given = [InterestOutput(one.text, one.stage, one.reason) for one in wanting]
    inputs = {
        first_position + number: _input(of, group, n, [tag.text for tag in made])
        for number, (group, n) in enumerate(tags.shares(given, n_missing, of.per_call))
    }

    def store(generation: Generation, parsed: Any) -> Iterator[Output]:
        return outputs_of(of, generation, tags.parse(parsed, inputs[generation.position]))

    return calls.Asking(
        [_call(of, position, one) for position, one in inputs.items()],
        store,
        is_needed=rounds == 0,
        then=lambda: _asking(of, rounds + 1, len(made)),
    )


def _input(of: Tagging, interests: Sequence[InterestOutput], n: int, proposed: Sequence[str]) -> tags.TagsInput:
    return tags.TagsInput(
        attributes=attributes_of(of.run),
        interests=interests,
        recent=of.recent,
        reference=of.run.reference_at.date(),
        n=n,
        proposed=proposed,
        language=of.run.spoken,
    )


def _call(of: Tagging, position: int, asked: tags.TagsInput) -> calls.Call:
    given = [{"text": one.text, "stage": one.stage, "reason": one.reason} for one in asked.interests]
    more = {"proposed": list(asked.proposed)} if asked.proposed else {}
    return calls.Call(
        stage=Stage.TAGS,
        position=position,
        model=of.model,
        prompt=of.run.prompt_for(Stage.TAGS, of.model),
        snapshot=snapshot_of(of.run, of.history, recent=list(of.recent), interests=given, **more),
        messages=lambda prompt: tags.messages(asked, prompt),
        schema=tags.schema(asked),
    )


def outputs_of(of: Tagging, generation: Generation, answer: Sequence[tags.TagOutput]) -> Iterator[Output]:
    """What a call proposed, below the interests that it serves; the rules look at all tags of the run."""
    parents = {interest.text: interest for interest in of.interests}
    context = TagContext(
        interests=parents,
        recent=of.taken,
        day=of.run.reference_at.date(),
        most=of.model.n_tags,
        brands=_brands_in([found.text for found in answer]),
        south=settings.HEMISPHERE == "south",
        language=of.run.spoken,
    )
    earlier = [output.text for output in kept_outputs(of.run.pk, Output.Kind.TAG)]
    for position, found in enumerate(answer):
        rejection = check_tag(found.text, found.interest, earlier=earlier, context=context)
        lines = {citation.line_index for citation in cited(found.reason, of.history)}
        yield output_of(
            generation,
            position,
            Output.Kind.TAG,
            found.text,
            rejection,
            reason=found.reason,
            parent=parents.get(found.interest),
            evidence=sorted(line for line in lines if line is not None),
        )
        if rejection is None:
            earlier.append(found.text)


def _brands_in(texts: Iterable[str]) -> frozenset[str]:
    """The catalogue's brands that these texts name, lower case."""
    named = set().union(*map(phrases, texts))
    items = Item.objects.annotate(lower_brand=Lower("brand")).filter(lower_brand__in=named)
    return frozenset(items.values_list("lower_brand", flat=True).distinct())
