"""The consensus page: people and judges together, each rater's errors, and the outputs where it is doubtful."""

from __future__ import annotations

from dataclasses import replace

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from django_htmx.http import HttpResponseClientRefresh

from judge import consensus as work
from judge import dashboard, dashboard_figures, tables
from judge.consensus import Found
from judge.consensus_tables import TABLES
from judge.models import Rater, Rubric
from judge.quality_views import not_ready
from judge.statistics.consensus import DOUBTFUL, RaterErrors
from judge.stored import NotReadyError
from recommend.http import Request
from recommend.roles import LEAD, role_required

MAX_SHOWN = 25


@role_required(LEAD)
@require_GET
@never_cache  # it leaves out what the lead has in work, and that changes
def consensus(request: Request) -> HttpResponse:
    """One criterion in detail, or all together, beside how the others stand."""
    filters = dashboard.read_filters(request.GET)
    context = {"filters": filters, "choices": dashboard.choices(filters)}
    try:
        stored = dashboard_figures.consensus_on(filters)
    except Rubric.DoesNotExist as error:
        return render(request, "judge/consensus.html", context | {"nothing": str(error)})
    except NotReadyError:
        template = "judge/partials/figures_pending.html" if request.htmx else "judge/consensus.html"
        return render(request, template, context | {"is_pending": True})
    if request.htmx:
        return HttpResponseClientRefresh()
    overview = work.overview(filters, stored.value, request.user)
    found = overview.of(request.GET.get("criterion", ""))
    context |= {
        "stored": stored,
        "overview": overview,
        "found": found,
        "matrices": [_matrix(found, rater, errors) for rater, errors in work.errors_in_order(found, overview.raters)],
        "rows": [_row(one) for one in overview.found],
        "doubtful": work.outputs(found.doubtful[:MAX_SHOWN]),
        "differing": work.outputs(found.differing[:MAX_SHOWN]),
        "doubtful_below": DOUBTFUL,
        "most": MAX_SHOWN,
    }
    return render(request, "judge/consensus.html", context)


@role_required(LEAD)
@require_GET
def consensus_file(request: Request, name: str) -> HttpResponse:
    """Everything that the page is made of as a CSV file: how raters err, or the outputs with their labels."""
    if name not in TABLES:
        raise Http404(f"There is no table {name!r}; there is {', '.join(TABLES)}.")
    filters = dashboard.read_filters(request.GET)
    try:
        stored = dashboard_figures.consensus_on(filters)
    except Rubric.DoesNotExist as error:
        raise Http404(str(error)) from error
    except NotReadyError as error:
        return not_ready(error)
    table = replace(TABLES[name](work.overview(filters, stored.value, request.user)), made_at=stored.made_at)
    return tables.download(f"consensus-{name}", filters, table)


def _row(found: Found) -> dict[str, object]:
    """One line of the overview: shares of the labels in their order, and how much is doubtful."""
    return {
        "found": found,
        "prevalence": [(title, found.consensus.prevalence.get(value)) for value, title in found.asked.labels.items()],
        "n_raters": len(found.consensus.raters),
        "n_doubtful": found.n_doubtful,
        "n_differing": found.n_differing,
    }


def _matrix(found: Found, rater: Rater, errors: RaterErrors) -> dict[str, object]:
    """One rater's errors as rows of shares: (title of the true label, how many, [(share, is it right)])."""
    titles = list(found.asked.labels.values())
    return {
        "rater": rater,
        "errors": errors,
        "columns": titles,
        "rows": [
            (title, round(errors.expected[true]), [(share, true == given) for given, share in enumerate(row)])
            for true, (title, row) in enumerate(zip(titles, errors.matrix, strict=True))
        ],
    }
