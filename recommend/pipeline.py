"""The work of a run: history → interests → item tags → items → explanations, each step stored as it ends.

A step looks at what is stored before it does anything, and stores its results together with the mark that it is done;
so a run that is delivered twice, or whose worker died, goes on where it stood and makes nothing twice.
"""

import logging
from collections.abc import Callable
from uuid import UUID

from django.utils import timezone

from recommend import calls, events, leases
from recommend.engines.errors import UnknownEngineError
from recommend.models import ACTIVE_STATES, FINISHED, Generation, JobState, LanguageModel, PipelineRun
from recommend.prompts import UnknownPromptError
from recommend.retrieval.errors import NotFittedError
from recommend.sources import SourceError
from recommend.steps import explanations, history, interests, items, tags
from recommend.steps.base import StepFailedError

log = logging.getLogger(__name__)

INTERNAL_ERROR = "An internal error stopped the run; the worker's log has the details."

_DO: dict[str, Callable[[UUID, UUID], calls.Asking | None]] = {
    "history": history.do,
    "interests": interests.do,
    "tags": tags.do,
    "items": items.do,
    "explanations": explanations.do,
}


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
            while asking is not None:
                for generation in calls.make(run_id, token, asking):
                    check(asking, generation)
                asking = asking.then()
            return step_done(run_id, token, step)
    except leases.LeaseLostError as lost:
        log.info("%s", lost)
        return None
    except (
        StepFailedError,
        SourceError,
        NotFittedError,
        LanguageModel.DoesNotExist,
        UnknownEngineError,
        UnknownPromptError,
    ) as error:
        return failed(run_id, token, str(error))
    except Exception:
        # The traceback is the developers'; the page gets words, and the run must not look alive.
        log.exception("Run %s failed", run_id)
        return failed(run_id, token, INTERNAL_ERROR)


def do(run_id: UUID, token: UUID, step: str) -> calls.Asking | None:
    """Do what a step does by itself; returns what it asks of a language model first, None where it asks nothing.

    Raises StepFailedError, NotFittedError, LanguageModel.DoesNotExist, UnknownPromptError or LeaseLostError.
    """
    return _DO[step](run_id, token)


def check(asking: calls.Asking, generation: Generation) -> None:
    """Raises StepFailedError where a call failed that its step cannot do without."""
    if asking.is_needed and generation.state != JobState.DONE:
        raise StepFailedError(f"{generation.get_stage_display()}: {generation.error}")


def step_done(run_id: UUID, token: UUID, step: str, *, is_kept: bool = False) -> PipelineRun:
    """Mark a step as done and let go of the run; returns it as it then is. Raises LeaseLostError.

    is_kept  hold on to a run that has not ended
    """
    with leases.locked(run_id, token) as run:
        run.step = run.next_step
        run.sent_at = timezone.now()
        if run.step == FINISHED:
            run.state, run.finished_at = JobState.DONE, timezone.now()
        elif is_kept:
            run.save(update_fields=["step", "sent_at"])
            return run
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
