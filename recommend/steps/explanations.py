"""Explanations: a call for each recommended item that an interest brought."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from recommend import calls
from recommend.models import Generation, Item, LanguageModel, Output, PipelineRun, Recommendation, Stage
from recommend.rules import check_explanation
from recommend.stages import explanations, interests
from recommend.steps.base import attributes_of, output_of, run_of


def do(run_id: UUID, token: UUID) -> calls.Asking:
    """What the run asks for the explanations of its items."""
    run = run_of(run_id)
    model = run.model_for(Stage.EXPLANATIONS)
    recommended = (
        run.recommendations.filter(tag__parent__isnull=False).select_related("item", "tag__parent").order_by("rank")
    )
    history_lines = [line["text"] for line in run.history["lines"]]
    wanted = [_explanation_call(run, model, recommendation, history_lines) for recommendation in recommended]
    by_rank = {recommendation.rank: recommendation for recommendation in recommended}

    def store(generation: Generation, parsed: Any) -> Iterator[Output]:
        recommendation = by_rank[generation.position]
        assert recommendation.tag is not None
        explanation = explanations.parse(parsed, _explanation_input(run, recommendation))[0]
        rejection = check_explanation(explanation.text, title=recommendation.item.title)
        yield output_of(
            generation,
            0,
            Output.Kind.EXPLANATION,
            explanation.text,
            rejection,
            parent=recommendation.tag.parent,
            item=recommendation.item,
        )

    # One explanation that fails costs its card a sentence, not the run its result.
    return calls.Asking(wanted, store, is_needed=False)


def _explanation_call(
    run: PipelineRun, model: LanguageModel, recommendation: Recommendation, history_lines: list[str]
) -> calls.Call:
    asked = _explanation_input(run, recommendation)
    item, interest = asked.item, asked.interest
    return calls.Call(
        stage=Stage.EXPLANATIONS,
        position=recommendation.rank,
        model=model,
        prompt=run.prompt_for(Stage.EXPLANATIONS, model),
        snapshot={
            "attributes": attributes_of(run),
            "history": history_lines,
            "reference": run.reference_at.date().isoformat(),
            "item": {"title": item.title, "category": item.category, "brand": item.brand, "price": item.price},
            "interest": {"text": interest.text, "stage": interest.stage, "reason": interest.reason},
            "tag": asked.tag,
        },
        messages=lambda prompt: explanations.messages(asked, prompt),
        schema=explanations.schema(asked),
    )


def _explanation_input(run: PipelineRun, recommendation: Recommendation) -> explanations.ExplanationInput:
    tag = recommendation.tag
    assert tag is not None
    assert tag.parent is not None
    return explanations.ExplanationInput(
        interest=interests.InterestOutput(tag.parent.text, tag.parent.stage, tag.parent.reason),
        item=item_info(recommendation.item),
        tag=tag.text,
        reference=run.reference_at.date(),
        language=run.spoken,
    )


def item_info(item: Item) -> explanations.ItemInfo:
    """An item's card as the explanation prompt reads it."""
    price = float(item.price) if item.price is not None else None
    return explanations.ItemInfo(item.title, " > ".join(item.category), item.brand, price)
