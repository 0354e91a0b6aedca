"""The pages where leads have the pipeline run for a population, follow it and steer it."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from recommend.http import Request
from recommend.models import LanguageModel, PopulationJob
from recommend.population_forms import PopulationForm
from recommend.populations import reports, services
from recommend.populations.queries import PopulationError
from recommend.populations.services import PopulationRunningError
from recommend.roles import LEAD, role_required

POPULATIONS = PopulationJob.objects.select_related("created_by")
MAX_SHOWN = 50


@role_required(LEAD)
@require_GET
def populations(request: Request) -> HttpResponse:
    """All population jobs, the newest first."""
    shown = [(one, reports.progress_of(one)) for one in POPULATIONS.all()[:MAX_SHOWN]]
    return render(request, "recommend/populations.html", {"populations": shown, "most": MAX_SHOWN})


@role_required(LEAD)
@require_http_methods(["GET", "POST"])
def population_new(request: Request) -> HttpResponse:
    """Choose shoppers and stages, and start."""
    if request.method == "GET":
        return render(request, "recommend/population_form.html", {"form": PopulationForm()})
    form = PopulationForm(request.POST)
    if form.is_valid():
        try:
            return redirect(services.start(by=request.user, **form.wishes()))
        except PopulationRunningError as running:
            messages.info(request, str(running))
            return redirect(running.population)
        except PopulationError as error:
            form.add_refusal(error)
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    return render(request, "recommend/population_form.html", {"form": form}, status=status)


@role_required(LEAD)
@require_POST
def population_count(request: Request) -> HttpResponse:
    """How many shoppers the query chooses; htmx asks for that part alone, without scripts the form comes back."""
    form = PopulationForm(request.POST)
    problems = form.errors.get("query", ())
    context = {"problems": problems, "n_shoppers": None if problems else form.n_shoppers}
    if request.htmx:
        return render(request, "recommend/partials/population_count.html", context)
    typed = PopulationForm(initial=request.POST.dict())
    return render(request, "recommend/population_form.html", {"form": typed, **context})


@role_required(LEAD)
@require_GET
@never_cache
def population(request: Request, pk: UUID) -> HttpResponse:
    """One job: how far it is, and its report."""
    found = get_object_or_404(POPULATIONS, pk=pk)
    # htmx asks for the progress alone, and for the whole page once there is a report to read on it.
    if request.htmx and not found.is_active:
        return HttpResponse(headers={"HX-Refresh": "true"})
    context = {"population": found, "progress": reports.progress_of(found)}
    if request.htmx:
        return render(request, "recommend/partials/population_progress.html", context)
    context["failed"] = reports.failed(found)
    context["models"] = LanguageModel.objects.filter(pk__in=found.chosen_models.values()).order_by("role")
    return render(request, "recommend/population.html", context)


@role_required(LEAD)
@require_POST
def population_pause(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Make no more for now."""
    return redirect(services.pause(get_object_or_404(PopulationJob, pk=pk)))


@role_required(LEAD)
@require_POST
def population_resume(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Go on."""
    return redirect(services.resume(get_object_or_404(PopulationJob, pk=pk)))


@role_required(LEAD)
@require_POST
def population_cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stop for good."""
    return redirect(services.cancel(get_object_or_404(PopulationJob, pk=pk)))
