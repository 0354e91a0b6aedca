"""The pages of judges' passports and of the checks behind them, for leads and admins."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from judge.checks import pages, runner, services
from judge.checks.planning import MAX_BUDGET, MIN_BUDGET
from judge.checks.runner import CheckError, CheckRunningError
from judge.models import CheckCase, JudgeCheck
from recommend.http import Request, read_id
from recommend.models import Output
from recommend.roles import LEAD, role_required

BUDGET = 200  # offered where the setting turns the nightly checks off


@role_required(LEAD)
@require_GET
def passports(request: Request) -> HttpResponse:
    """What is known of the judge for one kind of output, and whether it still holds."""
    kind = _kind(request)
    context = {
        "kind": kind,
        "kinds": Output.Kind.choices,
        "page": pages.page(kind, read_id(request.GET.get("passport", ""))),
        "budget": settings.JUDGE_CHECK_BUDGET or BUDGET,
        "min_budget": MIN_BUDGET,
        "max_budget": MAX_BUDGET,
        "lifetime_days": settings.JUDGE_PASSPORT_DAYS,
    }
    return render(request, "judge/passports.html", context)


@role_required(LEAD)
@require_POST
def check_start(request: Request) -> HttpResponse:
    """Start a check of the judge that serves."""
    kind = _kind(request)
    asked = request.POST.get("budget", "")
    try:
        if not asked.isdecimal():
            raise CheckError(f"“{asked}” is not a number of questions.")
        return redirect(services.start(kind, by=request.user, budget=int(asked)))
    except CheckRunningError as running:
        messages.info(request, str(running))
        return redirect(running.check)
    except CheckError as error:
        messages.error(request, str(error))
        return redirect(f"{reverse('judge:passports')}?{urlencode({'kind': kind})}")


@role_required(LEAD)
@require_GET
def check(request: Request, pk: UUID) -> HttpResponse:
    """One check: how far it is, and its questions with the judge's answers."""
    found = _check(pk)
    # htmx asks for the progress alone, and for the whole page once there is something new to read on it.
    if request.htmx and found.is_active:
        return render(request, "judge/partials/check_progress.html", {"check": found})
    if request.htmx:
        return HttpResponse(headers={"HX-Refresh": "true"})
    asked = {name: request.GET.get(name, "") for name in ("probe", "defect")}
    context = {
        "check": found,
        "asked": asked,
        "probes": CheckCase.Probe.choices,
        "cases": pages.cases(found, request.user, **asked),
        "most": pages.MAX_CASES,
    }
    return render(request, "judge/check.html", context)


@role_required(LEAD)
@require_POST
def check_cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stop a check."""
    return redirect(runner.cancel(_check(pk)))


def _check(pk: UUID) -> JudgeCheck:
    return get_object_or_404(JudgeCheck.objects.with_progress().select_related("passport"), pk=pk)


def _kind(request: HttpRequest) -> str:
    asked = request.POST.get("kind") or request.GET.get("kind", "")
    return asked if asked in Output.Kind.values else Output.Kind.INTEREST
