"""What protects the site: settings of a deployment, headers of every page, cookies, CSRF."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as project
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from judge.models import Alert, Assignment, Backfill, FileImport, Gold, JudgeCheck, Panel, Proposal, Rubric, Trial
from recgpt_site.models import Delivery, Webhook
from recommend.models import JobState, PopulationJob, Recommendation
from tests.judge.factories import AssignmentFactory, JudgeFactory, UserFactory
from tests.recommend.factories import ItemFactory, OutputFactory, PipelineRunFactory
from training.models import DataSet

ROOT = Path(__file__).resolve().parents[2]
API = ("/api/docs/", "/api/schema/", "/api/v1/items/")
DEPLOYED = {
    "DEBUG": "0",
    "SECRET_KEY": "0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "ALLOWED_HOSTS": "studio.example",
    "DATABASE_URL": "postgresql://studio:secret@db.example/studio",
    "REDIS_URL": "redis://cache.example:6379/0",
    "LLM_BASE_URL": "http://gpu.example:8000/v1",
    "LLM_MODEL": "qwen3",
}


def manage(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py as a deployment would, with nothing but `env` set."""
    clean = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **env}
    command = [sys.executable, "manage.py", *args]
    return subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, timeout=120, check=False)


def deployed(**env: str) -> dict[str, Any]:
    """The settings of a deployment, as far as they are plain values."""
    code = (
        "import json; from django.conf import settings; "
        "print(json.dumps({name: getattr(settings, name) for name in dir(settings) if name.isupper()}, default=str))"
    )
    result = manage("shell", "--no-imports", "-c", code, **(DEPLOYED | env))
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_deployment_has_nothing_to_complain_of():
    result = manage("check", "--deploy", "--fail-level", "WARNING", **DEPLOYED)

    assert result.returncode == 0, result.stderr


def test_a_deployment_without_a_secret_key_does_not_start():
    result = manage("check", **{name: value for name, value in DEPLOYED.items() if name != "SECRET_KEY"})

    assert result.returncode != 0
    assert "SECRET_KEY" in result.stderr


def test_a_deployment_speaks_https_only_and_scripts_do_not_read_its_session():
    settings = deployed()

    assert settings["SESSION_COOKIE_SECURE"]
    assert settings["CSRF_COOKIE_SECURE"]
    assert settings["SESSION_COOKIE_HTTPONLY"]
    assert settings["SESSION_COOKIE_SAMESITE"] == "Lax"
    assert settings["SECURE_SSL_REDIRECT"]
    assert settings["SECURE_HSTS_SECONDS"] > 0
    # Without a proxy of ours in front, anybody could send the header that says so.
    assert settings["SECURE_PROXY_SSL_HEADER"] is None


def test_behind_a_proxy_its_word_on_the_protocol_counts():
    assert deployed(BEHIND_PROXY="1")["SECURE_PROXY_SSL_HEADER"] == ["HTTP_X_FORWARDED_PROTO", "https"]


def addresses(resolver: URLResolver, prefix: str = "") -> list[str]:
    """Every address of ours, with placeholders, without the API's and the admin's."""
    found = []
    for one in resolver.url_patterns:
        route = prefix + str(one.pattern)
        if isinstance(one, URLResolver):
            found += [] if route.startswith(("api/", "admin/")) else addresses(one, route)
        elif isinstance(one, URLPattern):
            found.append("/" + route)
    return found


@pytest.fixture
def assignment(db: None) -> Assignment:
    return AssignmentFactory.create()


