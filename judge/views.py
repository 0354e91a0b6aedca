"""The review pages: campaigns, one screen of work, and what its keys and buttons send."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from judge import campaigns, pace, pair_screens, queue, reveal, screens, undo, visibility, worklist
from judge.models import Assignment
from judge.refusals import Incomplete, InvalidAnswer, LeaseLost, QueueError, StaleDraft
from judge.services import KIND_OF_STAGE
from recommend import access
from recommend.http import Request
from recommend.models import Stage
from recommend.roles import ANNOTATOR, LEAD, role_required

# Seconds for which the next screen waits for somebody who compares their labels with the judge's.
AHEAD_S = 30
# Stale and lost work are conflicts that reloading solves; the rest is an answer that does not fit.
STATUS = {
    StaleDraft: HTTPStatus.CONFLICT,
    LeaseLost: HTTPStatus.GONE,
    Incomplete: HTTPStatus.UNPROCESSABLE_ENTITY,
    InvalidAnswer: HTTPStatus.BAD_REQUEST,
}


def status_of(error: QueueError) -> HTTPStatus:
    """The HTTP status that says what kind of refusal it is."""
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), HTTPStatus.CONFLICT)


def refusal(error: QueueError) -> JsonResponse:
    """A refusal of the queue for scripts."""
    return problem(status_of(error), str(error))


def problem(status: HTTPStatus, detail: str) -> JsonResponse:
    """A refusal for scripts, in the shape of the API's (RFC 9457)."""
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    return JsonResponse(body, status=status, content_type="application/problem+json")


def own_assignment(request: Request, pk: UUID) -> Assignment:
    """An assignment of the signed-in person; anybody else's does not exist for them."""
    assignments = Assignment.objects.filter(annotator=request.user).select_related(
        "unit__campaign__rubric", "unit__generation__run", "unit__generation__shopper", "unit__generation__model"
    )
    return get_object_or_404(assignments, pk=pk)


@role_required(ANNOTATOR, LEAD)
@require_GET
def review(request: Request) -> HttpResponse:
    """The campaigns in which the signed-in person may work."""
    return render(request, "judge/review.html", {"rows": worklist.rows(request.user)})


@role_required(ANNOTATOR, LEAD)
@require_GET
@never_cache
def campaign_next(request: Request, pk: UUID) -> HttpResponse:
    """Lease the next screen and go there. A GET: asking twice gives the same screen, so no link can take two."""
    campaign = get_object_or_404(campaigns.open_to(request.user), pk=pk)
    found = queue.next_assignment(campaign, request.user)
    if found is None:
        messages.info(request, f"“{campaign}”: {queue.empty_reason(campaign, request.user)}")
        return redirect("judge:review")
    return redirect(found)


@role_required(ANNOTATOR, LEAD)
@require_POST
def campaign_ahead(request: Request, pk: UUID) -> HttpResponse:
    """The next screen for somebody who still reads the last one, leased for a short time: who reads on, or stops, keeps
    nobody from it. The page that shows it asks for the campaign's time."""
    campaign = get_object_or_404(campaigns.open_to(request.user), pk=pk)
    found = queue.next_assignment(campaign, request.user, at_most_s=AHEAD_S)
    if found is None:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    visibility.note_opened(found)
    answer = _screen(request, own_assignment(request, found.pk))
    answer.headers["Content-Location"] = found.get_absolute_url()
    answer.headers["X-Held-S"] = str(AHEAD_S)
    return answer


@role_required(ANNOTATOR, LEAD)
@require_GET
@never_cache
def assignment(request: Request, pk: UUID) -> HttpResponse:
    """One screen of work; once it is submitted, the same screen with the judge's labels beside the own ones."""
    found = own_assignment(request, pk)
    visibility.note_opened(found)
    return _screen(request, found)


def _screen(request: Request, found: Assignment, refusal: str = "", status: int = HTTPStatus.OK) -> HttpResponse:
    campaign = found.unit.campaign
    if found.state in (Assignment.State.SKIPPED, Assignment.State.EXPIRED):
        return render(request, "judge/assignment_gone.html", {"assignment": found, "campaign": campaign}, status=status)
    context = {
        "assignment": found,
        "campaign": campaign,
        "rubric": campaign.rubric,
        "generation": found.unit.generation,
        "kind_name": KIND_OF_STAGE[Stage(campaign.stage)].label.lower(),
        "pace": pace.pace(campaign, request.user),
        "reveal": found.state == Assignment.State.SUBMITTED,
        "problem": refusal,
        "last": undo.last(request.user),
    }
    if campaign.compares:
        context["screen"] = pair_screens.screen(found)
        return render(request, "judge/pair.html", context, status=status)
    context["screen"] = screens.screen(found, request.user)
    return render(request, "judge/assignment.html", context, status=status)


def _answers(request: Request, found: Assignment) -> dict[str, dict[str, Any]]:
    """What the form of a screen holds."""
    read = pair_screens.answers if found.unit.campaign.compares else screens.answers
    return read(found, request.POST)


@role_required(ANNOTATOR, LEAD)
@require_POST
def assignment_draft(request: Request, pk: UUID) -> HttpResponse:
    """Save the draft; answers the version that the next save must name."""
    found = own_assignment(request, pk)
    try:
        version = int(request.POST.get("version", ""))
    except ValueError:
        return problem(HTTPStatus.BAD_REQUEST, "The draft came without its version. Reload the page.")
    drafted, seconds = _answers(request, found), screens.seconds(request.POST)
    try:
        version = queue.save_draft(found, request.user, drafted, version, seconds)
    except QueueError as error:
        return refusal(error)
    return JsonResponse({"version": version})


