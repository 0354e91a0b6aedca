"""Item tags: one call, whose answer becomes outputs below the interests that they serve."""

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models.functions import Lower

from recommend import calls
from recommend.citations import cited
from recommend.compression import recent_items
from recommend.models import Generation, Item, Output, Stage
from recommend.stages import interests, tags
from recommend.steps.base import attributes_of, history_of, kept_outputs, output_of, run_of, snapshot_of
from recommend.tag_rules import TagContext, check_tag, phrases

RECENT_ITEMS = 40  # of the past month, in the prompt: what it must not repeat


def do(run_id: UUID, token: UUID) -> calls.Asking | None:
    """What the run asks for its tags; None without an interest that was kept."""
    kept = kept_outputs(run_id, Output.Kind.INTEREST)
    if not kept:
        # Nothing to serve: the collaborative arm goes on alone, and the page says so.
        return None
    run = run_of(run_id)
    model = run.model_for(Stage.TAGS)
    loaded = history_of(run)
    history = loaded.compressed(run.reference_at, model.history_tokens)
    given = [interests.InterestOutput(output.text, output.stage, output.reason) for output in kept]
    recent = recent_items(loaded.reliable, reference=run.reference_at.date(), max_items=RECENT_ITEMS)
    asked = tags.TagsInput(
        attributes=attributes_of(run),
        interests=given,
        recent=recent,
        reference=run.reference_at.date(),
        n=model.n_tags,
        language=run.spoken,
    )
    call = calls.Call(
        stage=Stage.TAGS,
        position=0,
        model=model,
        prompt=run.prompt_for(Stage.TAGS, model),
        snapshot=snapshot_of(
            run,
            history,
            recent=list(recent),
            interests=[{"text": one.text, "stage": one.stage, "reason": one.reason} for one in given],
        ),
        messages=lambda prompt: tags.messages(asked, prompt),
        schema=tags.schema(asked),
    )
    parents = {output.text: output for output in kept}

    def store(generation: Generation, parsed: Any) -> Iterator[Output]:
        answer = tags.parse(parsed, asked)
        context = TagContext(
            interests=parents,
            recent=loaded.recent_names,
            day=run.reference_at.date(),
            most=model.n_tags,
            brands=_brands_in([found.text for found in answer]),
            south=settings.HEMISPHERE == "south",
            language=run.spoken,
        )
        earlier: list[str] = []
        for position, found in enumerate(answer):
            rejection = check_tag(found.text, found.interest, earlier=earlier, context=context)
            lines = {citation.line_index for citation in cited(found.reason, history)}
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

    return calls.Asking([call], store)


def _brands_in(texts: Iterable[str]) -> frozenset[str]:
    """The catalogue's brands that these texts name, lower case."""
    named = set().union(*map(phrases, texts))
    items = Item.objects.annotate(lower_brand=Lower("brand")).filter(lower_brand__in=named)
    return frozenset(items.values_list("lower_brand", flat=True).distinct())
