"""What a lead can ask of explanations ahead: have them made, pause, resume and cancel that."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from recommend import jobs, tasks
from recommend.ahead.explaining import let_go
from recommend.audit import Verb, record
from recommend.languages import ENGLISH, LANGUAGES
from recommend.models import ACTIVE_STATES, ExplanationFill, JobState, LanguageModel, Stage

LIMITS = {"n_interests": 10_000, "n_items": 500, "days": 3650, "max_age_days": 3650}


class FillError(ValueError):
    """What was asked for cannot be met; `field` names the value at fault, "" where it is none alone."""

    def __init__(self, words: str, field: str = "") -> None:
        super().__init__(words)
        self.field = field


class FillRunningError(FillError):
    """Explanations of this language are being made already: `fill` is the job that does."""

    def __init__(self, fill: ExplanationFill) -> None:
        super().__init__("These are being made already. Wait for that job, or cancel it.", "language")
        self.fill = fill


@transaction.atomic
def start(
    *,
    by: User | None,
    language: str = ENGLISH,
    n_interests: int = 100,
    n_items: int = 20,
    days: int = 90,
    max_age_days: int = 90,
) -> ExplanationFill:
    """Store a queued job, and send its task once it is committed.

    n_interests   the most common, of runs in this language
    n_items       of each, the most popular that its tags lead to
    days          how long ago an interest was found at most
    max_age_days  what is older is made anew, as is what another model or prompt made, or of an item that has changed

    Raises FillRunningError, or FillError naming the value and the remedy.
    """
    if language not in LANGUAGES:
        raise FillError(f"“{language}” is none of {', '.join(LANGUAGES)}.", "language")
    wanted = {"n_interests": n_interests, "n_items": n_items, "days": days, "max_age_days": max_age_days}
    for name, value in wanted.items():
        if not 1 <= value <= LIMITS[name]:
            raise FillError(f"{value} is not between 1 and {LIMITS[name]:,}.", name)
    try:
        LanguageModel.objects.serving(Stage.EXPLANATIONS)
    except LanguageModel.DoesNotExist as missing:
        raise FillError(str(missing)) from missing
    try:
        with transaction.atomic():
            fill = ExplanationFill.objects.create(language=language, created_by=by, **wanted)
    except IntegrityError:
        running = ExplanationFill.objects.filter(language=language, state__in=ACTIVE_STATES).first()
        if running is None:
            raise
        raise FillRunningError(running) from None
    record(Verb.EXPLANATIONS_STARTED, fill, {"language": language, **wanted}, by=by)
    tasks.send_explanation_fill(fill)
    return fill


def pause(fill: ExplanationFill) -> ExplanationFill:
    """Make no more until it is resumed; one that rests or has ended stays as it is."""
    return jobs.pause(fill, Verb.EXPLANATIONS_PAUSED)


@transaction.atomic
def resume(fill: ExplanationFill) -> ExplanationFill:
    """Let a paused job go on; one that is not paused stays as it is."""
    resumed = jobs.resume(fill, Verb.EXPLANATIONS_RESUMED)
    if resumed is None:
        return ExplanationFill.objects.get(pk=fill.pk)
    tasks.send_explanation_fill(resumed)
    return resumed


@transaction.atomic
def cancel(fill: ExplanationFill) -> ExplanationFill:
    """Stop for good: what was made stays and is looked up. One that has ended stays as it is."""
    cancelled = jobs.cancel(fill, Verb.EXPLANATIONS_CANCELLED)
    if cancelled.state == JobState.CANCELLED:
        let_go(cancelled, JobState.CANCELLED)
    return cancelled
