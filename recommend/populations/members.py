"""One shopper of a population job: which run is theirs, and why it failed."""

from __future__ import annotations

from django.db import transaction

from recommend.engines.types import ChatResult
from recommend.histories import morning_after
from recommend.models import JobState, PipelineRun, PopulationChunk, PopulationShopper
from recommend.populations.unchanged import is_unchanged

State, Reason = PopulationShopper.State, PopulationShopper.Reason

# Of the runs and their tasks: whatever somebody waits for comes first.
PRIORITY = 9

_KINDS: dict[str, PopulationShopper.Reason] = {
    "truncated": Reason.TRUNCATED,
    "invalid_json": Reason.INVALID_JSON,
    "schema": Reason.SCHEMA,
    "refused": Reason.REFUSED,
}


def run_for(chunk: PopulationChunk, member: PopulationShopper) -> PipelineRun | None:
    """The run of a shopper, made, found, or opened anew for another attempt; None where none is needed.

    Raises LanguageModel.DoesNotExist where a stage has no serving model.
    """
    population = chunk.population
    found = PipelineRun.objects.filter(population=population, shopper=member.shopper_id).first()
    if found is not None:
        return _opened(found, chunk.attempt) if found.state == JobState.FAILED else found
    assert member.shopper.last_behavior_at is not None  # whoever has none is not chosen
    run = PipelineRun(
        population=population,
        shopper=member.shopper,
        created_by_id=population.created_by_id,
        reference_at=population.reference_at or morning_after(member.shopper.last_behavior_at),
        chosen_models=population.chosen_models,
        rules=population.rules,
        language=population.language,
        steps=population.steps,
        tag_strategy=population.tag_strategy,
        beta=population.beta,
        n_items=population.n_items,
        priority=PRIORITY,
    )
    if not population.again and is_unchanged(run):
        return None
    run.save()
    return run


@transaction.atomic
def _opened(run: PipelineRun, attempt: int) -> PipelineRun:
    """A failed run, open again for a later attempt than its own: what failed is asked anew, what was made stays."""
    if run.attempt < attempt:
        run.generations.filter(state=JobState.FAILED).delete()
        run.attempt, run.state, run.error, run.finished_at = attempt, JobState.QUEUED, "", None
        run.save(update_fields=["attempt", "state", "error", "finished_at"])
    return run


def ended_before(run: PipelineRun) -> tuple[PopulationShopper.State, PopulationShopper.Reason | str]:
    """What became of a shopper whose run has ended already, such as one that somebody cancelled."""
    if run.state == JobState.DONE:
        return State.DONE, ""
    return State.FAILED, Reason.CANCELLED if run.state == JobState.CANCELLED else Reason.INTERNAL


def reason_of(result: ChatResult) -> PopulationShopper.Reason:
    """Why an answer was of no use."""
    return Reason.FORM if result.error is None else _KINDS.get(result.error.kind, Reason.REFUSED)
