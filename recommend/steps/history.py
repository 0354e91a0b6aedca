"""The history: which behaviours the models read, as few lines."""

from uuid import UUID

from recommend import histories, leases
from recommend.models import Stage
from recommend.steps.base import StepFailedError, history_of, run_of


def do(run_id: UUID, token: UUID) -> None:
    """Store the compressed history of a run. Raises StepFailedError where there is nothing to read."""
    run = run_of(run_id)
    loaded = history_of(run)
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
