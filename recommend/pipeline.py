"""The work of a run: history → interests → item tags → items → explanations, each step stored as it ends.

A step looks at what is stored before it does anything, and stores its results together with the mark that it is done;
so a run that is delivered twice, or whose worker died, goes on where it stood and makes nothing twice.
"""

import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.utils import timezone

from recommend import calls, events, histories, leases, retrieval
from recommend.citations import cited
from recommend.compression import CompressedHistory, recent_items
from recommend.models import (
    ACTIVE_STATES,
    FINISHED,
    Generation,
    Item,
    JobState,
    LanguageModel,
    Output,
    PipelineRun,
    Recommendation,
    Stage,
)
from recommend.retrieval.serving import NotFittedError
from recommend.rules import Rejection, check_explanation, check_interest, check_tag
from recommend.sources import SourceError
from recommend.stages import explanations, interests, tags

log = logging.getLogger(__name__)

INTERNAL_ERROR = "An internal error stopped the run; the worker's log has the details."
RECENT_ITEMS = 40  # of the past month, in the tags prompt: what it must not repeat


class StepFailedError(RuntimeError):
    """A step cannot be done; the message says why in words that a user can act on."""


def advance(run_id: UUID) -> PipelineRun | None:
    """Do the run's next step and let go of it; returns the run as it then is.

    None where there is nothing to do: the run has ended, another worker holds it, or it was cancelled meanwhile.
    """
    token = leases.take(run_id)
    if token is None:
        return None
    try:
        with leases.kept_alive(run_id, token):
            step = PipelineRun.objects.values_list("step", flat=True).get(pk=run_id)
            asking = do(run_id, token, step)
            if asking is not None:
                for generation in calls.make(run_id, token, asking):
                    check(asking, generation)
            return step_done(run_id, token, step)
    except leases.LeaseLostError as lost:
        log.info("%s", lost)
        return None
    except (StepFailedError, SourceError, NotFittedError, LanguageModel.DoesNotExist) as error:
        return failed(run_id, token, str(error))
    except Exception:
        # The traceback is the developers'; the page gets words, and the run must not look alive.
        log.exception("Run %s failed", run_id)
        return failed(run_id, token, INTERNAL_ERROR)


def do(run_id: UUID, token: UUID, step: str) -> calls.Asking | None:
    """Do what a step does by itself; returns what it asks of a language model, None where it asks nothing.

    Raises StepFailedError, NotFittedError, LanguageModel.DoesNotExist or LeaseLostError.
    """
    return _DO[step](run_id, token)


def check(asking: calls.Asking, generation: Generation) -> None:
    """Raises StepFailedError where a call failed that its step cannot do without."""
    if asking.is_needed and generation.state != JobState.DONE:
        raise StepFailedError(f"{generation.get_stage_display()}: {generation.error}")


def step_done(run_id: UUID, token: UUID, step: str) -> PipelineRun:
    """Mark a step as done and let go of the run; returns it as it then is. Raises LeaseLostError."""
    with leases.locked(run_id, token) as run:
        run.step = run.next_step
        run.sent_at = timezone.now()
        if run.step == FINISHED:
            run.state, run.finished_at = JobState.DONE, timezone.now()
        return _let_go(run)


def failed(run_id: UUID, token: UUID, error: str) -> PipelineRun | None:
    """End a run that cannot go on, saying why; returns it, None where it is not ours any more."""
    try:
        with leases.locked(run_id, token) as run:
            run.state, run.error, run.finished_at = JobState.FAILED, error, timezone.now()
            # What was under way when the run failed has no result and gets none.
            run.generations.filter(state__in=ACTIVE_STATES).update(
                state=JobState.FAILED, error=error, finished_at=run.finished_at
            )
            return _let_go(run)
    except leases.LeaseLostError as lost:
        log.info("%s", lost)
        return None


