"""What a user can ask of the pipeline: start a run, cancel it."""

from datetime import datetime, time, timedelta

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from recommend import audit, events, tasks
from recommend.audit import Verb
from recommend.models import ACTIVE_STATES, JobState, PipelineRun, Shopper

MAX_ITEMS = 50


class InvalidRunError(ValueError):
    """A request for a run that cannot be met; `field` names the value that is at fault."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class IdempotencyConflictError(RuntimeError):
    """The same idempotency key came with other wishes."""


def start_run(
    *,
    shopper: Shopper,
    by: User | None,
    reference_at: datetime | None = None,
    beta: float = 0.5,
    n_items: int = 6,
    idempotency_key: str = "",
    priority: int = 0,
) -> tuple[PipelineRun, bool]:
    """Store a queued run and send its task once it is committed; returns the run and whether it is new.

    reference_at  the moment that the run looks from; default: the morning after the shopper's last behaviour
    priority      0 where somebody waits for the result, up to 9 for work in the background

    The same key of the same user gives the same run. Raises InvalidRunError, or IdempotencyConflictError where the key
    was used for something else.
    """
    if shopper.last_behavior_at is None:
        raise InvalidRunError("shopper", f"{shopper} has no behaviours yet; import some first.")
    if not 0.0 <= beta <= 1.0:
        raise InvalidRunError("beta", f"{beta} is not between 0 and 1.")
    if not 1 <= n_items <= MAX_ITEMS:
        raise InvalidRunError("n_items", f"{n_items} is not between 1 and {MAX_ITEMS}.")
    asked_at = reference_at
    reference_at = reference_at or _morning_after(shopper.last_behavior_at)
    if not shopper.behaviors.filter(occurred_at__lt=reference_at).exists():
        raise InvalidRunError("reference_at", f"{shopper} has no behaviour before {reference_at:%Y-%m-%d %H:%M}.")
    wanted = {"shopper": shopper, "reference_at": reference_at, "beta": beta, "n_items": n_items}
    if idempotency_key and (found := _same_key(by, idempotency_key)) is not None:
        return _unless_other(found, wanted, asked_at), False
    try:
        with transaction.atomic():
            run = PipelineRun.objects.create(
                created_by=by,
                idempotency_key=idempotency_key,
                shopper=shopper,
                reference_at=reference_at,
                beta=beta,
                n_items=n_items,
                priority=priority,
            )
            audit.record(Verb.RUN_STARTED, run, by=by)
            tasks.send(run)
    except IntegrityError:
        # Two requests with one key at the same moment: the other was first.
        found = _same_key(by, idempotency_key)
        if found is None:
            raise
        return _unless_other(found, wanted, asked_at), False
    return run, True


def _morning_after(moment: datetime) -> datetime:
    """The first moment of the next day, as people plan from days and not from seconds."""
    return datetime.combine(moment.date() + timedelta(days=1), time(), tzinfo=moment.tzinfo)


def _same_key(by: User | None, key: str) -> PipelineRun | None:
    return PipelineRun.objects.filter(created_by=by, idempotency_key=key).first()


def _unless_other(run: PipelineRun, wanted: dict[str, object], asked_at: datetime | None) -> PipelineRun:
    # Without an explicit moment the default may have moved with new behaviours; that is not another wish.
    names = wanted if asked_at else wanted.keys() - {"reference_at"}
    if any(getattr(run, name) != wanted[name] for name in names):
        raise IdempotencyConflictError(
            f"The key “{run.idempotency_key}” was used for run {run.pk} with other values. Use a new key."
        )
    return run


@transaction.atomic
def cancel_run(run: PipelineRun) -> PipelineRun:
    """Stop a run: what it has made stays, nothing more is made. A run that has ended stays as it is."""
    locked = PipelineRun.objects.select_for_update().get(pk=run.pk)
    if locked.state in ACTIVE_STATES:
        locked.state = JobState.CANCELLED
        locked.finished_at = timezone.now()
        locked.lease_until = locked.lease_token = None
        locked.save(update_fields=["state", "finished_at", "lease_until", "lease_token"])
        locked.generations.filter(state__in=ACTIVE_STATES).update(
            state=JobState.CANCELLED, finished_at=locked.finished_at
        )
        audit.record(Verb.RUN_CANCELLED, locked)
        events.run_finished(locked.pk)
    return locked
