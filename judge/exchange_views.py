"""Taking assessments out: the page that says what an export would hold, and the file."""

from __future__ import annotations

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from judge import dashboard as quality
from judge.exchange.columns import COLUMNS
from judge.exchange.downloads import attachment
from judge.exchange.formats import FORMATS
from judge.exchange.selection import Selection
from recommend.http import Request
from recommend.roles import LEAD, role_required


@role_required(LEAD)
@require_GET
def export(request: Request) -> HttpResponse:
    """How many rows the chosen filters give, and the formats to take them in."""
    selection = _selection(request)
    context = {
        "filters": selection.filters,
        "choices": quality.choices(selection.filters),
        "reviewed_only": selection.reviewed_only,
        "n_rows": selection.assessments().count(),
        "n_hidden": selection.n_hidden(),
        "formats": FORMATS.values(),
        "columns": COLUMNS,
    }
    return render(request, "judge/export.html", context)


@role_required(LEAD)
@require_GET
def export_file(request: Request) -> StreamingHttpResponse:
    """The file itself, written while it is sent."""
    name = request.GET.get("format", "")
    if name not in FORMATS:
        raise Http404(f"There is no format {name!r}; there is {', '.join(FORMATS)}.")
    return attachment(FORMATS[name], _selection(request))


def _selection(request: Request) -> Selection:
    reviewed_only = request.GET.get("reviewed", "") != ""
    return Selection(quality.read_filters(request.GET), reviewed_only=reviewed_only, by=request.user)
