"""A run's progress as a stream of events: what it says, when it ends, and that it holds no thread for long."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from recommend.api import run_events
from recommend.models import JobState, PipelineRun
from tests.judge.factories import UserFactory
from tests.recommend.factories import GenerationFactory, OutputFactory, PipelineRunFactory
from tests.site.api.clients import client_of, lead, problem

# Real transactions: a stream gives its connection back between two looks.
pytestmark = pytest.mark.django_db(transaction=True)
FINISHED = {"state": JobState.DONE, "step": "finished"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_events, "LOOK_S", 0.01)


def said(event: bytes) -> tuple[str, str, dict[str, Any]]:
    """Name, id and data of an event."""
    fields = dict(line.split(": ", 1) for line in event.decode().strip().splitlines())
    return fields["event"], fields["id"], json.loads(fields["data"])


def changed(run: PipelineRun, **values: Any) -> None:
    PipelineRun.objects.filter(pk=run.pk).update(**values)


def test_a_stream_tells_each_change_and_ends_with_the_run():
    run = PipelineRunFactory.create()
    events: Iterator[bytes] = run_events.stream(run.pk, "")
    assert next(events) == b"retry: 2000\n\n"

    queued = said(next(events))
    changed(run, state=JobState.RUNNING, step="interests")
    running = said(next(events))
    OutputFactory.create(generation=GenerationFactory.create(run=run))
    asked = said(next(events))
    changed(run, **FINISHED)
    ended = said(next(events))

    assert [event[0] for event in (queued, running, asked, ended)] == ["progress", "progress", "progress", "end"]
    assert len({event[1] for event in (queued, running, asked, ended)}) == 4
    assert [step["state"] for step in running[2]["progress"]] == ["done", "running", "waiting", "waiting", "waiting"]
    assert asked[2]["calls"] == {"done": 1, "failed": 0}
    assert (ended[2]["state"], ended[2]["is_active"]) == ("done", False)
    assert list(events) == []


def test_what_a_client_has_seen_is_not_told_again():
    run = PipelineRunFactory.create()
    seen = said(list(take(run_events.stream(run.pk, ""), 2))[1])[1]
    events = run_events.stream(run.pk, seen)
    next(events)
    changed(run, state=JobState.RUNNING)

    assert said(next(events))[2]["state"] == "running"


def take(events: Iterator[bytes], n: int) -> Iterator[bytes]:
    for _ in range(n):
        yield next(events)
    events.close()  # type: ignore[attr-defined]  # a generator


def test_a_stream_of_a_run_that_lasts_ends_by_itself(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(run_events, "STREAM_S", 0.1)
    run = PipelineRunFactory.create()
    started = time.monotonic()

    events = list(run_events.stream(run.pk, ""))

    assert len(events) == 2
    assert time.monotonic() - started < 2


def test_who_finds_no_place_is_told_what_is_new_and_sent_away_at_once(settings):
    settings.EVENT_STREAMS = 1
    run = PipelineRunFactory.create()
    waiting = run_events.stream(run.pk, "")
    next(waiting), next(waiting)  # it has the one place

    turned_away = list(run_events.stream(run.pk, ""))
    waiting.close()  # type: ignore[attr-defined]
    again = run_events.stream(run.pk, "")
    next(again), next(again)
    changed(run, **FINISHED)

    assert [said(event)[0] for event in turned_away[1:]] == ["progress"]
    assert said(next(again))[0] == "end"


def test_the_stream_of_an_ended_run_says_so_once_and_then_that_there_is_no_more():
    run = PipelineRunFactory.create(**FINISHED)
    client = lead()
    address = f"/api/v1/pipeline-runs/{run.pk}/events/"

    response = client.get(address, HTTP_ACCEPT="text/event-stream")
    events = list(response.streaming_content)
    _, number, _ = said(events[1])

    assert response["Content-Type"] == "text/event-stream"
    assert len(events) == 2
    assert client.get(address, HTTP_LAST_EVENT_ID=number).status_code == 204


def test_only_who_may_see_the_run_hears_of_it():
    run = PipelineRunFactory.create(**FINISHED, created_by=UserFactory.create())

    problem(client_of(UserFactory.create()).get(f"/api/v1/pipeline-runs/{run.pk}/events/"), 404)
