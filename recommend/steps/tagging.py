"""What every strategy for item tags shares: what they are made from, and the rows that they become."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models.functions import Lower

from recommend.citations import cited
from recommend.compression import CompressedHistory
from recommend.models import Generation, Item, LanguageModel, Output, PipelineRun
from recommend.rules import Rejection
from recommend.stages.interests import InterestOutput
from recommend.stages.tags import TOKENS_PER_TAG, TagOutput, TagsInput
from recommend.steps.base import attributes_of, kept_outputs, output_of, snapshot_of
from recommend.tag_rules import TagContext, check_tag, phrases


@dataclass(frozen=True, slots=True)
class Tagging:
    """What the tags of a run are made from.

    interests  name -> the output that it is
    recent     what was bought lately, as prompts read it
    taken      all names of it, as the rules ask for them
    """

    run: PipelineRun
    model: LanguageModel
    history: CompressedHistory
    interests: Mapping[str, Output]
    recent: Sequence[str]
    taken: frozenset[str]

    @property
    def per_call(self) -> int:
        """How many tags the model's longest answer has room for."""
        return max(1, self.model.max_tokens // TOKENS_PER_TAG)


def given(interests: Iterable[Output]) -> list[InterestOutput]:
    """Interests as prompts say them."""
    return [InterestOutput(one.text, one.stage, one.reason) for one in interests]


def input_of(of: Tagging, interests: Sequence[InterestOutput], n: int, proposed: Sequence[str] = ()) -> TagsInput:
    """What a call for `n` tags for some interests reads."""
    return TagsInput(
        attributes=attributes_of(of.run),
        interests=interests,
        recent=of.recent,
        reference=of.run.reference_at.date(),
        n=n,
        proposed=proposed,
        language=of.run.spoken,
    )


def snapshot_for(of: Tagging, interests: Iterable[InterestOutput], **more: Any) -> dict[str, Any]:
    """What a call for tags was made from, for its reviewers and its judge."""
    names = [{"text": one.text, "stage": one.stage, "reason": one.reason} for one in interests]
    return snapshot_of(of.run, of.history, recent=list(of.recent), interests=names, **more)


def checked(
    of: Tagging, answer: Sequence[TagOutput], *, most: int, earlier: Iterable[str] = ()
) -> Iterator[tuple[TagOutput, Rejection | None]]:
    """Each tag with the rule that rejects it, if one does.

    most     how many may pass
    earlier  tags that there are already
    """
    context = TagContext(
        interests=of.interests,
        recent=of.taken,
        day=of.run.reference_at.date(),
        most=most,
        brands=_brands_in(found.text for found in answer),
        south=settings.HEMISPHERE == "south",
        language=of.run.spoken,
    )
    sound = list(earlier)
    for found in answer:
        rejection = check_tag(found.text, found.interest, earlier=sound, context=context)
        yield found, rejection
        if rejection is None:
            sound.append(found.text)


def row_of(of: Tagging, generation: Generation, position: int, found: TagOutput, rejection: Rejection | None) -> Output:
    """A tag as an output below its interest, with the lines of the history that its reason cites."""
    lines = {citation.line_index for citation in cited(found.reason, of.history)}
    return output_of(
        generation,
        position,
        Output.Kind.TAG,
        found.text,
        rejection,
        reason=found.reason,
        parent=of.interests.get(found.interest),
        evidence=sorted(line for line in lines if line is not None),
    )


def outputs_of(of: Tagging, generation: Generation, answer: Sequence[TagOutput]) -> Iterator[Output]:
    """What a call proposed; the rules look at all tags of the run."""
    earlier = [output.text for output in kept_outputs(of.run.pk, Output.Kind.TAG)]
    for position, (found, rejection) in enumerate(checked(of, answer, most=of.model.n_tags, earlier=earlier)):
        yield row_of(of, generation, position, found, rejection)


def _brands_in(texts: Iterable[str]) -> frozenset[str]:
    """The catalogue's brands that these texts name, lower case."""
    named = set().union(*map(phrases, texts))
    items = Item.objects.annotate(lower_brand=Lower("brand")).filter(lower_brand__in=named)
    return frozenset(items.values_list("lower_brand", flat=True).distinct())
