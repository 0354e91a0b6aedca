"""Questions of jobs that ask a judge (`recommend.jobs`): all are rows before the first is asked, each answered once."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import asdict
from typing import TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from judge.asking import Reply
from judge.models.cases import Answered
from recommend import jobs
from recommend.engines.errors import EngineUnavailableError
from recommend.models.jobs import Job

A = TypeVar("A", bound=Answered)

# Questions of one task: short enough that runs and verdicts come between, and that the broker waits for it.
BATCH_SIZE = 16


def store(job: Job, token: UUID, replies: Generator[Reply], cases: QuerySet[A]) -> None:
    """Store each reply in the case of its key, as it comes.

    Raises jobs.LostError, and, after storing what came, EngineUnavailableError where a question got no answer at all.
    """
    unanswered = ""
    with closing(replies):
        for reply in replies:
            if reply.answer is None:
                unanswered = reply.silence
                continue
            with transaction.atomic():
                jobs.renew(job, token)
                cases.filter(pk=reply.key, answered_at=None).update(answered_at=Now(), **asdict(reply.answer))
    if unanswered:
        jobs.ours(job, token).update(error=unanswered)
        raise EngineUnavailableError(unanswered)
