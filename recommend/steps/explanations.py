"""Explanations: the calls for each recommended item that an interest brought."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from recommend import calls, leases
from recommend.ahead.lookup import look_up
from recommend.models import (
    ExplanationSource,
    Generation,
    Item,
    JobState,
    LanguageModel,
    Output,
    PipelineRun,
    Recommendation,
    Stage,
)
from recommend.prompts import Prompt
from recommend.rules import check_explanation
from recommend.stages import explanations, interests
from recommend.stages.explanations import ExplanationInput, ItemInfo, Part
from recommend.steps.base import attributes_of, output_of, run_of

# Above every rank: where the guideline of an item is asked for in a call of its own, its generation's position is the
# item's rank and this.
GUIDELINES_FROM = 1000


def do(run_id: UUID, token: UUID) -> calls.Asking | None:
    """Look up what was explained ahead, where the run wants that; returns what it asks for the other items."""
    run = run_of(run_id)
    recommended = list(run.recommendations.select_related("item", "tag__parent").order_by("rank"))
    if run.explanation_source != ExplanationSource.MADE:
        _store_found(run, token, recommended)
        if run.explanation_source == ExplanationSource.STORED:
            return None
    left = {
        one.rank: one for one in recommended if one.explanation_id is None and one.tag is not None and one.tag.parent
    }
    if not left:
        return None
    model = run.model_for(Stage.EXPLANATIONS)
    prompt = run.prompt_for(Stage.EXPLANATIONS, model)
    step = _Step(run, model, prompt, left)
    first, *second = explanations.asked_for(prompt, apart=model.guideline_apart)
    return step.texts(step.inputs(), first) if not second else step.guidelines(first, second[0])


def _store_found(run: PipelineRun, token: UUID, recommended: Sequence[Recommendation]) -> None:
    """Keep with each item the explanation that was made ahead, if there is one; not where one is being made."""
    asked = set(run.generations.filter(stage=Stage.EXPLANATIONS).values_list("position", flat=True))
    open_ones = [one for one in recommended if not asked & {one.rank, GUIDELINES_FROM + one.rank}]
    look_up(run, open_ones)
    with leases.locked(run.pk, token):
        Recommendation.objects.bulk_update(open_ones, ["explanation"])


@dataclass(frozen=True, slots=True)
class _Step:
    """The explanations of one run; inputs are by the rank of their item."""

    run: PipelineRun
    model: LanguageModel
    prompt: Prompt
    recommended: Mapping[int, Recommendation]

    def inputs(self) -> dict[int, ExplanationInput]:
        return {rank: _input(self.run, recommendation) for rank, recommendation in self.recommended.items()}

    def texts(self, inputs: Mapping[int, ExplanationInput], parts: Sequence[Part]) -> calls.Asking:
        """Ask for explanations, and store each as an output."""

        def store(generation: Generation, parsed: Any) -> Iterator[Output]:
            one, asked = self.recommended[generation.position], inputs[generation.position]
            [found] = explanations.parse(parsed, asked, parts)
            yield explanation_of(generation, found, asked, interest=_tag(one).parent, item=one.item)

        # One explanation that fails costs its card a sentence, not the run its result.
        return calls.Asking([self._call(rank, one, parts) for rank, one in inputs.items()], store, is_needed=False)

    def guidelines(self, parts: Sequence[Part], text_parts: Sequence[Part]) -> calls.Asking:
        """Ask for guidelines alone; then for the text of each item that got one."""
        inputs = self.inputs()

        def store(generation: Generation, parsed: Any) -> Sequence[Output]:
            # Kept as it was said, with its generation; this says whether it is of the form.
            explanations.parse(parsed, inputs[generation.position - GUIDELINES_FROM], parts)
            return ()

        def then() -> calls.Asking:
            made = self.run.generations.filter(
                stage=Stage.EXPLANATIONS, position__gt=GUIDELINES_FROM, state=JobState.DONE
            )
            guided: dict[int, ExplanationInput] = {}
            for generation in made.order_by("position"):
                rank = generation.position - GUIDELINES_FROM
                [found] = explanations.parse(json.loads(generation.raw_text), inputs[rank], parts)
                guided[rank] = replace(inputs[rank], guideline=found.guideline)
            return self.texts(guided, text_parts)

        wanted = [self._call(GUIDELINES_FROM + rank, one, parts) for rank, one in inputs.items()]
        return calls.Asking(wanted, store, is_needed=False, then=then)

    def _call(self, position: int, asked: ExplanationInput, parts: Sequence[Part]) -> calls.Call:
        return calls.Call(
            stage=Stage.EXPLANATIONS,
            position=position,
            model=self.model,
            prompt=self.prompt,
            snapshot=_snapshot(self.run, asked),
            messages=lambda prompt: explanations.messages(asked, prompt, parts),
            schema=explanations.schema(asked, parts),
        )


def explanation_of(
    generation: Generation,
    found: explanations.ExplanationOutput,
    asked: ExplanationInput,
    *,
    interest: Output | None,
    item: Item,
) -> Output:
    """An explanation as the only output of its generation, kept or with the rule that rejects it."""
    return output_of(
        generation,
        0,
        Output.Kind.EXPLANATION,
        found.text,
        check_explanation(found.text, title=item.title, language=asked.language),
        guideline=found.guideline or asked.guideline,
        parent=interest,
        item=item,
    )


def _snapshot(run: PipelineRun, asked: ExplanationInput) -> dict[str, Any]:
    item, interest = asked.item, asked.interest
    return {
        "attributes": attributes_of(run),
        "history": [line["text"] for line in run.history["lines"]],
        "reference": run.reference_at.date().isoformat(),
        "item": {"title": item.title, "category": item.category, "brand": item.brand, "price": item.price},
        "interest": {"text": interest.text, "stage": interest.stage, "reason": interest.reason},
        "tag": asked.tag,
        **({"guideline": asked.guideline} if asked.guideline else {}),
    }


def _input(run: PipelineRun, recommendation: Recommendation) -> ExplanationInput:
    tag = _tag(recommendation)
    assert tag.parent is not None
    return ExplanationInput(
        interest=interests.InterestOutput(tag.parent.text, tag.parent.stage, tag.parent.reason),
        item=item_info(recommendation.item),
        tag=tag.text,
        reference=run.reference_at.date(),
        language=run.spoken,
    )


def _tag(recommendation: Recommendation) -> Output:
    assert recommendation.tag is not None
    return recommendation.tag


def item_info(item: Item) -> ItemInfo:
    """An item's card as the explanation prompt reads it."""
    price = float(item.price) if item.price is not None else None
    return ItemInfo(item.title, " > ".join(item.category), item.brand, price)
