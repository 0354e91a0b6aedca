"""A check that a user asks for: stored, and sent to a worker."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from judge import tasks
from judge.checks import runner
from judge.models import JudgeCheck, Rater


@transaction.atomic
def start(
    kind: str, *, by: User | None, judge: Rater | None = None, budget: int | None = None, seed: int | None = None
) -> JudgeCheck:
    """Store a queued check of a judge on a kind of output, and send its task once it is committed.

    Arguments and what is raised are those of `runner.prepare_newest`.
    """
    check = runner.prepare_newest(kind, judge=judge, budget=budget, seed=seed, by=by)
    tasks.send_check(check)
    return check
