"""docs/api.md says what the API does, and its page works under the content security policy."""

import re
from pathlib import Path

import pytest

from judge.api.assignments import CONFLICTS
from recgpt_site.api import problems
from recgpt_site.api.urls import router
from recommend.api.run_requests import RunRequest

DOCS = (Path(__file__).resolve().parents[3] / "docs" / "api.md").read_text()


def test_every_type_of_problem_is_documented_and_no_other():
    documented = set(re.findall(r"^\| `([a-z-]+)` \| 4\d\d", DOCS, re.M))

    running = {f"{job}-running" for job in ("population", "check", "trial", "backfill", "explanations")}
    of_data_sets = {f"data-set-{why}" for why in ("not-built", "in-work", "damaged")}
    others = {"invalid-request", "idempotency-key-reused", "not-tried"}
    assert documented == {*others, *running, *of_data_sets, *CONFLICTS.values()}
    assert problems.TYPE.format("invalid-request") in DOCS


def test_every_list_of_the_api_is_documented():
    for prefix, _, _ in router.registry:
        assert f"{prefix}/" in DOCS, prefix


def test_every_field_of_a_run_request_is_documented():
    rows = set(re.findall(r"^\| `(\w+)` \|", DOCS.split("**Sent twice")[0], re.M))

    assert rows == RunRequest().fields.keys()


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("width", [1280, 390])
def test_the_docs_page_renders_within_the_policy(new_page, width):
    page = new_page(width=width)  # fails where the policy stopped anything

    page.set_default_timeout(60_000)  # Swagger UI is 1.4 MB of script, and makes the schema's page in the browser
    page.goto("/api/docs/")

    page.locator("[data-tag=pipeline-runs]").click()
    page.get_by_text("/api/v1/pipeline-runs/", exact=True).first.wait_for()
    page.get_by_text("Start a run").first.click()
    page.get_by_text("Queue a run. The answer comes at once").first.wait_for()
