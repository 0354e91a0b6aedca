"""The quality pages: how good the outputs are, how far the judge can be trusted, and the outputs behind a figure."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from django_htmx.http import HttpResponseClientRefresh

from judge import (
    alerts,
    burndown_charts,
    campaign_pages,
    charts,
    dashboard_figures,
    drift_charts,
    screens,
    tables,
    trend_charts,
)
from judge import dashboard as quality
from judge.comparison import Span, Split
from judge.models import Rubric
from judge.stored import NotReadyError, Stored
from judge.visibility import visible_assessments
from judge.worth_reading import worth_reading
from recommend import audit
from recommend.audit import Verb
from recommend.http import Request
from recommend.models import Output
from recommend.roles import LEAD, role_required

MAX_SHOWN = 100


@role_required(LEAD)
@require_GET
def dashboard(request: Request) -> HttpResponse:
    """One kind of output: acceptance, the judge against people, the queue, the reviewers."""
    filters = quality.read_filters(request.GET)
    context = {
        "filters": filters,
        "choices": quality.choices(filters),
        "campaigns": campaign_pages.rows(),
        "spans": Span.choices,
        "splits": Split.choices,
    }
    try:
        stored, over_time, burn_downs, drift = dashboard_figures.all_of(filters)
    except Rubric.DoesNotExist as error:
        return render(request, "judge/dashboard.html", context | {"nothing": str(error)})
    except NotReadyError:
        # htmx asks for the part that changes, until there is something to load.
        template = "judge/partials/figures_pending.html" if request.htmx else "judge/dashboard.html"
        return render(request, template, context | {"is_pending": True})
    if request.htmx:
        return HttpResponseClientRefresh()
    found = stored.value
    parts: tuple[Stored[Any], ...] = (stored, over_time, burn_downs, drift)
    context |= {
        "quality": found,
        "alerts": alerts.open_on(filters.kind),
        "drift": drift_charts.chart(drift.value),
        "stored": min(parts, key=lambda one: one.made_at),
        "over_time": trend_charts.chart(over_time.value),
        "plot": charts.rate_chart(found.report.overall),
        "burn_downs": [burndown_charts.chart(one) for one in burn_downs.value],
        "overall": charts.matrix(found.report.overall, filters),
        "contests": charts.contest_rows(found.replacement, found.names),
        "reliability": charts.reliability(found.calibrations[0]),
        "calibrations": charts.titled(found.calibrations, found.criteria),
        "worth_reading": worth_reading(found.surprises, found.rubric, request.user),
        "evidence": charts.evidence_chart(found.gate),
        "ceilings": charts.ceiling_rows(found.ceilings, found.criteria),
        "criteria": [
            charts.criterion_figures(criterion, comparison, filters)
            for criterion, comparison in zip(found.criteria, found.report.criteria, strict=True)
        ],
    }
    return render(request, "judge/dashboard.html", context)


@role_required(LEAD)
@require_GET
def chart_file(request: Request, name: str) -> HttpResponse:
    """The figures of one chart of the dashboard as a CSV file."""
    if name not in tables.CHARTS:
        raise Http404(f"There is no chart {name!r}; there is {', '.join(tables.CHARTS)}.")
    filters = quality.read_filters(request.GET)
    try:
        return tables.download(name, filters, tables.CHARTS[name].table(filters))
    except Rubric.DoesNotExist as error:
        raise Http404(str(error)) from error
    except NotReadyError as error:
        return not_ready(error)


def not_ready(error: NotReadyError) -> HttpResponse:
    """In the place of a file whose figures are being computed; it says when to ask again."""
    return HttpResponse(str(error), status=503, headers={"Retry-After": "30"}, content_type="text/plain")


@role_required(LEAD)
@require_GET
def cell_outputs(request: Request) -> HttpResponse:
    """The outputs behind one cell of a confusion matrix, with both sides' labels and reasons."""
    filters = quality.read_filters(request.GET)
    asked = {name: request.GET.get(name, "") for name in ("criterion", "human", "judge_label")}
    cell = quality.behind_cell(filters, asked["criterion"], asked["human"], asked["judge_label"], MAX_SHOWN)
    # A lead who has one of these in work in a blind campaign is an annotator for it, and sees it when it is submitted.
    outputs = Output.objects.filter(pk__in=[one.output.pk for one in cell.outputs])
    visible = set(visible_assessments(request.user, outputs).values_list("pk", flat=True))
    shown = [one for one in cell.outputs if {one.human.pk, one.judge.pk} <= visible]
    seen = {"kind": filters.kind, "n_outputs": len(shown), "criterion": asked["criterion"][:40]}
    audit.record(Verb.LABELS_SEEN, detail=seen)
    context = {
        "filters": filters,
        "asked": asked,
        "n": cell.n,
        "n_hidden": len(cell.outputs) - len(shown),
        "cards": [screens.comparison(one.output, one.human, one.judge) for one in shown],
    }
    return render(request, "judge/cell_outputs.html", context)
