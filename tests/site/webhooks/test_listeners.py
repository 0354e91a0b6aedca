"""Which events reach a webhook, and that none of them gives blind work away."""

import json
import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection

from judge import campaigns, events, queue
from judge.models import Assignment, Campaign, CampaignUnit
from recgpt_site.models import Delivery, Event, Webhook
from recgpt_site.webhooks import listeners
from recommend import pipeline, tasks
from recommend import services as runs
from recommend.models import Generation, PopulationJob, Shopper
from recommend.populations import planning
from recommend.populations import services as populations
from tests.judge.factories import FAILING, PASSING, AssessmentFactory, AssignmentFactory, CampaignFactory, UserFactory
from tests.recommend.factories import GenerationFactory, PipelineRunFactory
from tests.recommend.populations import material
from tests.support.recorded_engine import RecordedEngine

pytestmark = pytest.mark.django_db


def told(event: str) -> list[dict[str, Any]]:
    return [one.data for one in Delivery.objects.filter(event=event).order_by("id")]


def drawn(n: int, **options: object) -> tuple[Campaign, list[Generation]]:
    """A campaign with so many generations of two outputs."""
    campaign = CampaignFactory.create(**options)
    made = GenerationFactory.create_batch(n, outputs=2)
    for generation in made:
        campaigns.enrol(generation.pk)
    return campaign, made


def submit(campaign: Campaign, person: User, labels: dict[str, str] = PASSING["interest"]) -> Assignment:
    work = queue.next_assignment(campaign, person)
    assert work is not None
    answers = {str(one.pk): {"labels": labels, "comment": "Mine alone."} for one in work.kept_outputs}
    queue.submit(work, person, answers)
    return work


def test_a_submit_is_told_with_ids_and_without_labels(webhook):
    webhook(Event.SUBMITTED)
    campaign, (generation,) = drawn(1)
    person = UserFactory.create()

    work = submit(campaign, person)

    assert told(Event.SUBMITTED) == [
        {
            "assignment": str(work.pk),
            "campaign": {"id": str(campaign.pk), "name": campaign.name},
            "generation": str(generation.pk),
            "annotator": person.username,
        }
    ]
    text = json.dumps(list(Delivery.objects.values_list("data", flat=True)))
    assert not [label for label in (*PASSING["interest"].values(), "Mine alone.") if label in text]


def test_only_what_was_asked_for_is_told_and_nothing_to_the_disabled(webhook):
    webhook(Event.RUN_FINISHED)
    Webhook.objects.filter(pk=webhook(Event.SUBMITTED).pk).update(is_active=False)
    campaign, _ = drawn(1)

    submit(campaign, UserFactory.create())

    assert not Delivery.objects.exists()


def test_two_people_who_differ_are_a_disagreement_and_those_who_agree_are_none(webhook):
    webhook(Event.DISAGREEMENT)
    campaign, (generation,) = drawn(1, overlap=3)

    submit(campaign, UserFactory.create())
    submit(campaign, UserFactory.create())
    assert told(Event.DISAGREEMENT) == []
    submit(campaign, UserFactory.create(), FAILING["interest"])

    (found,) = told(Event.DISAGREEMENT)
    expected = [
        {"output": str(output.pk), "criteria": ["willingness"], "with": ["person"]}
        for output in generation.outputs.all()
    ]
    assert sorted(found["outputs"], key=str) == sorted(expected, key=str)


def test_a_person_against_the_judge_is_a_disagreement(webhook):
    webhook(Event.DISAGREEMENT)
    campaign, (generation,) = drawn(1)
    first, second = generation.outputs.order_by("position")
    verdict = AssessmentFactory.create(output=first, labels=FAILING["interest"])
    AssessmentFactory.create(output=second, labels=PASSING["interest"], rater=verdict.rater)

    submit(campaign, UserFactory.create())

    (found,) = told(Event.DISAGREEMENT)
    assert found["outputs"] == [{"output": str(first.pk), "criteria": ["willingness"], "with": ["judge"]}]


def test_a_campaign_ends_with_its_last_place_and_not_before(webhook):
    webhook(Event.CAMPAIGN_ENDED)
    campaign, _ = drawn(2, overlap=2)
    people = UserFactory.create_batch(2)

    for person in people:
        submit(campaign, person)
    submit(campaign, people[0])
    assert told(Event.CAMPAIGN_ENDED) == []
    submit(campaign, people[1])

    expected = {"campaign": {"id": str(campaign.pk), "name": campaign.name}, "because": "all reviewed"}
    assert told(Event.CAMPAIGN_ENDED) == [expected]