@role_required(ANNOTATOR, LEAD)
@require_POST
def assignment_heartbeat(request: Request, pk: UUID) -> HttpResponse:
    """Keep the lease: somebody is at work."""
    try:
        queue.heartbeat(own_assignment(request, pk), request.user)
    except QueueError as error:
        return refusal(error)
    return HttpResponse(status=HTTPStatus.NO_CONTENT)


@role_required(ANNOTATOR, LEAD)
@require_POST
def assignment_submit(request: Request, pk: UUID) -> HttpResponse:
    """Store the labels, then show the judge's beside them. What is not complete comes back as it was filled in."""
    found = own_assignment(request, pk)
    given = _answers(request, found)
    try:
        queue.submit(found, request.user, given, screens.seconds(request.POST))
    except QueueError as error:
        # Shown as it was filled in: a refusal must not cost a label.
        found.draft = given
        return _screen(request, found, str(error), status_of(error))
    return redirect(found)


@role_required(ANNOTATOR, LEAD)
@require_POST
def assignment_undo(request: Request, pk: UUID) -> HttpResponse:
    """Take the last submission back and go on with it; where it stays, show it, with the reason and the revision."""
    found = own_assignment(request, pk)
    try:
        undo.undo(found, request.user)
    except QueueError as error:
        messages.error(request, f"Not taken back: {error}")
    else:
        messages.success(request, "Taken back. Your labels are filled in as a draft; submit when they are right.")
    return redirect(found)


@role_required(ANNOTATOR, LEAD)
@require_POST
def assignment_reveal(request: Request, pk: UUID) -> HttpResponse:
    """Say whose the two answers of a submitted pair are; the choice stays from then on."""
    found = own_assignment(request, pk)
    try:
        reveal.reveal(found, request.user)
    except QueueError as error:
        messages.error(request, str(error))
    return redirect(found)


@role_required(ANNOTATOR, LEAD)
@require_POST
def assignment_revise(request: Request, pk: UUID) -> HttpResponse:
    """Store a second revision of each output whose labels or comment were changed after the reveal."""
    found = own_assignment(request, pk)
    if found.unit.campaign.compares:
        messages.error(request, "A choice between two answers is not revised. Take the submission back instead.")
        return redirect(found)
    before = {str(card.output.pk): card for card in screens.screen(found, request.user).cards}
    n_revised = 0
    for output_id, answer in screens.answers(found, request.POST).items():
        card = before[output_id]
        old = {row.criterion.name: row.mine.value for row in card.rows if row.mine is not None}
        if answer["labels"] == old and answer["comment"] == card.comment:
            continue
        try:
            queue.revise(found, request.user, card.output, answer["labels"], answer["comment"])
        except QueueError as error:
            messages.error(request, f"“{card.output}” was not revised: {error}")
        else:
            n_revised += 1
    if n_revised:
        messages.success(request, f"{n_revised} revised. Your first labels are kept and are the ones that count.")
    else:
        messages.info(request, "Nothing was changed, so nothing was revised.")
    return redirect(found)


@role_required(ANNOTATOR, LEAD)
@require_POST
def assignment_skip(request: Request, pk: UUID) -> HttpResponse:
    """Give the screen to somebody else, with the reason, and go on to the next."""
    found = own_assignment(request, pk)
    reason = request.POST.get("reason", "").strip()
    if not reason:
        return _screen(request, found, "Not skipped: say why, so that a lead can act on it.", HTTPStatus.BAD_REQUEST)
    try:
        queue.skip(found, request.user, reason)
    except QueueError as error:
        messages.error(request, f"Not skipped: {error}")
        return redirect(found)
    messages.info(request, "Skipped; a lead sees your reason.")
    return redirect("judge:campaign-next", found.unit.campaign_id)


@role_required(ANNOTATOR, LEAD)
@require_POST
def assignment_flag(request: Request, pk: UUID) -> HttpResponse:
    """Mark the screen for a lead; the work stays where it is."""
    found = own_assignment(request, pk)
    text = request.POST.get("flag", "").strip()
    try:
        queue.flag(found, request.user, text)
    except QueueError as error:
        messages.error(request, f"Not flagged: {error}")
    else:
        messages.success(request, "Flagged: a lead sees it." if text else "The flag is taken away.")
    return redirect(found)


@role_required(ANNOTATOR, LEAD)
@require_POST
def assignment_release(request: Request, pk: UUID) -> HttpResponse:
    """Give the screen back for now."""
    found = own_assignment(request, pk)
    queue.release(found, request.user)
    messages.info(request, "The screen is back in the queue; your draft of it is kept.")
    return redirect("judge:review")


@login_required
@require_GET
@never_cache
def run_labels(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The judge's labels for a run's outputs, as chips that htmx puts beside each; asks again until all are judged.

    The page of a run belongs to the layer below, which knows no judge; so the labels come by themselves, and what the
    person may not see yet is not among them.
    """
    run = get_object_or_404(access.visible_runs(request.user), pk=pk)
    labels, at_work, hidden = screens.run_labels(run, cast("Request", request).user)
    context = {"run": run, "labels": labels, "at_work": at_work, "hidden": hidden}
    return render(request, "judge/partials/run_labels.html", context)
