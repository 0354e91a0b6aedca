"""What the judge tells the layers above."""

from collections.abc import Callable
from typing import Any

import pytest

from judge import campaigns, events, queue
from judge.models import Campaign
from recommend import events as run_events
from recommend import services
from tests.judge.factories import PASSING, CampaignFactory, UserFactory
from tests.recommend.factories import GenerationFactory, PipelineRunFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What every hook was called with."""
    calls: list[Any] = []

    def hook(name: str) -> Callable[..., None]:
        return lambda *told: calls.append((name, *told))

    for module, names in ((events, ("submitted", "campaign_closed", "judge_alert")), (run_events, ("run_finished",))):
        for name in names:
            monkeypatch.setattr(module, f"_{name}", [])
            getattr(module, f"on_{name}")(hook(name))
    return calls


def test_a_submit_is_told_once(heard):
    campaign = CampaignFactory.create()
    campaigns.enrol(GenerationFactory.create(outputs=2).pk)
    work = queue.next_assignment(campaign, UserFactory.create())
    assert work is not None
    answers = {str(one.pk): {"labels": PASSING["interest"], "comment": ""} for one in work.kept_outputs}

    for _ in range(2):
        queue.submit(work, work.annotator, answers)

    assert heard == [("submitted", work)]


def test_closing_is_told_and_closing_again_or_pausing_is_not(heard):
    campaign = CampaignFactory.create()

    for state in (Campaign.State.PAUSED, Campaign.State.CLOSED, Campaign.State.CLOSED):
        campaigns.set_state(campaign, state)

    assert heard == [("campaign_closed", campaign)]


def test_a_cancelled_run_has_finished_and_is_told_once(heard):
    run = PipelineRunFactory.create()

    for _ in range(2):
        services.cancel_run(run)

    assert heard == [("run_finished", run.pk)]


def test_an_alert_carries_its_words_and_facts(heard):
    events.judge_alert("The judge drifts.", {"rater": "x"})

    assert heard == [("judge_alert", "The judge drifts.", {"rater": "x"})]
