"""The pages where leads have data sets built, read what is in them, and take them out."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from recommend.http import Request
from recommend.models import JobState
from recommend.roles import LEAD, role_required
from training.data_set_charts import charts
from training.data_set_forms import ABOUT, DataSetForm
from training.data_sets import downloads, services
from training.data_sets.downloads import HeldBlindError
from training.data_sets.exports import FORMATS, shape_of
from training.data_sets.files import DamagedError
from training.data_sets.rows import SPLITS
from training.data_sets.wanted import DataSetError, Wanted
from training.models import DataSet, EvaluationSet

DATA_SETS = DataSet.objects.select_related("created_by")
MAX_SHOWN = 50


@role_required(LEAD)
@require_GET
def data_sets(request: Request) -> HttpResponse:
    """All data sets, the newest first, and whom none of them has."""
    context = {
        "data_sets": DATA_SETS.defer("report", "manifest")[:MAX_SHOWN],
        "most": MAX_SHOWN,
        "evaluation_sets": EvaluationSet.objects.select_related("created_by"),
    }
    return render(request, "training/data_sets.html", context)


@role_required(LEAD)
@require_GET
def data_set_choose(request: Request) -> HttpResponse:
    """Choose the stage that a new data set is for."""
    stages = [(value, label, ABOUT[value]) for value, label in DataSet.Stage.choices]
    return render(request, "training/data_set_choose.html", {"stages": stages})


@role_required(LEAD)
@require_http_methods(["GET", "POST"])
def data_set_new(request: Request, stage: str) -> HttpResponse:
    """Say what a data set of this stage is made from, and have it built."""
    if stage not in DataSet.Stage.values:
        raise Http404(f"There is no stage {stage!r}; there is {', '.join(DataSet.Stage.values)}.")
    context = {"stage": DataSet.Stage(stage), "about": ABOUT[stage]}
    if request.method == "GET":
        return render(request, "training/data_set_form.html", context | {"form": DataSetForm(stage)})
    form = DataSetForm(stage, request.POST)
    if form.is_valid():
        try:
            return redirect(services.start(by=request.user, **form.wishes()))
        except DataSetError as error:
            form.add_refusal(error)
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    return render(request, "training/data_set_form.html", context | {"form": form}, status=status)


@role_required(LEAD)
@require_GET
@never_cache
def data_set(request: Request, pk: UUID) -> HttpResponse:
    """One data set: how far it is; once it is built, its report and the ways to take it out."""
    found = get_object_or_404(DATA_SETS, pk=pk)
    # htmx asks for the progress alone, and for the whole page once there is a report to read on it.
    if request.htmx and not found.is_active:
        return HttpResponse(headers={"HX-Refresh": "true"})
    if request.htmx:
        return render(request, "training/partials/data_set_progress.html", {"data_set": found})
    context = {
        "data_set": found,
        "charts": charts(found.report.get("distributions", ())),
        "formats": FORMATS.values(),
        "shape": shape_of(found),
        "query": [(name, _words(found.query[name])) for name in Wanted.model_fields if _says(found.query.get(name))],
    }
    return render(request, "training/data_set.html", context)


@role_required(LEAD)
@require_POST
def data_set_cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stop the building."""
    return redirect(services.cancel(get_object_or_404(DataSet, pk=pk)))


@role_required(LEAD)
@require_GET
def data_set_file(request: Request, pk: UUID) -> HttpResponseBase:
    """The rows as a file."""
    found = get_object_or_404(DataSet, pk=pk, state=JobState.DONE)
    name, split = request.GET.get("format", ""), request.GET.get("split", "") or None
    if name not in FORMATS or split not in (None, *SPLITS):
        raise Http404(f"There is no such file; formats are {', '.join(FORMATS)}, splits {', '.join(SPLITS)}.")
    try:
        return downloads.attachment(found, FORMATS[name], split, request.user)
    except (HeldBlindError, DamagedError) as refused:
        messages.error(request, str(refused))
        return redirect(found)


def _says(value: object) -> bool:
    """Whether a value of a query was given, or is a default that counts; 0 does."""
    return value is not None and value not in ("", [])


def _words(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
