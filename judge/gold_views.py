"""The pages of gold: what there is, what can become it, and one generation to label by hand; for leads and admins."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from judge import gold, screens, visibility
from judge.models import Gold, Rubric
from judge.refusals import QueueError
from judge.services import KIND_OF_STAGE
from judge.views import status_of
from recommend.http import Request, read_id
from recommend.models import Generation, Output, Stage
from recommend.roles import LEAD, role_required

MAX_SHOWN = 50


@role_required(LEAD)
@require_GET
@never_cache
def gold_list(request: Request) -> HttpResponse:
    """The gold of one rubric, and what can become gold by a press or by hand."""
    asked = request.GET.get("kind", "")
    kind = asked if asked in Output.Kind.values else Output.Kind.INTEREST
    rubrics = list(Rubric.objects.fixed().filter(kind=kind))
    rubric = _rubric(kind, request)
    context: dict[str, object] = {
        "kind": kind,
        "kinds": Output.Kind.choices,
        "rubrics": rubrics,
        "rubric": rubric,
        "most": MAX_SHOWN,
    }
    if rubric is not None:
        found = gold.visible_to(request.user, rubric)
        decided = gold.resolved_generations(rubric).exclude(pk__in=_in_hand(request))
        reviewed = gold.reviewed(rubric).exclude(unit__generation__in=_in_hand(request))
        context |= {
            "rows": found[:MAX_SHOWN],
            "n_rows": found.count(),
            "decided": decided.select_related("shopper", "model").order_by("-created_at")[:MAX_SHOWN],
            "reviewed": reviewed[:MAX_SHOWN],
        }
    return render(request, "judge/gold.html", context)


@role_required(LEAD)
@require_http_methods(["GET", "POST"])
@never_cache
def gold_generation(request: Request, pk: UUID) -> HttpResponse:
    """One generation to give its right labels; `?from=` fills in those of a review."""
    generation, rubric = _asked(request, pk)
    criteria = list(rubric.criteria.all())
    outputs = Output.objects.rated(generation.pk)
    problem, status = "", HTTPStatus.OK
    labels: Mapping[str, Mapping[str, str]]
    if request.method == "POST":
        labels = {str(one.pk): screens.labels(one, criteria, request.POST) for one in outputs}
        reason, source = request.POST.get("reason", ""), request.POST.get("source", "")
        known = source if source in Gold.Source.values else Gold.Source.HAND
        try:
            gold.make(generation, rubric, labels, by=request.user, source=known, reason=reason)
        except QueueError as error:
            problem, status = str(error), status_of(error)
        else:
            messages.success(request, "This generation is gold: campaigns with a share of it mix it in unseen.")
            return redirect(_list_url(rubric))
    else:
        filled = gold.filled(generation, rubric, read_id(request.GET.get("from", "")))
        labels, reason, source = filled.labels, filled.reason, filled.source
    context = {
        "generation": generation,
        "rubric": rubric,
        "cards": [screens.decision(one, rubric, labels.get(str(one.pk), {}), "") for one in outputs],
        "evidence": screens.evidence(generation),
        "reason": reason,
        "source": source,
        "problem": problem,
        "list_url": _list_url(rubric),
    }
    return render(request, "judge/gold_generation.html", context, status=status)


@role_required(LEAD)
@require_POST
def gold_from_resolutions(request: Request, pk: UUID) -> HttpResponse:
    """Make gold of what was decided of a generation."""
    generation, rubric = _asked(request, pk)
    try:
        gold.make_from_resolutions(generation, rubric, by=request.user)
    except QueueError as error:
        messages.error(request, f"Not made gold: {error}")
    else:
        messages.success(request, "It is gold, by what was decided of it.")
    return redirect(_list_url(rubric))


@role_required(LEAD)
@require_POST
def gold_withdraw(request: Request, pk: UUID) -> HttpResponse:
    """Measure nobody by one any more."""
    found = get_object_or_404(Gold.objects.select_related("rubric"), pk=pk)
    gold.withdraw(found)
    messages.success(request, "Withdrawn: it is given to nobody any more, and nobody is measured by it.")
    return redirect(_list_url(found.rubric))


def _asked(request: Request, pk: UUID) -> tuple[Generation, Rubric]:
    """The generation and the rubric that is named, else the one in use; what a lead has in blind work is not there."""
    generations = Generation.objects.select_related("shopper", "run", "model").exclude(pk__in=_in_hand(request))
    generation = get_object_or_404(generations, pk=pk)
    rubric = _rubric(KIND_OF_STAGE[Stage(generation.stage)], request)
    if rubric is None:
        raise Http404
    return generation, rubric


def _rubric(kind: str, request: Request) -> Rubric | None:
    """The rubric that is named, else the one in use; None before there is any."""
    named = read_id(request.GET.get("rubric", ""))
    found = Rubric.objects.fixed().filter(kind=kind, pk=named).first() if named else None
    try:
        return found or Rubric.objects.current(kind)
    except Rubric.DoesNotExist:
        return None


def _in_hand(request: Request) -> list[UUID]:
    return list(visibility.blind_work(request.user).values_list("unit__generation", flat=True))


def _list_url(rubric: Rubric) -> str:
    return f"{reverse('judge:gold')}?{urlencode({'kind': rubric.kind, 'rubric': rubric.pk})}"
