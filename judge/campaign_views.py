"""The pages where leads make, follow and steer campaigns."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from judge import annotators, campaign_pages, campaigns, plans, preferences, requeue, tables
from judge.campaign_forms import CampaignForm, ExtendForm, initial_of
from judge.comparison import Filters
from judge.models import Campaign, Preference, Rubric
from judge.plans import PlanError
from recommend.http import Request, read_id
from recommend.roles import LEAD, role_required

DONE = {
    Campaign.State.ACTIVE: "is open: annotators are given work from it",
    Campaign.State.PAUSED: "is paused: nobody is given new work; what is in hand can still be submitted",
    Campaign.State.CLOSED: "is closed: no more answers are taken; drafts are kept",
}


@role_required(LEAD)
@require_GET
def campaign_list(request: Request) -> HttpResponse:
    """All campaigns with their state and progress."""
    return render(request, "judge/campaign_list.html", {"rows": campaign_pages.rows()})


@role_required(LEAD)
@require_GET
@never_cache
def campaign(request: Request, pk: UUID) -> HttpResponse:
    """One campaign: what is in its queue and why, and the buttons to steer it."""
    found = get_object_or_404(Campaign.objects.select_related("rubric", "created_by"), pk=pk)
    context = {
        "campaign": found,
        "queue": campaign_pages.queue(found),
        "members": found.members.order_by("username"),
        "versions": requeue.versions(found),
        "below": annotators.below_bar(found) if found.gold_share else [],
    }
    return render(request, "judge/campaign.html", context)


@role_required(LEAD)
@require_http_methods(["GET", "POST"])
def campaign_new(request: Request) -> HttpResponse:
    """Make a campaign; `?from=` fills the form in with another one's settings."""
    if request.method == "GET":
        return _form(request, CampaignForm(initial=_initial(request)))
    form = CampaignForm(request.POST)
    if form.is_valid():
        try:
            made = campaigns.start(by=request.user, **form.settings())
        except PlanError as error:
            form.add_plan_error(error)
        except Rubric.DoesNotExist as error:
            form.add_error("rubric", str(error))
        else:
            n_units = made.units.sampled().count()
            messages.success(request, f"“{made}” is open, with {n_units:,} generation{'s' * (n_units != 1)} drawn.")
            return redirect("judge:campaign", made.pk)
    return _form(request, form, HTTPStatus.UNPROCESSABLE_ENTITY)


def _initial(request: Request) -> dict[str, object] | None:
    named = read_id(request.GET.get("from", ""))
    other = Campaign.objects.filter(pk=named).first() if named else None
    return initial_of(other) if other else None


@role_required(LEAD)
@require_POST
def campaign_preview(request: Request) -> HttpResponse:
    """How much the plan would draw; htmx asks for that part alone, without scripts the whole form comes back."""
    form = CampaignForm(request.POST)
    context: dict[str, object] = {"problems": form.plan_errors()}
    if not context["problems"]:
        try:
            context["preview"] = plans.preview(form.to_preview())
        except (PlanError, Rubric.DoesNotExist) as error:
            context["problems"] = [str(error)]
    if request.htmx:
        return render(request, "judge/partials/campaign_preview.html", context)
    return _form(request, CampaignForm(initial=request.POST.dict() | _lists(request)), context=context)


def _lists(request: Request) -> dict[str, list[str]]:
    return {name: request.POST.getlist(name) for name in ("population_models", "rival_models", "members")}


def _form(
    request: Request, form: CampaignForm, status: int = HTTPStatus.OK, context: Mapping[str, object] | None = None
) -> HttpResponse:
    return render(request, "judge/campaign_form.html", {"form": form, **(context or {})}, status=status)


@role_required(LEAD)
@require_http_methods(["GET", "POST"])
def campaign_extend(request: Request, pk: UUID) -> HttpResponse:
    """More people, time or generations for a campaign."""
    found = get_object_or_404(Campaign, pk=pk)
    if request.method == "GET":
        form = ExtendForm(found)
        return render(request, "judge/campaign_extend.html", {"campaign": found, "form": form})
    form = ExtendForm(found, request.POST)
    if form.is_valid():
        before = found.units.sampled().count()
        try:
            campaigns.extend(found, **form.changes())
        except PlanError as error:
            form.add_plan_error(error)
        else:
            n_new = found.units.sampled().count() - before
            messages.success(request, f"“{found}” is extended; {n_new:,} more generation{'s' * (n_new != 1)} drawn.")
            return redirect("judge:campaign", found.pk)
    context = {"campaign": found, "form": form}
    return render(request, "judge/campaign_extend.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY)


@role_required(LEAD)
@require_POST
def campaign_state(request: Request, pk: UUID) -> HttpResponse:
    """Pause, open or close; the page has asked before."""
    found = get_object_or_404(Campaign, pk=pk)
    wanted = request.POST.get("state", "")
    if wanted not in Campaign.State.values:
        known = ", ".join(Campaign.State.values)
        messages.error(request, f"“{wanted}” is no state of a campaign. Send one of {known}.")
    else:
        campaigns.set_state(found, Campaign.State(wanted))
        messages.success(request, f"“{found}” {DONE[Campaign.State(wanted)]}.")
    return redirect("judge:campaign", found.pk)


@role_required(LEAD)
@require_GET
@never_cache
def campaign_preferences(request: Request, pk: UUID) -> HttpResponse:
    """What people preferred in a campaign that compares."""
    found = get_object_or_404(Campaign.objects.filter(task=Campaign.Task.COMPARE).select_related("rubric"), pk=pk)
    result = preferences.of(found)
    context = {
        "campaign": found,
        "found": result,
        "sentence": campaign_pages.in_words(found)[0],
        "rows": preferences.rows(result),
        "counts": [(Preference.Choice(choice).label, n) for choice, n in result.counts.items()],
    }
    return render(request, "judge/preferences.html", context)


@role_required(LEAD)
@require_GET
def campaign_preferences_file(request: Request, pk: UUID) -> HttpResponse:
    """The same figures as a CSV file."""
    found = get_object_or_404(Campaign.objects.filter(task=Campaign.Task.COMPARE).select_related("rubric"), pk=pk)
    filters = Filters(kind=found.rubric.kind, campaign=found.pk)
    return tables.download("preferences", filters, preferences.table(preferences.of(found)))


@role_required(LEAD)
@require_POST
def campaign_again(request: Request, pk: UUID) -> HttpResponse:
    """Queue a campaign's units again under another version of the rubric."""
    found = get_object_or_404(Campaign, pk=pk)
    named = read_id(request.POST.get("rubric", ""))
    rubric = get_object_or_404(Rubric, pk=named)
    try:
        made = requeue.again(found, rubric, by=request.user, guidelines=request.POST.get("guidelines", "")[:20_000])
    except PlanError as error:
        messages.error(request, str(error))
        return redirect("judge:campaign", found.pk)
    n_units = made.units.sampled().count()
    messages.success(
        request, f"{n_units:,} generation{'s' * (n_units != 1)} of “{found}” are queued again in “{made}”."
    )
    return redirect("judge:campaign", made.pk)
