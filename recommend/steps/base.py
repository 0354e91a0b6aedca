"""What the steps share: reading a run and its shopper, and making rows of what came out."""

from typing import Any
from uuid import UUID

from recommend import histories
from recommend.compression import CompressedHistory
from recommend.models import Generation, Output, PipelineRun
from recommend.rules import Rejection


class StepFailedError(RuntimeError):
    """A step cannot be done; the message says why in words that a user can act on."""


def run_of(run_id: UUID) -> PipelineRun:
    """The run with its shopper."""
    return PipelineRun.objects.select_related("shopper").get(pk=run_id)


def history_of(run: PipelineRun) -> histories.History:
    """What its shopper did before the moment that it looks from. Raises SourceError."""
    return histories.load(run.shopper, run.reference_at)


def attributes_of(run: PipelineRun) -> dict[str, str]:
    """What is known of its shopper, as prompts say it."""
    return {str(name): str(value) for name, value in run.shopper.attributes.items() if value not in (None, "")}


def snapshot_of(run: PipelineRun, history: CompressedHistory, **more: Any) -> dict[str, Any]:
    """What a generation was made from, for its reviewers and its judge."""
    return {
        "attributes": attributes_of(run),
        "history": [line.text for line in history.lines],
        "reference": run.reference_at.date().isoformat(),
        **more,
    }


def output_of(
    generation: Generation, position: int, kind: str, text: str, rejection: Rejection | None, **more: Any
) -> Output:
    """One output to store, kept or with the rule that rejects it."""
    return Output(
        generation=generation,
        position=position,
        kind=kind,
        text=text,
        rejected_by=rejection.rule if rejection else "",
        rejected_because=rejection.because if rejection else "",
        **more,
    )


def kept_outputs(run_id: UUID, kind: str) -> list[Output]:
    """The outputs of a kind that no rule rejected, call by call."""
    return list(
        Output.objects.kept().filter(generation__run_id=run_id, kind=kind).order_by("generation__position", "position")
    )