def _let_go(run: PipelineRun) -> PipelineRun:
    run.lease_until = run.lease_token = None
    run.save(update_fields=["step", "state", "error", "sent_at", "finished_at", "lease_until", "lease_token"])
    if not run.is_active:
        events.run_finished(run.pk)
    return run


# History ------------------------------------------------------------------------------------------------------------


def _do_history(run_id: UUID, token: UUID) -> None:
    run = _run(run_id)
    loaded = _history(run)
    # No model reads the history where only items are asked for: nothing has to fit, and nothing is missing.
    is_read = Stage.INTERESTS in run.steps
    max_tokens = run.model_for(Stage.INTERESTS).history_tokens if is_read else None
    history = loaded.compressed(run.reference_at, max_tokens)
    if is_read and not history.lines:
        raise StepFailedError(
            f"Nothing in the history of {run.shopper} tells what the shopper wants: all of its {history.n_events} "
            "behaviours are clicks or returns, or its lines do not fit into the model's context."
        )
    with leases.locked(run_id, token) as locked:
        locked.history = histories.as_json(history, max_tokens, loaded)
        locked.save(update_fields=["history"])


def _run(run_id: UUID) -> PipelineRun:
    return PipelineRun.objects.select_related("shopper").get(pk=run_id)


def _history(run: PipelineRun) -> histories.History:
    return histories.load(run.shopper, run.reference_at)


# Interests ----------------------------------------------------------------------------------------------------------


def _do_interests(run_id: UUID, token: UUID) -> calls.Asking:
    return interests_asking(_run(run_id))


def interests_asking(run: PipelineRun) -> calls.Asking:
    """What a run asks for its interests, also one that is not stored. Raises LanguageModel.DoesNotExist."""
    model = run.model_for(Stage.INTERESTS)
    history = _history(run).compressed(run.reference_at, model.history_tokens)
    asked = interests.InterestsInput(
        attributes=_attributes(run),
        history=history,
        reference=run.reference_at.date(),
        n=model.n_interests,
        language=run.spoken,
    )
    call = calls.Call(
        stage=Stage.INTERESTS,
        position=0,
        model=model,
        snapshot=_snapshot(run, history),
        messages=lambda prompt: interests.messages(asked, prompt),
        schema=interests.schema(asked),
    )

    def store(generation: Generation, parsed: Any) -> None:
        earlier: list[str] = []
        for position, found in enumerate(interests.parse(parsed, asked)):
            citations = cited(found.reason, history)
            rejection = check_interest(
                found.text, found.reason, cites=len(citations), earlier=earlier, most=model.n_interests
            )
            lines = sorted({citation.line_index for citation in citations if citation.line_index is not None})
            _output(
                generation,
                position,
                Output.Kind.INTEREST,
                found.text,
                rejection,
                reason=found.reason,
                stage=found.stage,
                evidence=lines,
            )
            if rejection is None:
                earlier.append(found.text)

    return calls.Asking([call], store)


def _attributes(run: PipelineRun) -> dict[str, str]:
    return {str(name): str(value) for name, value in run.shopper.attributes.items() if value not in (None, "")}


def _snapshot(run: PipelineRun, history: CompressedHistory, **more: Any) -> dict[str, Any]:
    """What a generation was made from, for its reviewers and its judge."""
    return {
        "attributes": _attributes(run),
        "history": [line.text for line in history.lines],
        "reference": run.reference_at.date().isoformat(),
        **more,
    }


def _output(
    generation: Generation, position: int, kind: str, text: str, rejection: Rejection | None, **more: Any
) -> Output:
    return Output.objects.create(
        generation=generation,
        position=position,
        kind=kind,
        text=text,
        rejected_by=rejection.rule if rejection else "",
        rejected_because=rejection.because if rejection else "",
        **more,
    )


# Tags ---------------------------------------------------------------------------------------------------------------


