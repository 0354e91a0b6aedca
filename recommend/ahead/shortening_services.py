"""What can be asked of items' short forms: have a model make them, and cancel that."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from recommend import jobs, tasks
from recommend.ahead.shortening import waiting
from recommend.audit import Verb, record
from recommend.models import LanguageModel, ShortFormFill


class ShorteningError(ValueError):
    """What was asked for cannot be met, in words."""


@transaction.atomic
def start(model: LanguageModel) -> ShortFormFill:
    """Store a queued job that has `model` shorten items, and send its task. Raises ShorteningError."""
    if model.role == LanguageModel.Role.JUDGE or model.state == LanguageModel.State.RETIRED:
        raise ShorteningError(f"{model} is retired or a judge; name a model that generates.")
    n_wanted = waiting(model).count()
    if not n_wanted:
        raise ShorteningError(f"Every item has a short form of its present version by {model} already.")
    try:
        with transaction.atomic():
            fill = ShortFormFill.objects.create(model=model, n_wanted=n_wanted)
    except IntegrityError:
        raise ShorteningError(f"{model} is shortening items already. Wait for that job, or cancel it.") from None
    record(Verb.SHORT_FORMS_STARTED, fill, {"model": str(model), "items": n_wanted})
    tasks.send_short_form_fill(fill)
    return fill


def cancel(fill: ShortFormFill) -> ShortFormFill:
    """Stop for good: what was made stays in use. One that has ended stays as it is."""
    return jobs.cancel(fill, Verb.SHORT_FORMS_CANCELLED)
