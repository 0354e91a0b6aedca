"""A language model that is down or cannot be asked, as the caller of a run sees it: by REST and on the page."""

import socket

import pytest
from django.test import Client

from recommend import pipeline, services
from recommend.engines import factory
from recommend.engines.openai import OpenAIEngine
from recommend.models import PipelineRun
from recommend.roles import ANNOTATOR
from tests.judge.factories import UserFactory
from tests.recommend.populations import material
from tests.site.api.clients import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> str:
    """Where no server listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}/v1"
    engine = OpenAIEngine(address, max_attempts=2, backoff_s=0.001)
    monkeypatch.setattr(factory, "from_settings", lambda name="openai": engine)
    return address


def test_a_run_ends_with_the_address_and_the_remedy_by_rest_and_on_its_page(address: str, client: Client):
    material.serving()
    (shopper,) = material.made(1)
    user = UserFactory.create(role=ANNOTATOR)
    run, _ = services.start_run(shopper=shopper, by=user)

    while (advanced := pipeline.advance(run.pk)) is not None and advanced.is_active:
        pass

    said = client_of(user).get(f"/api/v1/pipeline-runs/{run.pk}/").json()
    client.force_login(user)
    page = client.get(run.get_absolute_url()).content.decode()
    assert (said["state"], said["step"]) == ("failed", "interests")
    for words in (f"No answer from {address} in 2 attempts", "Start the server there, or name another in LLM_BASE_URL"):
        assert words in said["error"]
        assert words in page
    assert PipelineRun.objects.get().history["lines"]  # what was done stays


def test_a_model_whose_engine_there_is_not_fails_its_run_with_those_there_are(client: Client):
    material.serving(engine="oracle")
    (shopper,) = material.made(1)
    user = UserFactory.create(role=ANNOTATOR)
    run, _ = services.start_run(shopper=shopper, by=user)

    while (advanced := pipeline.advance(run.pk)) is not None and advanced.is_active:
        pass

    said = client_of(user).get(f"/api/v1/pipeline-runs/{run.pk}/").json()
    assert said["state"] == "failed"
    assert said["error"] == "No engine is called 'oracle'; there is openai and vllm. Set the model's engine in /admin/."
