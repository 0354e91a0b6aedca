"""The lead's pages of adjudication: the outputs on which raters differ, and one of them to decide on."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from judge import adjudication as work
from judge import dashboard, disagreements, overruled, screens, services, visibility
from judge.adjudication import Disagreement
from judge.disagreements import Place, Wanted, read_wanted
from judge.models import Rubric
from judge.refusals import AlreadyResolved, QueueError
from judge.views import status_of
from recommend import audit
from recommend.audit import Verb
from recommend.http import Request
from recommend.models import Output
from recommend.roles import LEAD, role_required


@role_required(LEAD)
@require_GET
@never_cache
def adjudication(request: Request) -> HttpResponse:
    """The queue of disagreements, the most contested first, and what resolving has shown so far."""
    wanted = read_wanted(request.GET)
    context: dict[str, Any] = {
        "wanted": wanted,
        "filters": wanted.filters,
        "choices": dashboard.choices(wanted.filters),
        "states": disagreements.State.choices,
    }
    try:
        rubric = disagreements.rubric_of(wanted)
    except Rubric.DoesNotExist as error:
        return render(request, "judge/adjudication.html", context | {"nothing": str(error)})
    after = Place.read(request.GET.get("after", ""))
    found = disagreements.find(wanted, request.user, after=after)
    rows = work.disagreements(wanted, request.user, [place.output for place in found.places])
    pairs = {place.output: place.n_pairs for place in found.places}
    context |= {
        "rubric": rubric,
        "criteria": services.definition(rubric).criteria,
        "after": after,
        "found": found,
        "rows": [(row, pairs[row.output.pk]) for row in rows],
        "overruled": overruled.overruled(wanted),
        "holds_blind_work": visibility.blind_work(request.user).exists(),
    }
    return render(request, "judge/adjudication.html", context)


@role_required(LEAD)
@require_GET
@never_cache
def adjudication_output(request: Request, pk: UUID) -> HttpResponse:
    """One output with every rater's labels, to decide on."""
    wanted = _wanted(request, pk)
    found = _disagreement(request, wanted, pk)
    audit.record(Verb.LABELS_SEEN, found.output)
    return _screen(request, wanted, found)


@role_required(LEAD)
@require_POST
def adjudication_resolve(request: Request, pk: UUID) -> HttpResponse:
    """Store the decision and go on to the next; what is refused comes back as it was filled in."""
    wanted = _wanted(request, pk)
    found = _disagreement(request, wanted, pk)
    labels = screens.labels(found.output, found.rubric.criteria.all(), request.POST)
    reason = request.POST.get("reason", "")
    try:
        revision = int(request.POST.get("revision", ""))
    except ValueError:
        revision = -1  # no page sends that: it is refused as out of date
    # Asked before it is resolved, as it leaves the list of open ones then.
    place = disagreements.place_of(wanted, request.user, pk)
    try:
        work.resolve(
            output=found.output, rubric=found.rubric, labels=labels, reason=reason, by=request.user, revision=revision
        )
    except QueueError as error:
        status = HTTPStatus.CONFLICT if isinstance(error, AlreadyResolved) else status_of(error)
        found = _disagreement(request, wanted, pk)
        return _screen(request, wanted, found, labels=labels, reason=reason, problem=str(error), status=status)
    following = disagreements.following(wanted, request.user, place)
    if following is None:
        messages.success(request, "Resolved. No other output is left in this list.")
        return redirect(f"{reverse('judge:adjudication')}?{wanted.query()}")
    messages.success(request, "Resolved. Here is the next one.")
    return redirect(_url("adjudication-output", following.output, wanted))


def _url(name: str, output: UUID, wanted: Wanted) -> str:
    return f"{reverse(f'judge:{name}', args=[output])}?{wanted.query()}"


def _wanted(request: Request, pk: UUID) -> Wanted:
    """What the query string asks for, of the output's own kind."""
    kind = Output.objects.filter(pk=pk).values_list("kind", flat=True).first()
    if kind is None:
        raise Http404
    return read_wanted({**request.GET.dict(), "kind": kind})


def _disagreement(request: Request, wanted: Wanted, pk: UUID) -> Disagreement:
    try:
        found = work.disagreement(wanted, request.user, pk)
    except Rubric.DoesNotExist as error:
        raise Http404(str(error)) from error
    if found is None:
        raise Http404
    return found


def _screen(
    request: Request,
    wanted: Wanted,
    found: Disagreement,
    *,
    labels: dict[str, str] | None = None,
    reason: str = "",
    problem: str = "",
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    place = disagreements.place_of(wanted, request.user, found.output.pk)
    following = disagreements.following(wanted, request.user, place)
    output = found.output
    context = {
        "wanted": wanted,
        "found": found,
        "place": place,
        # A rubric that is renewed meanwhile must not turn these labels into answers to it.
        "resolve_url": _url("adjudication-resolve", output.pk, replace(wanted, rubric=found.rubric.pk)),
        "next_url": _url("adjudication-output", following.output, wanted) if following else "",
        "card": screens.decision(output, found.rubric, found.proposed if labels is None else labels, reason),
        "evidence": screens.evidence(output.generation),
        "is_rater": found.rated_by(request.user),
        "problem": problem,
    }
    return render(request, "judge/adjudication_output.html", context, status=status)
