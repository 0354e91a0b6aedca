"""The client in front of the web server as it is deployed, on a real database."""

import threading
import time
from collections.abc import Iterator

import pytest

from recgpt_client import NoAnswerError, RefusedError, Studio
from recgpt_client.types import Behavior, BulkLine
from recgpt_site.api import tokens
from recommend.models import JobState, PipelineRun
from recommend.roles import LEAD
from tests.judge.factories import UserFactory
from tests.recommend.factories import ItemFactory
from tests.recommend.test_api import finished_run

SOUP: Behavior = {"kind": "purchase", "sku": "S-1", "occurred_at": "2017-12-20", "quantity": 2}


@pytest.fixture
def studio(web_server: str) -> Iterator[Studio]:
    ItemFactory.create(sku="S-1")
    _, token = tokens.create(UserFactory.create(role=LEAD), name="test")
    with Studio(web_server, token=token) as studio:
        yield studio


def test_a_run_is_started_looked_at_and_cancelled(studio: Studio) -> None:
    run = studio.start_run(history=[SOUP], attributes={"age": "25-34"}, beta=0.25, steps=["items"])

    assert (run["state"], run["beta"], run["steps"]) == ("queued", 0.25, ["history", "items"])
    assert studio.run(run["id"])["progress"][0]["state"] == "waiting"
    assert studio.cancel(run["id"])["state"] == "cancelled"
    assert [one["id"] for one in studio.runs(state="cancelled")] == [run["id"]]
    assert list(studio.runs(state="done")) == []


def test_the_same_key_is_one_run_and_none_is_another_each_time(studio: Studio) -> None:
    first, again = (studio.start_run(history=[SOUP], idempotency_key="k") for _ in range(2))

    assert first["id"] == again["id"]
    assert studio.start_run(history=[SOUP])["id"] != studio.start_run(history=[SOUP])["id"]


def test_a_refusal_holds_the_servers_words(studio: Studio) -> None:
    with pytest.raises(RefusedError, match="no item has this sku") as refused:
        studio.start_run(history=[{**SOUP, "sku": "S-9"}])

    assert (refused.value.status, refused.value.type) == (400, "urn:recgpt-studio:problem:invalid-request")
    assert refused.value.faults[0]["pointer"] == "#/history/0"


def test_events_come_until_the_run_has_ended_and_so_does_the_wait(studio: Studio) -> None:
    run = studio.start_run(history=[SOUP])

    def work() -> None:
        for step, state in (("interests", JobState.RUNNING), ("tags", JobState.RUNNING), ("finished", JobState.DONE)):
            time.sleep(1.5)
            PipelineRun.objects.filter(pk=run["id"]).update(step=step, state=state)

    worker = threading.Thread(target=work)
    worker.start()
    told = list(studio.events(run["id"]))
    worker.join()

    assert [one["step"] for one in told] == ["history", "interests", "tags", "finished"]
    assert told[-1] | {"progress": []} == {
        "run": run["id"],
        "state": "done",
        "is_active": False,
        "step": "finished",
        "progress": [],
        "calls": {"done": 0, "failed": 0},
        "error": "",
    }
    assert studio.wait(run["id"])["state"] == "done"


def test_a_wait_that_is_too_long_says_where_the_run_stands(studio: Studio) -> None:
    run = studio.start_run(history=[SOUP])

    with pytest.raises(TimeoutError, match=r"queued after 0\.2 s"):
        studio.wait(run["id"], timeout_s=0.2)


def test_many_are_started_and_each_line_has_its_own_answer(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recgpt_client.client.LINES_AT_ONCE", 2)
    lines: list[BulkLine] = [
        {"history": [SOUP], "idempotency_key": "a"},
        {"shopper": "nobody"},
        {"history": [SOUP], "beta": 0.1},
    ]

    answers = list(studio.start_many(lines))

    assert [(one["line"], one["status"]) for one in answers] == [(1, 202), (2, 400), (3, 202)]
    assert "No shopper has this id" in answers[1]["problem"]["detail"]
    batches = {answers[0]["run"]["batch"], answers[2]["run"]["batch"]}
    assert len(batches) == 2  # a call each
    assert [one["id"] for one in studio.runs(batch=str(answers[0]["run"]["batch"]))] == [answers[0]["run"]["id"]]


def test_results_come_run_by_run(studio: Studio) -> None:
    runs = [finished_run() for _ in range(3)]

    results = list(studio.results(state="done"))

    assert [one["id"] for one in results] == [str(run.pk) for run in runs]
    assert results[0]["interests"][0]["tags"][0]["text"] == "family-size cola"
    assert results[0]["recommendations"][0]["item"]["title"] == "Cola 2 l"


def test_a_server_that_is_not_there_is_said_after_all_attempts() -> None:
    with (
        Studio("http://127.0.0.1:9", token="x", attempts=2) as studio,
        pytest.raises(NoAnswerError, match="not answer"),
    ):
        studio.run("1")
