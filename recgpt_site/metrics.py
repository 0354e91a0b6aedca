"""What a monitoring system asks for regularly: counts and the recall of the vector index, in Prometheus' text format.

Everything is read from the database at the moment of asking, so that any web process gives the same answer.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator

from django.conf import settings
from django.db.models import Count, Min
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from judge.models import Campaign
from recgpt_site.models import Delivery
from recommend.models import JobState, PipelineRun, PopulationJob, RetrievalIndex, VectorAlias


@require_GET
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """The metrics, for who knows METRICS_TOKEN; without one set there are none."""
    given = request.headers.get("Authorization", "")
    if not settings.METRICS_TOKEN:
        raise Http404
    if not hmac.compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode()):
        return HttpResponse("Send METRICS_TOKEN as a bearer token.\n", status=401, content_type="text/plain")
    registry = CollectorRegistry()
    registry.register(Database())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


class Database(Collector):
    """What the database holds, in a handful of queries; none reads a table that grows with behaviours or outputs."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield _by_state("recgpt_runs", "Pipeline runs.", PipelineRun)
        yield _by_state("recgpt_population_jobs", "Population jobs.", PopulationJob)
        oldest = PipelineRun.objects.filter(state=JobState.QUEUED, population=None).aggregate(at=Min("created_at"))[
            "at"
        ]
        yield GaugeMetricFamily(
            "recgpt_oldest_queued_run_seconds",
            "How long the run that waits longest has waited; those of population jobs do not count.",
            value=(timezone.now() - oldest).total_seconds() if oldest else 0.0,
        )
        yield from _vectors()
        yield from _fit()
        yield GaugeMetricFamily(
            "recgpt_campaigns_active",
            "Campaigns that people review.",
            value=Campaign.objects.filter(state=Campaign.State.ACTIVE).count(),
        )
        yield GaugeMetricFamily(
            "recgpt_webhook_deliveries_waiting",
            "Events that are still to be delivered.",
            value=Delivery.objects.filter(state=Delivery.State.PENDING).count(),
        )


def _by_state(name: str, what: str, model: type[PipelineRun] | type[PopulationJob]) -> GaugeMetricFamily:
    found = GaugeMetricFamily(name, f"{what} By the state they are in.", labels=["state"])
    counted = dict(model._default_manager.order_by().values_list("state").annotate(Count("pk")))
    for state in JobState.values:
        found.add_metric([state], counted.get(state, 0))
    return found


def _vectors() -> Iterator[GaugeMetricFamily]:
    """Of each alias the version that is searched."""
    recall = GaugeMetricFamily(
        "recgpt_vector_index_recall_at_100",
        "Share of the exact 100 nearest that a search finds, when it was last measured.",
        labels=["alias", "kind"],
    )
    probed = GaugeMetricFamily(
        "recgpt_vector_index_probed_timestamp_seconds", "When that was.", labels=["alias", "kind"]
    )
    size = GaugeMetricFamily("recgpt_vector_index_vectors", "Vectors that are searched.", labels=["alias", "kind"])
    for alias in VectorAlias.objects.select_related("version").order_by("name"):
        labels = [alias.name, alias.version.kind]
        size.add_metric(labels, alias.version.n_vectors)
        if alias.version.recall is not None and alias.version.probed_at is not None:
            recall.add_metric(labels, alias.version.recall)
            probed.add_metric(labels, alias.version.probed_at.timestamp())
    yield from (recall, probed, size)


def _fit() -> Iterator[GaugeMetricFamily]:
    """What the collaborative arm that serves was fitted to; nothing before the first fit."""
    fitted = RetrievalIndex.objects.newest(RetrievalIndex.Kind.COOCCURRENCE)
    if fitted is None:
        return
    yield GaugeMetricFamily("recgpt_fitted_items", "Items that retrieval was fitted to.", value=fitted.n_items)
    yield GaugeMetricFamily("recgpt_fitted_behaviors", "Behaviours that it was fitted to.", value=fitted.n_behaviors)
    yield GaugeMetricFamily(
        "recgpt_fitted_timestamp_seconds", "When retrieval was fitted.", value=fitted.created_at.timestamp()
    )
