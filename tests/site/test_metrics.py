"""/metrics: who may ask, and what it says."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from recommend.models import JobState, PipelineRun, RetrievalIndex, VectorAlias, VectorVersion
from tests.recommend.factories import PipelineRunFactory

pytestmark = pytest.mark.django_db
TOKEN = "a long secret of the deployment"


def told(client: Client) -> dict[tuple[str, ...], float]:
    """Name and labels -> value, as Prometheus' own parser reads them."""
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.content.decode())
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_without_a_token_set_there_are_none(client: Client):
    assert client.get("/metrics").status_code == 404


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}])
def test_who_does_not_know_the_token_is_told_nothing(client: Client, settings: Any, header: dict[str, str]):
    settings.METRICS_TOKEN = TOKEN

    answer = client.get("/metrics", headers=header)

    assert answer.status_code == 401
    assert b"recgpt_runs" not in answer.content
    assert client.post("/metrics").status_code == 405


def test_counts_and_the_recall_of_the_index_are_told(client: Client, settings: Any):
    settings.METRICS_TOKEN = TOKEN
    PipelineRunFactory.create_batch(2, state=JobState.DONE)
    waiting = PipelineRunFactory.create()
    PipelineRun.objects.filter(pk=waiting.pk).update(created_at=timezone.now() - timedelta(seconds=90))
    probed_at = datetime(2026, 11, 1, tzinfo=UTC)
    version = VectorVersion.objects.create(
        model="minilm", dimensions=384, kind="hnsw", n_vectors=2200, recall=0.97, n_probes=100, probed_at=probed_at
    )
    VectorAlias.objects.create(name="item-texts", version=version)
    RetrievalIndex.objects.create(n_items=70, n_behaviors=900, data=b"")

    found = told(client)

    assert (found["recgpt_runs", "done"], found["recgpt_runs", "queued"], found["recgpt_runs", "failed"]) == (2, 1, 0)
    assert found["recgpt_population_jobs", "running"] == 0
    assert found["recgpt_oldest_queued_run_seconds",] == pytest.approx(90, abs=60)
    assert found["recgpt_vector_index_recall_at_100", "item-texts", "hnsw"] == 0.97
    assert found["recgpt_vector_index_probed_timestamp_seconds", "item-texts", "hnsw"] == probed_at.timestamp()
    assert found["recgpt_vector_index_vectors", "item-texts", "hnsw"] == 2200
    assert (found["recgpt_fitted_items",], found["recgpt_fitted_behaviors",]) == (70, 900)
    assert (found["recgpt_campaigns_active",], found["recgpt_webhook_deliveries_waiting",]) == (0, 0)


def test_a_site_with_nothing_in_it_has_metrics_too(client: Client, settings: Any, django_assert_max_num_queries: Any):
    settings.METRICS_TOKEN = TOKEN

    with django_assert_max_num_queries(8):
        found = told(client)

    assert found["recgpt_oldest_queued_run_seconds",] == 0
    assert ("recgpt_fitted_items",) not in found
