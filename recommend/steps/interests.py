"""Interests: one call, whose answer becomes outputs with the history lines that they cite."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from recommend import calls
from recommend.citations import cited, stray_counts
from recommend.models import Generation, Output, PipelineRun, Stage
from recommend.rules import check_interest
from recommend.stages import interests
from recommend.steps.base import attributes_of, history_of, output_of, run_of, snapshot_of


def do(run_id: UUID, token: UUID) -> calls.Asking:
    """What the run asks for its interests."""
    return asking_of(run_of(run_id))


def asking_of(run: PipelineRun) -> calls.Asking:
    """What a run asks for its interests, also one that is not stored. Raises LanguageModel.DoesNotExist."""
    model = run.model_for(Stage.INTERESTS)
    history = history_of(run).compressed(run.reference_at, model.history_tokens)
    asked = interests.InterestsInput(
        attributes=attributes_of(run),
        history=history,
        reference=run.reference_at.date(),
        n=model.n_interests,
        language=run.spoken,
    )
    call = calls.Call(
        stage=Stage.INTERESTS,
        position=0,
        model=model,
        prompt=run.prompt_for(Stage.INTERESTS, model),
        snapshot=snapshot_of(run, history),
        messages=lambda prompt: interests.messages(asked, prompt),
        schema=interests.schema(asked),
    )

    def store(generation: Generation, parsed: Any) -> Iterator[Output]:
        earlier: list[str] = []
        for position, found in enumerate(interests.parse(parsed, asked)):
            citations = cited(found.reason, history)
            rejection = check_interest(
                found.text,
                found.reason,
                cites=len(citations),
                made_up=stray_counts(found.reason, history),
                earlier=earlier,
                most=model.n_interests,
            )
            lines = sorted({citation.line_index for citation in citations if citation.line_index is not None})
            yield output_of(
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
