"""The pages where leads have a judge asked about what is stored, follow it and steer it."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from judge.backfill_forms import BackfillForm
from judge.backfills import estimates, runner, services
from judge.backfills.runner import BackfillError, BackfillRunningError
from judge.campaign_pages import population_in_words
from judge.models import Backfill, Rubric
from recommend.http import Request
from recommend.roles import LEAD, role_required

BACKFILLS = Backfill.objects.select_related(
    "rater__language_model", "rater__panel", "rater__user", "rubric", "created_by"
)
MAX_SHOWN = 50


@role_required(LEAD)
@require_GET
def backfills(request: Request) -> HttpResponse:
    """All backfills, the newest first."""
    return render(request, "judge/backfills.html", {"backfills": BACKFILLS.all()[:MAX_SHOWN], "most": MAX_SHOWN})


@role_required(LEAD)
@require_http_methods(["GET", "POST"])
def backfill_new(request: Request) -> HttpResponse:
    """Choose a judge, a population and a budget, and start."""
    if request.method == "GET":
        return _form(request, BackfillForm())
    form = BackfillForm(request.POST)
    if form.is_valid():
        try:
            made = services.start(
                form.rater(), form.chosen_rubric(), form.population(), by=request.user, **form.budget()
            )
        except BackfillRunningError as running:
            messages.info(request, str(running))
            return redirect(running.backfill)
        except BackfillError as error:
            form.add_refusal(error)
        except Rubric.DoesNotExist as error:
            form.add_error("rubric", str(error))
        else:
            return redirect(made)
    return _form(request, form, HTTPStatus.UNPROCESSABLE_ENTITY)


@role_required(LEAD)
@require_POST
def backfill_estimate(request: Request) -> HttpResponse:
    """What it would come to; htmx asks for that part alone, without scripts the whole form comes back."""
    form = BackfillForm(request.POST)
    context: dict[str, object] = {"problems": form.estimate_errors()}
    if not context["problems"]:
        try:
            context |= _estimated(form)
        except Rubric.DoesNotExist as error:
            context["problems"] = [str(error)]
    if request.htmx:
        return render(request, "judge/partials/backfill_estimate.html", context)
    models = {"population_models": request.POST.getlist("population_models")}
    return _form(request, BackfillForm(initial=request.POST.dict() | models), context=context)


def _estimated(form: BackfillForm) -> dict[str, object]:
    judge = form.rater()
    found = estimates.estimate(judge, form.chosen_rubric(), form.population(), **form.budget())
    return {"estimate": found, "unpriced": estimates.unpriced(judge)}


def _form(
    request: HttpRequest, form: BackfillForm, status: int = HTTPStatus.OK, context: Mapping[str, object] | None = None
) -> HttpResponse:
    return render(request, "judge/backfill_form.html", {"form": form, **(context or {})}, status=status)


@role_required(LEAD)
@require_GET
def backfill(request: Request, pk: UUID) -> HttpResponse:
    """One backfill: how far it is, and what came of it."""
    found = get_object_or_404(BACKFILLS, pk=pk)
    # htmx asks for the progress alone, and for the whole page once there is a report to read on it.
    if request.htmx and not found.is_active:
        return HttpResponse(headers={"HX-Refresh": "true"})
    if request.htmx:
        return render(request, "judge/partials/backfill_progress.html", {"backfill": found})
    return render(request, "judge/backfill.html", {"backfill": found, "population": population_in_words(found)})


@role_required(LEAD)
@require_POST
def backfill_pause(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask no more for now."""
    return redirect(runner.pause(get_object_or_404(Backfill, pk=pk)))


@role_required(LEAD)
@require_POST
def backfill_resume(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Go on."""
    return redirect(services.resume(get_object_or_404(Backfill, pk=pk)))


@role_required(LEAD)
@require_POST
def backfill_cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stop for good."""
    return redirect(runner.cancel(get_object_or_404(Backfill, pk=pk)))
