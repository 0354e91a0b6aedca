"""The pages where leads propose an edit of the judge's prompt, try it on held-out labels, and switch it on."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from judge.models import Proposal, Trial
from judge.proposals import pages, plugins, services, switching, trials
from judge.proposals.optimizers import ProposalError
from judge.proposals.proposing import propose
from judge.proposals.trials import BUDGET, MAX_BUDGET, MIN_BUDGET
from recommend import roles
from recommend.http import Request
from recommend.models import Output
from recommend.roles import LEAD, role_required


class ProposalForm(forms.Form):
    """What a proposal is to be made for, and by what."""

    kind = forms.ChoiceField(choices=Output.Kind)
    judge = forms.ChoiceField(label="Judge", required=False)
    optimizer = forms.ChoiceField(label="Optimiser")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # whatever a form takes
        self.judges = {str(one.pk): one for one in pages.judges()}
        named = [(pk, str(one)) for pk, one in self.judges.items()]
        self.fields["judge"] = forms.ChoiceField(
            label="Judge", required=False, choices=[("", "the judge that serves now"), *named]
        )
        self.fields["optimizer"] = forms.ChoiceField(label="Optimiser", choices=plugins.choices())


@role_required(LEAD)
@require_GET
def rubric_proposals(request: Request) -> HttpResponse:
    """The proposals of a kind of output, and the form for another."""
    kind = _kind(request)
    context = {
        "kind": kind,
        "kinds": Output.Kind.choices,
        "form": ProposalForm(initial={"kind": kind}),
        "start": pages.start(kind),
        "proposals": pages.proposals(kind),
    }
    return render(request, "judge/proposals.html", context)


@role_required(LEAD)
@require_POST
def rubric_proposal_new(request: Request) -> HttpResponse:
    """Propose an edit from what was decided."""
    form = ProposalForm(request.POST)
    try:
        if not form.is_valid():
            raise ProposalError("That cannot be proposed: choose a kind, a judge and an optimiser of the lists.")
        wanted = form.cleaned_data
        proposal = propose(
            wanted["kind"], by=request.user, judge=form.judges.get(wanted["judge"]), optimizer=wanted["optimizer"]
        )
    except ProposalError as error:
        messages.error(request, str(error))
        return redirect(f"{reverse('judge:rubric-proposals')}?{urlencode({'kind': _kind(request)})}")
    return redirect(proposal)


@role_required(LEAD)
@require_GET
def rubric_proposal(request: Request, pk: UUID) -> HttpResponse:
    """One proposal: what it changes, what its trial found, and whether it may be switched on."""
    found = pages.shown(_proposal(pk), request.user)
    # htmx asks for the progress alone, and for the whole page once there is something new to read on it.
    if request.htmx and found.trial is not None and found.trial.is_active:
        return render(request, "judge/partials/trial_progress.html", {"trial": found.trial})
    if request.htmx:
        return HttpResponse(headers={"HX-Refresh": "true"})
    context = {
        "shown": found,
        "proposal": found.proposal,
        "budget": BUDGET,
        "min_budget": MIN_BUDGET,
        "max_budget": MAX_BUDGET,
        "most": pages.MAX_TURNED,
        "may_override": roles.has_role(request.user, roles.ADMIN),
    }
    return render(request, "judge/proposal.html", context)


@role_required(LEAD)
@require_POST
def rubric_proposal_try(request: Request, pk: UUID) -> HttpResponse:
    """Start a trial."""
    proposal, asked = _proposal(pk), request.POST.get("budget", "")
    try:
        if not (asked.isascii() and asked.isdecimal() and len(asked) < 8):
            raise ProposalError(f"“{asked}” is not a number of questions.")
        services.start_trial(proposal, by=request.user, budget=int(asked))
    except ProposalError as error:
        messages.error(request, str(error))
    return redirect(proposal)


@role_required(LEAD)
@require_POST
def rubric_trial_cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stop a trial."""
    return redirect(trials.cancel(get_object_or_404(Trial, pk=pk)).proposal)


@role_required(LEAD)
@require_POST
def rubric_proposal_switch_on(request: Request, pk: UUID) -> HttpResponse:
    """Have judges go by it from now on."""
    proposal = _proposal(pk)
    try:
        on = switching.switch_on(proposal, by=request.user, reason=request.POST.get("reason", ""))
    except ProposalError as error:
        messages.error(request, str(error))
        return redirect(proposal)
    messages.success(request, f"“{on.draft}” is switched on: judges go by it from now on.")
    return redirect(proposal)


def _proposal(pk: UUID) -> Proposal:
    return get_object_or_404(Proposal.objects.select_related(*pages.READ_ALONG), pk=pk)


def _kind(request: HttpRequest) -> str:
    asked = request.POST.get("kind") or request.GET.get("kind", "")
    return asked if asked in Output.Kind.values else Output.Kind.INTEREST
