"""What a user can ask of the pipeline, and how it refuses."""

from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from recommend import services, tasks
from recommend.models import JobState, LanguageModel, PipelineRun, Shopper, Stage
from tests.recommend.factories import (
    REFERENCE,
    BehaviorFactory,
    LanguageModelFactory,
    PipelineRunFactory,
    ShopperFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def shopper() -> Shopper:
    shopper = ShopperFactory.create(last_behavior_at=REFERENCE - timedelta(days=1))
    BehaviorFactory.create(shopper=shopper, occurred_at=REFERENCE - timedelta(days=1))
    return shopper


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> mock.Mock:
    sender = mock.Mock()
    monkeypatch.setattr(tasks.advance_run, "apply_async", sender)
    return sender


def test_a_run_is_stored_and_its_task_sent_once_that_is_committed(
    shopper: Shopper, sent: mock.Mock, django_capture_on_commit_callbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        run, is_new = services.start_run(shopper=shopper, by=None, priority=9)
        assert not sent.called

    assert is_new
    assert run.state == JobState.QUEUED
    assert sent.call_args.kwargs == {"args": (str(run.pk),), "priority": 9}


def test_a_run_that_has_begun_goes_before_one_that_has_not_and_after_one_that_somebody_waits_for() -> None:
    begun = PipelineRunFactory.build(priority=9, step="tags", shopper=None)
    waiting = PipelineRunFactory.build(priority=9, shopper=None)
    watched = PipelineRunFactory.build(priority=0, shopper=None)

    assert watched.task_priority < begun.task_priority < waiting.task_priority


def test_a_run_looks_from_the_morning_after_the_last_behaviour(shopper: Shopper) -> None:
    run, _ = services.start_run(shopper=shopper, by=None)

    assert run.reference_at == REFERENCE


def test_the_same_key_gives_the_same_run(shopper: Shopper, django_user_model: type[User]) -> None:
    user = django_user_model.objects.create(username="engineer")

    first, _ = services.start_run(shopper=shopper, by=user, idempotency_key="k1")
    second, is_new = services.start_run(shopper=shopper, by=user, idempotency_key="k1")

    assert (second.pk, is_new) == (first.pk, False)


def test_the_same_key_with_other_wishes_is_refused(shopper: Shopper, django_user_model: type[User]) -> None:
    user = django_user_model.objects.create(username="engineer")
    services.start_run(shopper=shopper, by=user, idempotency_key="k1")

    with pytest.raises(services.IdempotencyConflictError, match="k1"):
        services.start_run(shopper=shopper, by=user, idempotency_key="k1", beta=0.9)


def test_keys_of_two_users_are_apart(shopper: Shopper, django_user_model: type[User]) -> None:
    users = [django_user_model.objects.create(username=name) for name in ("one", "two")]

    runs = {services.start_run(shopper=shopper, by=user, idempotency_key="k1")[0].pk for user in users}

    assert len(runs) == 2


@pytest.mark.parametrize(
    ("wishes", "field", "words"),
    [
        ({"beta": 1.5}, "beta", "1.5"),
        ({"n_items": 0}, "n_items", "0"),
        ({"n_items": 51}, "n_items", "51"),
        ({"reference_at": REFERENCE - timedelta(days=400)}, "reference_at", "no behaviour before"),
    ],
)
def test_a_wish_that_cannot_be_met_is_named(shopper: Shopper, wishes: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(services.InvalidRunError, match=words) as refused:
        services.start_run(shopper=shopper, by=None, **wishes)

    assert refused.value.field == field
    assert not PipelineRun.objects.exists()


def test_a_shopper_without_behaviours_cannot_be_run() -> None:
    with pytest.raises(services.InvalidRunError, match="no behaviours"):
        services.start_run(shopper=ShopperFactory.create(), by=None)


def test_cancelling_a_run_that_has_ended_changes_nothing() -> None:
    run = PipelineRunFactory.create(state=JobState.DONE)

    assert services.cancel_run(run).state == JobState.DONE


def test_the_sweep_sends_what_nobody_holds_and_leaves_the_rest(
    settings, sent: mock.Mock, django_capture_on_commit_callbacks
) -> None:
    settings.RUN_LEASE_S = 60
    now = timezone.now()
    long_ago = now - timedelta(seconds=61)
    lost = PipelineRunFactory.create(sent_at=long_ago)
    dead = PipelineRunFactory.create(state=JobState.RUNNING, sent_at=long_ago, lease_until=now - timedelta(seconds=1))
    PipelineRunFactory.create(sent_at=now)
    PipelineRunFactory.create(state=JobState.RUNNING, sent_at=long_ago, lease_until=now + timedelta(seconds=9))
    PipelineRunFactory.create(state=JobState.DONE, sent_at=long_ago)

    with django_capture_on_commit_callbacks(execute=True):
        n = tasks.sweep()

    assert n == 2
    assert {call.kwargs["args"][0] for call in sent.call_args_list} == {str(lost.pk), str(dead.pk)}
    assert tasks.sweep() == 0


@pytest.mark.parametrize(
    ("wishes", "field", "words"),
    [
        ({"steps": ["poems"]}, "steps", "poems is no step. Choose from interests, tags, items, explanations."),
        ({"steps": []}, "steps", "None is no step"),
        ({"steps": ["tags"]}, "steps", "tags is made from interests: ask for that too."),
        ({"steps": ["items", "explanations"]}, "steps", "made from interests and tags"),
        ({"language": "xx"}, "language", "“xx” is none of en, zh"),
    ],
)
def test_steps_and_language_that_cannot_be_are_named(
    shopper: Shopper, wishes: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(services.InvalidRunError, match=words) as refused:
        services.start_run(shopper=shopper, by=None, **wishes)

    assert refused.value.field == field


def test_a_model_must_be_of_the_stage_in_use_and_of_a_step_that_is_done(shopper: Shopper) -> None:
    tags = LanguageModelFactory.create(role=Stage.TAGS)
    retired = LanguageModelFactory.create(role=Stage.TAGS, name="old", state=LanguageModel.State.RETIRED)
    wishes: list[tuple[dict[Stage, LanguageModel], str, str]] = [
        ({Stage.INTERESTS: tags}, "models.interests", "is for item tags"),
        ({Stage.TAGS: retired}, "models.tags", "old is retired"),
        ({Stage.TAGS: tags}, "models.tags", "no step tags"),
    ]

    for models, field, words in wishes:
        steps = ["items"] if "no step" in words else services.CHOOSABLE_STEPS
        with pytest.raises(services.InvalidRunError, match=words) as refused:
            services.start_run(shopper=shopper, by=None, models=models, steps=steps)
        assert refused.value.field == field
