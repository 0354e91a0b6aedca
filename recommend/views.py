"""The demo: choose a shopper, run the pipeline, watch it work."""

from __future__ import annotations

from http import HTTPStatus
from typing import cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from recommend import access, displays, handwritten, histories, selectors, services
from recommend.forms import BY_HAND, STORED, RunForm, asked_beta, matching_shoppers
from recommend.http import Request, read_id
from recommend.models import JobState, LanguageModel, PipelineRun, TagStrategy
from recommend.sources import SourceError

SHOPPERS_PER_PAGE = 12
N_RECENT = 12
EDITED = 100  # the newest behaviours of a run, to be edited by hand


@login_required
@require_GET
def demo(request: HttpRequest) -> HttpResponse:
    """Choose a shopper, or write a history; htmx asks for the list alone while somebody types."""
    asked = cast("Request", request)
    initial = {"source": STORED, "beta": 0.5, "n_items": 6, "tag_strategy": TagStrategy.DIRECT}
    if wanted := read_id(request.GET.get("edit", "")):
        run = get_object_or_404(access.visible_runs(asked.user).select_related("shopper"), pk=wanted)
        try:
            events = histories.load(run.shopper, run.reference_at).events[-EDITED:]
        except SourceError as error:
            messages.error(asked, str(error))
            events = []
        initial |= {"source": BY_HAND, "history": handwritten.write(events)}
        initial |= {"beta": run.beta, "n_items": run.n_items, "tag_strategy": run.tag_strategy}
    return _demo(asked, RunForm(initial=initial))


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
    context["recent"] = access.visible_runs(request.user).filter(population=None).select_related("shopper")[:N_RECENT]
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
                tag_strategy=form.cleaned_data["tag_strategy"] or TagStrategy.DIRECT,
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
    view = displays.run_page(selectors.run_for_display(pk), beta=asked_beta(request.GET))
    if asked.htmx and request.GET.get("seen") == view.fingerprint:
        # Nothing new: no swap, so nothing that was opened or selected on the page is lost.
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    template = "recommend/partials/run.html" if asked.htmx else "recommend/run_detail.html"
    context = {"view": view, "run": view.run.run, "is_own": True}
    if view.run.run.share_key:
        beta = f"?beta={view.beta:g}" if view.is_reranked else ""
        context["link"] = request.build_absolute_uri(view.run.run.shared_url + beta)
    return render(request, template, context)


@login_required
@require_GET
@never_cache
def run_ranking(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The items of a finished run by another weight of the arms, as htmx swaps them in while the slider moves."""
    run = get_object_or_404(access.visible_runs(request.user), pk=pk, state=JobState.DONE)
    return _ranking(request, run, is_shared=False)


def _ranking(request: HttpRequest, run: PipelineRun, *, is_shared: bool) -> HttpResponse:
    beta = asked_beta(request.GET)
    if beta is None:
        return HttpResponseBadRequest("beta is a number from 0 to 1.")
    view = displays.run_page(selectors.run_for_display(run.pk), beta=beta)
    is_own = access.visible_runs(request.user).filter(pk=run.pk).exists()
    context = {"view": view, "run": view.run.run, "is_own": is_own, "is_shared": is_shared, "reranks": True}
    response = render(request, "recommend/partials/cards.html", context)
    page = run.shared_url if is_shared else run.get_absolute_url()
    response["HX-Replace-Url"] = f"{page}?beta={beta:g}"  # so that the address leads back to this order
    return response


@login_required
@require_GET
@never_cache
def run_shared(request: HttpRequest, key: UUID) -> HttpResponse:
    """A run as its link shows it to others: all that it made, and nothing to press but the slider."""
    run = get_object_or_404(access.shared_runs(request.user), share_key=key)
    view = displays.run_page(selectors.run_for_display(run.pk), beta=asked_beta(request.GET))
    is_own = access.visible_runs(request.user).filter(pk=run.pk).exists()
    return render(request, "recommend/run_detail.html", {"view": view, "run": run, "is_shared": True, "is_own": is_own})


@login_required
@require_GET
@never_cache
def shared_ranking(request: HttpRequest, key: UUID) -> HttpResponse:
    """As `run_ranking`, for those who have the link."""
    run = get_object_or_404(access.shared_runs(request.user), share_key=key, state=JobState.DONE)
    return _ranking(request, run, is_shared=True)


@login_required
@require_POST
def run_share(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Make a link to a finished run, or end it."""
    run = get_object_or_404(access.visible_runs(request.user), pk=pk)
    try:
        services.share_run(run, is_shared=request.POST.get("shared") == "yes")
    except services.InvalidRunError as error:
        messages.warning(request, str(error))
    else:
        done = "Shared: whoever is signed in and has the link sees this run." if run.share_key else "The link is ended."
        messages.success(request, done)
    return redirect(run)


@login_required
@require_POST
def run_again(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Start the same once more, and go to the new run's page."""
    run = get_object_or_404(access.visible_runs(request.user).select_related("shopper"), pk=pk)
    try:
        return redirect(services.run_again(run, by=cast("Request", request).user))
    except services.InvalidRunError as error:
        messages.warning(request, f"It cannot be run again: {error}")
        return redirect(run)


@login_required
@require_POST
def run_cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stop a run; what it has made stays."""
    run = services.cancel_run(get_object_or_404(access.visible_runs(request.user), pk=pk))
    if run.state == "cancelled":
        messages.info(request, "Cancelled. What was made before stays on this page.")
    return redirect(run)