def _do_tags(run_id: UUID, token: UUID) -> calls.Asking | None:
    kept = _kept(run_id, Output.Kind.INTEREST)
    if not kept:
        # Nothing to serve: the collaborative arm goes on alone, and the page says so.
        return None
    run = _run(run_id)
    model = run.model_for(Stage.TAGS)
    loaded = _history(run)
    history = loaded.compressed(run.reference_at, model.history_tokens)
    given = [interests.InterestOutput(output.text, output.stage, output.reason) for output in kept]
    recent = recent_items(loaded.reliable, reference=run.reference_at.date(), max_items=RECENT_ITEMS)
    asked = tags.TagsInput(
        attributes=_attributes(run),
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
        snapshot=_snapshot(
            run,
            history,
            recent=list(recent),
            interests=[{"text": one.text, "stage": one.stage, "reason": one.reason} for one in given],
        ),
        messages=lambda prompt: tags.messages(asked, prompt),
        schema=tags.schema(asked),
    )
    parents = {output.text: output for output in kept}

    def store(generation: Generation, parsed: Any) -> None:
        earlier: list[str] = []
        for position, found in enumerate(tags.parse(parsed, asked)):
            rejection = check_tag(
                found.text,
                found.interest,
                interests=parents,
                earlier=earlier,
                recent=loaded.recent_names,
                most=model.n_tags,
                language=run.spoken,
            )
            lines = {citation.line_index for citation in cited(found.reason, history)}
            _output(
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


def _kept(run_id: UUID, kind: str) -> list[Output]:
    return list(Output.objects.kept().filter(generation__run_id=run_id, kind=kind).order_by("position"))


# Items --------------------------------------------------------------------------------------------------------------


def ranking(run: PipelineRun, *, beta: float) -> list[Recommendation]:
    """A run's items by this weight of the arms, best first, as rows that are not stored. No language model is asked.

    Of the catalogue and the retrieval of now: they may have changed since the run.
    """
    loaded = _history(run)
    offered = _kept(run.pk, Output.Kind.TAG)
    found = retrieval.recommend(
        history=loaded.moments,
        tags=[tag.text for tag in offered],
        recent=loaded.recent_item_ids,
        beta=beta,
        n=run.n_items,
    )
    return [
        Recommendation(
            run_id=run.pk,
            item_id=scored.item_id,
            rank=rank,
            score=scored.score,
            collaborative=scored.collaborative,
            semantic=scored.semantic,
            arm=scored.arm,
            tag=offered[scored.tag] if scored.tag is not None else None,
        )
        for rank, scored in enumerate(found, start=1)
    ]


def _do_items(run_id: UUID, token: UUID) -> None:
    run = _run(run_id)
    found = ranking(run, beta=run.beta)
    with leases.locked(run_id, token):
        Recommendation.objects.filter(run_id=run_id).delete()
        Recommendation.objects.bulk_create(found)


# Explanations -------------------------------------------------------------------------------------------------------


def _do_explanations(run_id: UUID, token: UUID) -> calls.Asking:
    run = _run(run_id)
    model = run.model_for(Stage.EXPLANATIONS)
    recommended = (
        run.recommendations.filter(tag__parent__isnull=False).select_related("item", "tag__parent").order_by("rank")
    )
    history_lines = [line["text"] for line in run.history["lines"]]
    wanted = [_explanation_call(run, model, recommendation, history_lines) for recommendation in recommended]
    by_rank = {recommendation.rank: recommendation for recommendation in recommended}

    def store(generation: Generation, parsed: Any) -> None:
        recommendation = by_rank[generation.position]
        assert recommendation.tag is not None
        explanation = explanations.parse(parsed, _explanation_input(run, recommendation))[0]
        rejection = check_explanation(explanation.text, title=recommendation.item.title)
        _output(
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
        snapshot={
            "attributes": _attributes(run),
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


_DO: dict[str, Callable[[UUID, UUID], calls.Asking | None]] = {
    "history": _do_history,
    "interests": _do_interests,
    "tags": _do_tags,
    "items": _do_items,
    "explanations": _do_explanations,
}
