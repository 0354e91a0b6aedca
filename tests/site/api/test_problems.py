"""Every refusal has one shape, whoever refuses."""

from typing import Any

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient
from rest_framework.throttling import UserRateThrottle

from recgpt_site.api.views import PipelineRunViewSet
from tests.judge.factories import UserFactory
from tests.site.api.clients import annotator, client_of, lead, problem

pytestmark = pytest.mark.django_db


def test_without_a_token_the_answer_says_how_to_get_one():
    body = problem(APIClient().get("/api/v1/pipeline-runs/"), 401)

    assert "create_token" in body["detail"]
    assert body["instance"] == "/api/v1/pipeline-runs/"
    assert body["type"] == "about:blank"


@pytest.mark.parametrize("path", ["/api/", "/api/v1/", "/api/v2/items/", "/api/v1/nothing/", "/api/v1/items/42/"])
@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_a_path_that_leads_nowhere_is_a_problem_for_everybody(path, method):
    problem(getattr(APIClient(), method)(path), 404)


def test_a_path_without_its_last_slash_is_told_of_it():
    body = problem(lead().post("/api/v1/pipeline-runs", {}), 404)

    assert "/api/v1/pipeline-runs/" in body["detail"]


def test_a_missing_row_is_a_problem():
    body = problem(lead().get("/api/v1/items/019b0000-0000-7000-8000-000000000000/"), 404)

    assert "not yours to see" in body["detail"]


def test_a_wrong_method_names_the_right_ones():
    response = lead().delete("/api/v1/pipeline-runs/")

    assert "GET, POST" in problem(response, 405)["detail"]
    assert "POST" in response["Allow"]


def test_a_role_that_may_not_is_told_which_may():
    body = problem(annotator().get("/api/v1/generations/"), 403)

    assert "lead" in body["detail"]
    assert "annotator" in body["detail"]


def test_each_bad_value_is_named_with_its_place_and_itself():
    wanted = {"shopper": "nobody", "beta": 1.5, "colour": "red", "n_items": "many"}

    first = problem(lead().post("/api/v1/pipeline-runs/", wanted), 400)
    del wanted["colour"]
    second = problem(lead().post("/api/v1/pipeline-runs/", wanted), 400)

    assert first["type"] == "urn:recgpt-studio:problem:invalid-request"
    assert [error["pointer"] for error in first["errors"]] == ["#/colour"]
    assert "Known here: shopper" in first["detail"]
    found = {error["pointer"]: error for error in second["errors"]}
    assert found.keys() == {"#/shopper", "#/beta", "#/n_items"}
    assert found["#/beta"]["value"] == 1.5
    assert found["#/shopper"]["value"] == "nobody"
    assert second["detail"].startswith("3 values")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "application/json"),
        (b'{"shopper": NaN}', "application/json"),
        (b"[]", "application/json"),
        (b'"text"', "application/json"),
        (b'{"shopper": "\\u0000"}', "application/json"),
        (b"\xff\xfe", "application/json"),
        (b'{"shopper": {"a": 1}, "beta": "nan"}', "application/json"),
    ],
)
def test_a_body_that_cannot_be_read_is_a_problem(body, kind):
    problem(lead().post("/api/v1/pipeline-runs/", body, content_type=kind), 400)


def test_another_media_type_is_a_problem():
    problem(lead().post("/api/v1/pipeline-runs/", b"a=1", content_type="application/x-www-form-urlencoded"), 415)


def test_a_body_that_is_too_large_is_refused_unread(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100

    body = problem(lead().post("/api/v1/pipeline-runs/", {"shopper": "x" * 200}), 413)

    assert "100" in body["detail"]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("?colour=red", "colour"),
        ("?cursor=nonsense", "cursor"),
        ("?cursor=cD14", "cursor"),
        ("?page_size=0", "page_size"),
        ("?page_size=9999", "page_size"),
        ("?state=asleep", "state"),
    ],
)
def test_a_bad_query_parameter_is_named(query, parameter):
    body = problem(lead().get(f"/api/v1/pipeline-runs/{query}"), 400)

    assert body["errors"][0]["parameter"] == parameter


def test_too_many_calls_are_told_when_to_come_back(monkeypatch):
    monkeypatch.setattr(UserRateThrottle, "THROTTLE_RATES", {"user": "2/min"})
    monkeypatch.setattr(UserRateThrottle, "timer", lambda throttle: 60_000_015.0)  # a quarter of a minute has gone by
    cache.clear()
    busy, calm = lead(), lead()

    statuses = [busy.get("/api/v1/items/").status_code for _ in range(3)]
    response = busy.get("/api/v1/items/")

    assert statuses == [200, 200, 429]
    assert "Try again in" in problem(response, 429)["detail"]
    assert response["Retry-After"] == "45"
    assert calm.get("/api/v1/items/").status_code == 200
    monkeypatch.setattr(UserRateThrottle, "timer", lambda throttle: 60_000_060.0)
    assert busy.get("/api/v1/items/").status_code == 200


def test_what_nobody_foresaw_is_a_problem_without_details_and_a_log_with_them(monkeypatch, caplog):
    def broken(self: Any) -> None:
        raise RuntimeError("secret of the database")

    monkeypatch.setattr(PipelineRunViewSet, "get_queryset", broken)
    client = client_of(UserFactory.create())
    client.raise_request_exception = False

    body = problem(client.get("/api/v1/pipeline-runs/"), 500)

    assert "secret" not in str(body)
    assert "secret of the database" in caplog.text


def test_a_session_needs_the_csrf_token_and_a_bearer_token_does_not():
    user = UserFactory.create()
    browser = APIClient(enforce_csrf_checks=True)
    browser.force_login(user)

    body = problem(browser.post("/api/v1/pipeline-runs/", {}), 403)

    assert "CSRF" in body["detail"]
    assert browser.get("/api/v1/pipeline-runs/").status_code == 200
    problem(client_of(user).post("/api/v1/pipeline-runs/", {}), 400)


def test_json_is_not_sniffed_and_not_framed():
    response = lead().get("/api/v1/items/")

    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Type"] == "application/json"
    assert response["X-Frame-Options"] == "DENY"
