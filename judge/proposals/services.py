"""A trial that a user asks for: stored, and sent to a worker."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from judge import tasks
from judge.models import Proposal, Trial
from judge.proposals import trials


@transaction.atomic
def start_trial(proposal: Proposal, *, by: User | None, budget: int | None = None, seed: int | None = None) -> Trial:
    """Store a queued trial and send its task once it is committed; arguments and errors are those of `prepare`."""
    trial = trials.prepare(proposal, budget=budget, seed=seed, by=by)
    tasks.send_trial(trial)
    return trial