def test_gold_is_no_disagreement_and_no_work_that_a_campaign_waits_for(webhook):
    webhook(Event.CAMPAIGN_ENDED, Event.DISAGREEMENT)
    campaign, _ = drawn(1)
    known = GenerationFactory.create(outputs=1)
    CampaignUnit.objects.create(campaign=campaign, generation=known, is_gold=True)
    met = CampaignUnit.objects.create(campaign=campaign, generation=GenerationFactory.create(outputs=1), is_gold=True)
    work = AssignmentFactory.create(unit=met)
    (output,) = work.kept_outputs
    AssessmentFactory.create(output=output, rubric=campaign.rubric)  # the judge, passing

    queue.submit(work, work.annotator, {str(output.pk): {"labels": FAILING["interest"], "comment": ""}})
    assert told(Event.CAMPAIGN_ENDED) == []
    submit(campaign, UserFactory.create())

    assert told(Event.DISAGREEMENT) == []
    assert [one["because"] for one in told(Event.CAMPAIGN_ENDED)] == ["all reviewed"]


def test_an_alert_of_the_judge_is_told_in_its_words(webhook):
    webhook(Event.JUDGE_ALERT)

    events.judge_alert("The judge disagrees more than last week.", {"kind": "tag", "cusum": 5.2})

    facts = {"kind": "tag", "cusum": 5.2}
    assert told(Event.JUDGE_ALERT) == [{"message": "The judge disagrees more than last week.", "facts": facts}]


def test_a_run_that_ends_is_told_with_its_state(webhook):
    webhook(Event.RUN_FINISHED)
    run = PipelineRunFactory.create(batch=uuid4())

    runs.cancel_run(run)

    (found,) = told(Event.RUN_FINISHED)
    assert (found["run"], found["state"], found["shopper"]) == (str(run.pk), "cancelled", run.shopper.external_id)
    assert found["batch"] == str(run.batch)


def test_a_run_that_its_worker_ends_is_told_with_the_reason(webhook):
    webhook(Event.RUN_FINISHED)
    run = PipelineRunFactory.create()  # nobody serves its first stage

    pipeline.advance(run.pk)

    (found,) = told(Event.RUN_FINISHED)
    assert (found["run"], found["state"], found["batch"]) == (str(run.pk), "failed", None)
    assert "No language model serves" in found["error"]


@pytest.fixture
def population(monkeypatch: pytest.MonkeyPatch) -> Callable[..., PopulationJob]:
    """Starts a job for two shoppers."""
    for task in (tasks.advance_population, tasks.advance_chunk):
        monkeypatch.setattr(task, "apply_async_on_commit", lambda **sent: None)
    material.serving()
    material.made(2, age="25-34")
    return lambda **options: material.started(stages="interests", **options)


def test_a_population_that_is_done_is_told_once_and_its_runs_are_not(webhook, population):
    webhook(Event.RUN_FINISHED, Event.POPULATION_ENDED)

    done = material.worked(population(), RecordedEngine(material.good))

    assert told(Event.RUN_FINISHED) == []
    assert told(Event.POPULATION_ENDED) == [
        {
            "population": str(done.pk),
            "query": "all",
            "state": "done",
            "shoppers": 2,
            "done": 2,
            "skipped": 0,
            "failed": 0,
            "error": "",
        }
    ]


def test_runs_of_a_population_are_told_where_it_was_asked_for(webhook, population):
    webhook(Event.RUN_FINISHED)

    done = material.worked(population(tells_runs=True), RecordedEngine(material.good))

    assert {found["run"] for found in told(Event.RUN_FINISHED)} == {str(run.pk) for run in done.runs.all()}


def test_a_population_that_is_cancelled_or_fails_is_told_with_the_reason(webhook, population):
    webhook(Event.POPULATION_ENDED)
    cancelled = populations.cancel(population())
    populations.cancel(cancelled)
    failed = population(language="de")
    planning.fail(failed.pk, "No model.")
    planning.fail(failed.pk, "Once more.")
    gone = populations.start(query="age=25-34", stages=["interests"], by=None)
    Shopper.objects.update(attributes={})
    material.written_down(gone)

    assert [(found["population"], found["state"]) for found in told(Event.POPULATION_ENDED)] == [
        (str(cancelled.pk), "cancelled"),
        (str(failed.pk), "failed"),
        (str(gone.pk), "failed"),
    ]
    assert told(Event.POPULATION_ENDED)[1]["error"] == "No model."
    assert "age" in told(Event.POPULATION_ENDED)[2]["error"]


@pytest.mark.django_db(transaction=True)
def test_of_two_who_submit_the_last_two_at_once_one_ends_the_campaign(webhook):
    webhook(Event.CAMPAIGN_ENDED)
    campaign, _ = drawn(2)
    works = [queue.next_assignment(campaign, person) for person in UserFactory.create_batch(2)]
    both_stored = threading.Barrier(2, timeout=20)
    failures: list[BaseException] = []

    def last_submit(work: Assignment) -> None:
        try:
            answers = {str(one.pk): {"labels": PASSING["interest"], "comment": ""} for one in work.kept_outputs}
            queue.submit(work, work.annotator, answers)
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    # Both have stored their labels before either asks whether the campaign is through.
    asked = listeners.is_reviewed

    def ask_together(which: Campaign) -> bool:
        both_stored.wait()
        return asked(which)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listeners, "is_reviewed", ask_together)
        threads = [threading.Thread(target=last_submit, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert failures == []
    assert len(told(Event.CAMPAIGN_ENDED)) == 1
