"""How popular a run's items are, as a part of its page or as a page."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from recommend import access, exposure, exposure_charts
from recommend.http import Request
from recommend.models import PipelineRun
from recommend.retrieval.errors import NotFittedError
from recommend.sources import SourceError


@login_required
@require_GET
@never_cache
def run_exposure(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A run's items by popularity, beside the most popular ones."""
    run = get_object_or_404(access.visible_runs(request.user).select_related("shopper"), pk=pk)
    return _exposure(cast("Request", request), run, run.get_absolute_url())


@login_required
@require_GET
@never_cache
def shared_exposure(request: HttpRequest, key: UUID) -> HttpResponse:
    """The same for who has the run's link."""
    run = get_object_or_404(access.shared_runs(request.user).select_related("shopper"), share_key=key)
    return _exposure(cast("Request", request), run, run.shared_url)


def _exposure(request: Request, run: PipelineRun, page: str) -> HttpResponse:
    context: dict[str, object] = {"run": run, "page": page}
    try:
        found = exposure.exposure_of(run)
        context |= {"found": found, "chart": exposure_charts.chart(found)}
    except (NotFittedError, SourceError) as error:
        context["problem"] = str(error)
    # htmx asks for the part that opens on the run's page; a browser without scripts for the whole page.
    return render(request, "recommend/partials/exposure.html" if request.htmx else "recommend/exposure.html", context)
