"""The demo: choose a shopper, run the pipeline, watch it work."""

from __future__ import annotations

from http import HTTPStatus
from typing import cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from recommend import access, displays, selectors, services
from recommend.forms import RunForm, matching_shoppers
from recommend.http import Request
from recommend.models import LanguageModel

SHOPPERS_PER_PAGE = 12
N_RECENT = 8


@login_required
@require_GET
def demo(request: HttpRequest) -> HttpResponse:
    """Choose a shopper; htmx asks for the list alone while somebody types."""
    return _demo(cast("Request", request), RunForm(initial={"beta": 0.5, "n_items": 6}))


def _demo(request: Request, form: RunForm, status: int = HTTPStatus.OK) -> HttpResponse:
    query = request.GET.get("q", "").strip()
    page = Paginator(matching_shoppers(query), SHOPPERS_PER_PAGE).get_page(request.GET.get("page"))
    wanted = str(form["shopper"].value() or request.GET.get("shopper", ""))
    shown = [str(shopper.pk) for shopper in page]
    # One is always chosen, so that Run works at once: where a search hides the one that was, the first that it found.
    chosen = wanted if wanted in shown else next(iter(shown), "")
    context = {"query": query, "page": page, "form": form, "chosen": chosen}
    if request.htmx:
        return render(request, "recommend/partials/shoppers.html", context)
    context["recent"] = access.visible_runs(request.user).select_related("shopper")[:N_RECENT]
    context["models"] = LanguageModel.objects.filter(state=LanguageModel.State.SERVING)
    return render(request, "recommend/demo.html", context, status=status)


@login_required
@require_POST
def run_create(request: HttpRequest) -> HttpResponse:
    """Start a run and go to its page."""
    form = RunForm(request.POST)
    if form.is_valid():
        try:
            run, _ = services.start_run(
                shopper=form.cleaned_data["shopper"],
                by=cast("Request", request).user,
                beta=form.cleaned_data["beta"],
                n_items=form.cleaned_data["n_items"],
            )
        except services.InvalidRunError as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
        else:
            return redirect(run)
    return _demo(cast("Request", request), form, HTTPStatus.UNPROCESSABLE_ENTITY)


@login_required
@require_GET
@never_cache
def run_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A run as far as it is; htmx asks with the fingerprint of what it shows, and hears of changes only."""
    asked = cast("Request", request)
    if not access.visible_runs(asked.user).filter(pk=pk).exists():
        raise Http404
    view = displays.run_page(selectors.run_for_display(pk))
    if asked.htmx and request.GET.get("seen") == view.fingerprint:
        # Nothing new: no swap, so nothing that was opened or selected on the page is lost.
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    template = "recommend/partials/run.html" if asked.htmx else "recommend/run_detail.html"
    return render(request, template, {"view": view, "run": view.run.run})


@login_required
@require_POST
def run_cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stop a run; what it has made stays."""
    run = services.cancel_run(get_object_or_404(access.visible_runs(request.user), pk=pk))
    if run.state == "cancelled":
        messages.info(request, "Cancelled. What was made before stays on this page.")
    return redirect(run)
