"""The page of annotators, for leads and admins: charts first, the table beside, and a CSV."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from judge import annotator_charts, annotator_tables, charts, dashboard, tables
from judge import annotators as people
from judge.models import Rubric
from recommend.http import Request
from recommend.roles import LEAD, role_required


@role_required(LEAD)
@require_GET
def annotators(request: Request) -> HttpResponse:
    """How fast and how well each person labels, and what the judge's labels do to theirs."""
    wanted = people.read_wanted(request.GET)
    context = {
        "wanted": wanted,
        "filters": wanted.filters,
        "choices": dashboard.choices(wanted.filters),
        "rubrics": Rubric.objects.fixed().filter(kind=wanted.filters.kind),
    }
    try:
        found = people.annotators(wanted)
    except Rubric.DoesNotExist as error:
        return render(request, "judge/annotators.html", context | {"nothing": str(error)})
    context |= {
        "found": found,
        "rows": annotator_charts.rows(found),
        "bar": 100 * found.bar,
        "judge_gold": charts.mark(found.judge_gold),
    }
    return render(request, "judge/annotators.html", context)


@role_required(LEAD)
@require_GET
def annotators_file(request: Request) -> HttpResponse:
    """The table of annotators as a CSV file."""
    wanted = people.read_wanted(request.GET)
    try:
        return tables.download("annotators", wanted.filters, annotator_tables.table(people.annotators(wanted)))
    except Rubric.DoesNotExist as error:
        raise Http404(str(error)) from error
