"""Handing in files of labels or outputs, and what became of their rows; for leads and admins."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from judge.exchange import file_imports, uploads
from judge.exchange.downloads import bad_rows_attachment
from judge.import_forms import ImportForm
from judge.models import FileImport
from recommend.http import Request
from recommend.imports.problems import ImportStopped
from recommend.roles import LEAD, role_required

LISTED = 20


@role_required(LEAD)
@require_http_methods(["GET", "POST"])
def imports(request: Request) -> HttpResponse:
    """The form, and the files that were handed in last."""
    form = ImportForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = uploads.begin(
                form.cleaned_data["file"],
                form.wanted(),
                skips_bad=form.cleaned_data["skips_bad"],
                by=request.user,
            )
            return redirect(made)
        except ImportStopped as stopped:
            form.add_error(None, str(stopped))
    context = {
        "form": form,
        "file_help": "JSON Lines, CSV or Parquet, also as .gz; or JSON of Label Studio or Argilla. "
        f"At most {settings.IMPORT_MAX_BYTES // 1024**2:,} MiB.",
        "last": FileImport.objects.select_related("created_by")[:LISTED],
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "judge/imports.html", context, status=status)


@role_required(LEAD)
@require_GET
def file_import(request: Request, pk: UUID) -> HttpResponse:
    """One file: how far it is, and what became of its rows."""
    found = get_object_or_404(FileImport.objects.select_related("created_by"), pk=pk)
    # htmx asks for the progress alone, and for the whole page once there is something new to read on it.
    if request.htmx and not found.is_active:
        return HttpResponse(headers={"HX-Refresh": "true"})
    bad_rows = [] if found.is_active else file_imports.bad_rows(found)
    context = {
        "one": found,
        "percent": round(100 * file_imports.progress(found)),
        "bad_rows": bad_rows,
        # A file that broke off at an unreadable place has no report, but may have had bad rows before.
        "n_bad": found.report.get("bad", len(bad_rows)),
        "shown": file_imports.SHOWN,
    }
    return render(request, "judge/partials/import_progress.html" if request.htmx else "judge/import.html", context)


@role_required(LEAD)
@require_GET
def import_bad_rows(request: HttpRequest, pk: UUID) -> FileResponse:
    """All bad rows with their reasons, as JSON Lines."""
    return bad_rows_attachment(get_object_or_404(FileImport, pk=pk))