@pytest.fixture
def pages(assignment: Assignment) -> list[str]:
    """Every address of ours with ids that exist, and some beside them."""
    work, rubric, judge = assignment.unit.generation, assignment.unit.campaign.rubric, JudgeFactory.create()
    gold = {"generation": work, "rubric": rubric, "labels": {}, "source": "hand", "by": UserFactory.create()}
    hook = Webhook.objects.create(url="https://hooks.example/", events=["judge.alert"], secret="whsec_x")
    draft = Rubric.objects.create(kind=rubric.kind, title="Draft", in_use_since=None)
    proposal = Proposal.objects.create(
        rater=judge, current=rubric, draft=draft, optimizer="a.b", fed_shoppers=[], n_corrections=1
    )
    run, item = PipelineRunFactory.create(share_key=uuid4(), state=JobState.DONE), ItemFactory.create()
    Recommendation.objects.create(run=run, item=item, rank=1, score=1.0, collaborative=1.0, semantic=0.0)
    ids = {  # by the last folder before an id
        "alerts": Alert.objects.create(signal="drift", rater=judge, rubric=rubric, about="2026-01-05", facts={}).pk,
        "assignments": assignment.pk,
        "campaigns": assignment.unit.campaign_id,
        "runs": run.pk,
        "compare": run.pk,
        "with": run.pk,
        "shared": run.share_key,
        "why": item.pk,
        "adjudication": OutputFactory.create(generation=work).pk,
        "rubrics": rubric.pk,
        "checks": JudgeCheck.objects.create(rater=judge, rubric=rubric, budget=1, version={}).pk,
        "proposals": proposal.pk,
        "trials": Trial.objects.create(proposal=proposal, budget=20, version={}).pk,
        "backfills": Backfill.objects.create(
            rater=judge, rubric=rubric, stage="interests", max_calls=1, n_outputs=1, n_to_ask=1
        ).pk,
        "populations": PopulationJob.objects.create(query="all", steps=["history", "interests"]).pk,
        "import": FileImport.objects.create(what="labels", name="labels.csv", n_bytes=1).pk,
        "generations": work.pk,
        "gold": Gold.objects.create(**gold).pk,
        "models": judge.language_model_id,
        "panels": Panel.objects.create(name="both").pk,
        "sets": DataSet.objects.create(name="Tags of spring", stage="self-training", query={}).pk,
        "webhooks": hook.pk,
        "deliveries": Delivery.objects.create(webhook=hook, event="judge.alert", data={}).pk,
    }
    filled = []
    for address in addresses(get_resolver()):
        filled.append(re.sub(r"(\w+)/<uuid:\w+>", lambda match: f"{match[1]}/{ids[match[1]]}", address))
        filled[-1] = filled[-1].replace("<slug:name>", "raters").replace("<slug:stage>", "judge")
    assert not [address for address in filled if "<" in address]
    return [
        *filled,
        "/nowhere/",
        "/admin/",
        "/admin/judge/campaign/add/",
        "/api/docs/",
        "/api/schema/",
        "/api/v1/items/",
    ]


def check_headers(response) -> None:
    policy = response["Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";") if rule.strip())
    assert "unsafe" not in policy
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == "'self'"
    assert rules["frame-ancestors"] == rules["base-uri"] == "'none'"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("role", ["", "annotator", "lead", "admin"])
def test_every_page_has_the_policy_and_the_headers_for_everybody(client: Client, pages, assignment, role):
    if role == "admin":
        assignment.annotator.is_superuser = assignment.annotator.is_staff = True
        assignment.annotator.save()
    if role:
        user = assignment.annotator if role in ("annotator", "admin") else UserFactory.create(role=role)
        client.force_login(user)

    assert len(pages) > 15
    for page in pages:
        response = client.get(page)
        assert response.status_code < 500, page
        check_headers(response)


def test_no_page_has_anything_inline(client: Client, pages, assignment):
    assignment.annotator.is_superuser = assignment.annotator.is_staff = True
    assignment.annotator.save()
    client.force_login(assignment.annotator)

    for page in pages:
        response = client.get(page)
        if not response.get("Content-Type", "").startswith("text/html"):
            continue
        text = response.content.decode()
        assert "<style" not in text, page
        assert " style=" not in text, page
        assert "javascript:" not in text, page
        assert " onclick=" not in text, page
        assert " onload=" not in text, page
        assert all(
            "src=" in part.split(">")[0] or "json" in part.split(">")[0] for part in text.split("<script")[1:]
        ), page


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["/demo/runs/", "/login/", "/api/v1/pipeline-runs/"])
def test_a_post_without_its_csrf_token_is_refused(page):
    client = Client(enforce_csrf_checks=True)
    client.force_login(UserFactory.create())

    assert client.post(page, {}, content_type="application/json").status_code == 403


@pytest.mark.django_db
def test_the_pages_of_the_signed_in_are_closed_to_the_signed_out(client, pages, settings):
    settings.METRICS_TOKEN = "a long secret"  # so that there are metrics
    open_to_all = {"/login/", "/logout/", "/healthz", "/api/docs/", "/api/schema/", "/nowhere/"}

    for page in pages:
        if page in open_to_all:
            continue
        assert client.get(page).status_code in (302, 401, 405), page


def test_passwords_are_long_and_not_common():
    validators = str(project.AUTH_PASSWORD_VALIDATORS)

    assert "MinimumLengthValidator" in validators
    assert "CommonPasswordValidator" in validators
