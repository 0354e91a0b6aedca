"""Why an item is in a run's list, as a part of its card or as a page."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from recommend import access, reasons
from recommend.forms import asked_beta
from recommend.http import Request
from recommend.models import PipelineRun
from recommend.sources import SourceError


@login_required
@require_GET
@never_cache
def run_why(request: HttpRequest, pk: UUID, item: UUID) -> HttpResponse:
    """Why an item is in a run's list."""
    run = get_object_or_404(access.visible_runs(request.user).select_related("shopper"), pk=pk)
    return _why(cast("Request", request), run, item, run.get_absolute_url())


@login_required
@require_GET
@never_cache
def shared_why(request: HttpRequest, key: UUID, item: UUID) -> HttpResponse:
    """The same for who has the run's link."""
    run = get_object_or_404(access.shared_runs(request.user).select_related("shopper"), share_key=key)
    return _why(cast("Request", request), run, item, run.shared_url)


def _why(request: Request, run: PipelineRun, item: UUID, page: str) -> HttpResponse:
    asked = asked_beta(request.GET)
    beta = run.beta if asked is None else asked
    found = reasons.recommendation_of(run, item, beta=beta)
    if found is None:
        raise Http404("The item is not in this list.")
    context = {"run": run, "page": page}
    try:
        context["why"] = reasons.why(run, found, beta=beta)
    except SourceError as error:
        context |= {"item": found.item, "problem": str(error)}
    # htmx asks for the part that opens in the card; a browser without scripts for the whole page.
    return render(request, "recommend/partials/why.html" if request.htmx else "recommend/why.html", context)
