"""Two runs side by side: what the second is to be, and the page that compares them."""

from __future__ import annotations

from hashlib import sha256
from http import HTTPStatus
from typing import cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from recommend import access, comparisons, displays, selectors, services
from recommend.choice_forms import CompareForm
from recommend.http import Request
from recommend.models import PipelineRun

N_OTHERS = 20  # runs of the same shopper that are offered


@login_required
@require_http_methods(["GET", "POST"])
def run_compare(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Start a run that differs from this one in what is chosen, or take one that there is, and compare the two."""
    asked = cast("Request", request)
    visible = access.visible_runs(asked.user).select_related("shopper")
    run = get_object_or_404(visible, pk=pk)
    wishes = services.wishes_of(run)
    posted = asked.POST if asked.method == "POST" else None
    form = CompareForm(posted, initial=_initial(wishes), steps=run.steps)
    if form.is_valid():
        chosen = form.chosen()
        if all(wishes[name] == value for name, value in chosen.items()):
            form.refuse("", "Nothing differs from the run yet. Change a value, or choose one of the runs below.")
        else:
            try:
                other, _ = services.start_run(by=asked.user, **wishes | chosen)
            except services.InvalidRunError as error:
                form.refuse(error.field, str(error))
            else:
                return redirect("recommend:comparison", run.pk, other.pk)
    others = visible.filter(shopper=run.shopper).exclude(pk=run.pk)[:N_OTHERS]
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(asked, "recommend/run_compare.html", {"run": run, "form": form, "others": others}, status=status)


def _initial(wishes: dict[str, object]) -> dict[str, object]:
    """The form as the run has it."""
    models, versions = (cast("dict[str, object]", wishes[name]) for name in ("models", "prompts"))
    by_stage = {f"model_{stage}": model for stage, model in models.items()}
    return wishes | by_stage | {f"prompt_{stage}": version for stage, version in versions.items()}


@login_required
@require_GET
@never_cache
def comparison(request: HttpRequest, a: UUID, b: UUID) -> HttpResponse:
    """Two runs side by side; each is named by its id, or by the key of its link."""
    asked = cast("Request", request)
    runs = _runs(asked, a, b)
    views = [selectors.run_for_display(run.pk) for run in runs]
    seen = sha256("".join(displays.run_page(view).fingerprint for view in views).encode()).hexdigest()[:16]
    if asked.htmx and asked.GET.get("seen") == seen:
        # Nothing new: no swap, so nothing that was selected on the page is lost.
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    own = {run.pk for run in access.visible_runs(asked.user).filter(pk__in=[run.pk for run in runs])}
    context = {
        "comparison": comparisons.compare(*views),
        "addresses": [run.get_absolute_url() if run.pk in own else run.shared_url for run in runs],
        "is_own": len(own) == len({run.pk for run in runs}),
        "seen": seen,
    }
    if all(run.share_key for run in runs):
        path = reverse("recommend:comparison", args=[run.share_key for run in runs])
        context["link"] = asked.build_absolute_uri(path)
    template = "recommend/partials/comparison.html" if asked.htmx else "recommend/comparison.html"
    return render(asked, template, context)


@login_required
@require_POST
def comparison_share(request: HttpRequest, a: UUID, b: UUID) -> HttpResponse:
    """Make a link to both runs, which opens their comparison too."""
    asked = cast("Request", request)
    for pk in (a, b):
        run = get_object_or_404(access.visible_runs(asked.user), pk=pk)
        try:
            services.share_run(run, is_shared=True)
        except services.InvalidRunError as error:
            messages.warning(asked, str(error))
    return redirect("recommend:comparison", a, b)


def _runs(request: Request, *addresses: UUID) -> list[PipelineRun]:
    found = [access.opened_run(request.user, address) for address in addresses]
    if None in found:
        raise Http404
    return cast("list[PipelineRun]", found)
