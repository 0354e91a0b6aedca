"""What a user can ask of checks: start one, stop one."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from judge import tasks
from judge.checks import runner
from judge.models import JudgeCheck, Rater, Rubric
from recommend.models import LanguageModel


@transaction.atomic
def start(
    kind: str, *, by: User | None, judge: Rater | None = None, budget: int | None = None, seed: int | None = None
) -> JudgeCheck:
    """Store a queued check of a judge on a kind of output, and send its task once it is committed.

    judge  a judge model with its prompt; None for the one that serves now

    The other arguments and what is raised are those of `runner.prepare`; also CheckError without a rubric or judge.
    """
    try:
        rubric = Rubric.objects.current(kind)
        rater = judge or runner.serving_judge()
    except (Rubric.DoesNotExist, LanguageModel.DoesNotExist) as missing:
        raise runner.CheckError(str(missing)) from missing
    check = runner.prepare(rubric, judge=rater, budget=budget, seed=seed, by=by)
    tasks.send_check(check)
    return check


def cancel(check: JudgeCheck) -> JudgeCheck:
    """Stop a check: answers stay, no more is asked. One that has ended stays as it is."""
    return runner.cancel(check)
