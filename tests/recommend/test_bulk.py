"""Many runs by one call: a line, an answer; limits; and results as lines or an array."""

import json
from typing import Any

import pytest

from recommend.api import bulk
from recommend.models import AuditEntry, PipelineRun
from tests.judge.factories import UserFactory
from tests.recommend.factories import ItemFactory, PipelineRunFactory
from tests.recommend.test_api import finished_run
from tests.site.api.clients import client_of, lead, problem

pytestmark = pytest.mark.django_db
BULK, RESULTS = "/api/v1/pipeline-runs/bulk/", "/api/v1/pipeline-runs/results/"
SOUP = {"kind": "purchase", "sku": "S-1", "occurred_at": "2017-12-20"}
LINE = {"history": [SOUP], "steps": ["items"]}


@pytest.fixture(autouse=True)
def soup() -> None:
    ItemFactory.create(sku="S-1")


def sent(body: bytes, client: Any = None) -> Any:
    return (client or lead()).post(BULK, body, content_type=bulk.MEDIA_TYPE)


def answers(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 200
    return [json.loads(line) for line in b"".join(response.streaming_content).splitlines()]


def test_each_line_is_answered_by_its_own_run_or_problem():
    lines = [
        json.dumps(LINE | {"beta": 0.1}),
        "",
        json.dumps(LINE | {"beta": 2}),
        "{soup",
        "[1]",
        json.dumps({"history": [SOUP | {"sku": "S-9"}]}),
        json.dumps(LINE | {"priority": 0}),
    ]

    response = sent("\n".join(lines).encode())
    told = answers(response)

    assert [(one["line"], one["status"]) for one in told] == [
        (1, 202),
        (3, 400),
        (4, 400),
        (5, 400),
        (6, 400),
        (7, 202),
    ]
    assert "beta" in told[1]["problem"]["detail"]
    assert "It is no JSON" in told[2]["problem"]["detail"]
    assert "no JSON object" in told[3]["problem"]["detail"]
    assert told[4]["problem"]["errors"][0]["pointer"] == "#/history/0"
    runs = PipelineRun.objects.order_by("pk")
    assert [(run.beta, run.priority) for run in runs] == [(0.1, 9), (0.5, 0)]
    assert {str(run.batch) for run in runs} == {response["RecGPT-Batch"]}
    assert told[0]["run"]["id"] == str(runs[0].pk)


def test_a_line_with_a_key_is_one_run_however_often_it_is_sent():
    client = lead()
    line = json.dumps(LINE | {"idempotency_key": "k"}).encode()

    first, again = (answers(sent(line, client))[0] for _ in range(2))
    other = answers(sent(json.dumps(LINE | {"idempotency_key": "k", "beta": 0.9}).encode(), client))[0]

    assert (first["status"], again["status"], other["status"]) == (202, 200, 409)
    assert first["run"]["id"] == again["run"]["id"]
    assert other["problem"]["type"] == "urn:recgpt-studio:problem:idempotency-key-reused"


def test_too_many_lines_are_refused_before_the_first_is_taken(settings):
    settings.BULK_MAX_LINES = 3

    body = problem(sent(b"\n".join([json.dumps(LINE).encode()] * 5)), 413)

    assert "4 lines; at most 3 are taken at once, and none was." in body["detail"]
    assert not PipelineRun.objects.exists()
    assert len(answers(sent(json.dumps(LINE).encode()))) == 1  # the place is free again


def test_too_many_bytes_are_refused_unread(settings):
    settings.BULK_MAX_BYTES = 10

    assert "at most 10 are taken" in problem(sent(json.dumps(LINE).encode()), 413)["detail"]


def test_a_line_that_is_too_long_is_its_own_problem(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 200
    long = json.dumps(LINE | {"attributes": {"note": "x" * 500}})

    told = answers(sent(f"{long}\n{json.dumps(LINE)}".encode()))

    assert [one["status"] for one in told] == [400, 202]
    assert "longer than 200 bytes" in told[0]["problem"]["detail"]


@pytest.mark.django_db(transaction=True)  # closing an answer gives its connection back
def test_a_second_file_waits_and_who_stops_reading_starts_no_more():
    body = b"\n".join([json.dumps(LINE).encode()] * 3)
    first = sent(body)
    stream = iter(first.streaming_content)
    next(stream)

    refused = sent(body)
    first.close()

    assert (refused.status_code, refused["Retry-After"]) == (503, "30")
    assert PipelineRun.objects.count() == 1
    assert len(answers(sent(body))) == 3


def test_an_empty_body_says_what_is_wanted():
    assert "a JSON object a line" in problem(sent(b""), 400)["detail"]


def test_the_audit_log_knows_who_asked_and_by_which_door():
    user = UserFactory.create(username="engineer")

    answers(sent(json.dumps(LINE).encode(), client_of(user)))

    entry = AuditEntry.objects.get(verb="run.started")
    assert (entry.actor, entry.via) == ("engineer", "api")


def test_results_are_lines_or_an_array_the_oldest_first():
    runs = [finished_run() for _ in range(3)]
    PipelineRunFactory.create()
    client = lead()

    lines = client.get(RESULTS, {"state": "done"})
    array = client.get(RESULTS, {"state": "done", "format": "json"})

    assert lines["Content-Type"] == bulk.MEDIA_TYPE
    assert [one["id"] for one in answers(lines)] == [str(run.pk) for run in runs]
    found = json.loads(b"".join(array.streaming_content))
    singly = [client.get(f"/api/v1/pipeline-runs/{run.pk}/").json() for run in runs]
    assert without_clock(found) == without_clock(singly)


def without_clock(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one | {"elapsed_s": 0} for one in results]


def test_results_go_on_where_the_last_answer_ended_and_are_filtered_by_batch():
    batch = answers(sent(b"\n".join([json.dumps(LINE).encode()] * 3)))[0]["run"]["batch"]
    PipelineRunFactory.create()
    client, seen, further = lead(), [], None
    while True:
        page = client.get(RESULTS, {"batch": batch, "limit": 2} | ({"after": further} if further else {}))
        seen += [one["id"] for one in answers(page)]
        further = page.get("RecGPT-Next")
        if not further:
            break

    assert seen == [
        str(pk) for pk in PipelineRun.objects.filter(batch=batch).order_by("pk").values_list("pk", flat=True)
    ]
    assert len(seen) == 3


def test_no_results_are_an_empty_array_and_those_of_others_are_not_there():
    finished_run(created_by=UserFactory.create())
    client = client_of(UserFactory.create())

    assert json.loads(b"".join(client.get(RESULTS, {"format": "json"}).streaming_content)) == []
    assert problem(client.get(RESULTS, {"format": "csv"}), 400)["errors"][0]["parameter"] == "format"
