"""Celery's way in, and the sweep that makes up for what it lost."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from celery.signals import before_task_publish
from django.utils import timezone

from judge import leases, queue, tasks
from judge.models import Assignment
from recommend.models import Generation, JobState
from tests.judge.factories import AssessmentFactory, CampaignUnitFactory, PersonFactory, UserFactory
from tests.recommend.factories import GenerationFactory, OutputFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent() -> Iterator[list[str]]:
    """Ids of the generations that were sent to the judge's queue."""
    ids: list[str] = []

    def record(sender: str, body: Any, **kwargs: Any) -> None:
        if sender == "judge.tasks.judge_generation":
            ids.append(body[0][0])

    before_task_publish.connect(record)
    yield ids
    before_task_publish.disconnect(record)


def long_done(**fields: Any) -> Generation:
    """A generation that finished long enough ago for its own task to be given up."""
    return GenerationFactory.create(finished_at=timezone.now() - timedelta(hours=1), **fields)


def test_the_sweep_sends_what_was_never_judged(sent: list[str]):
    waiting, half, judged = long_done(outputs=1), long_done(outputs=2), long_done(outputs=1)
    AssessmentFactory.create(output=half.outputs.all()[0])
    AssessmentFactory.create(output=judged.outputs.all()[0])
    AssessmentFactory.create(output=waiting.outputs.all()[0], rater=PersonFactory.create())

    assert tasks.sweep() == 2

    assert sent == [str(waiting.pk), str(half.pk)]


def test_the_sweep_does_not_send_the_same_again_at_once(sent: list[str]):
    long_done(outputs=1)

    assert (tasks.sweep(), tasks.sweep()) == (1, 0)

    assert len(sent) == 1


def test_the_sweep_sends_no_more_than_its_limit_and_goes_on_from_there(sent: list[str], monkeypatch):
    monkeypatch.setattr(tasks, "SWEEP_LIMIT", 2)
    generations = [long_done(outputs=1) for _ in range(3)]

    assert (tasks.sweep(), tasks.sweep(), tasks.sweep()) == (2, 1, 0)

    assert sent == [str(one.pk) for one in generations]


def test_the_sweep_leaves_alone_what_is_fresh_failed_old_or_has_nothing_to_judge(sent: list[str]):
    GenerationFactory.create(outputs=1, finished_at=timezone.now())
    long_done(outputs=1, state=JobState.FAILED)
    long_done()
    OutputFactory.create(generation=long_done(), rejected_by="duplicate")
    old = long_done(outputs=1)
    Generation.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=8))

    assert tasks.sweep() == 0


def test_an_output_with_an_unusable_verdict_counts_as_judged(sent: list[str]):
    generation = long_done(outputs=1)
    AssessmentFactory.create(output=generation.outputs.get(), labels={}, error="truncated")

    assert tasks.sweep() == 0


def test_the_sweep_takes_lapsed_leases_back():
    unit = CampaignUnitFactory.create()
    queue.next_assignment(unit.campaign, UserFactory.create())
    Assignment.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    tasks.sweep()

    unit.refresh_from_db()
    assert unit.n_taken == 0
    assert Assignment.objects.get().state == Assignment.State.EXPIRED
    assert leases.expire() == 0


def test_a_generation_that_is_gone_is_no_error():
    assert tasks.judge_generation(str(uuid4())) == 0


def test_a_generation_waits_where_there_is_no_judge_yet(caplog: pytest.LogCaptureFixture):
    generation = GenerationFactory.create(outputs=1)

    assert tasks.judge_generation(str(generation.pk)) == 0

    assert "is not judged yet" in caplog.text
