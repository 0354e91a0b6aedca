"""The page of judges: how each model is asked, panels, and what an accepted output costs; for leads."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from judge import costs, panels, services
from judge.judge_forms import PanelForm, WayForm, in_words, judge_models
from judge.models import Panel
from judge.panels import PanelError
from judge.ways import Way
from recommend.http import Request
from recommend.models import LanguageModel, Output
from recommend.roles import LEAD, role_required


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A judge model with the form of how it is asked."""

    model: LanguageModel
    way: Way
    form: WayForm


@role_required(LEAD)
@require_GET
def judges(request: Request) -> HttpResponse:
    """Models, panels and what judging costs."""
    return _page(request, PanelForm(initial={"vote": Panel.Vote.MAJORITY}))


@role_required(LEAD)
@require_POST
def judge_way(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask a judge model in another way from now on."""
    model = get_object_or_404(LanguageModel, pk=pk, role=LanguageModel.Role.JUDGE)
    form = WayForm(request.POST)
    if form.is_valid():
        profile = services.set_way(model, **form.cleaned_data)
        messages.success(
            request, f"{model} is asked with {in_words(profile.way)}, from now on: prompt {profile.way.version}."
        )
    else:
        messages.error(request, "That is no way of asking. Choose one of each list.")
    return redirect("judge:judges")


@role_required(LEAD)
@require_POST
def panel_new(request: Request) -> HttpResponse:
    """Make a panel; what cannot be one comes back with everything that was typed."""
    form = PanelForm(request.POST)
    if form.is_valid():
        try:
            made = panels.make(
                form.cleaned_data["name"], vote=form.cleaned_data["vote"], seats=form.chosen(), by=request.user
            )
        except PanelError as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
        else:
            messages.success(request, f"The panel “{made}” is made. It judges once it is set to serve.")
            return redirect("judge:judges")
    return _page(request, form, status=422)


@role_required(LEAD)
@require_POST
def panel_serving(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Have a panel judge what is made, or hand that back to the model that serves."""
    panel = panels.set_serving(get_object_or_404(Panel, pk=pk), request.POST.get("serving") == "yes")
    if panel.is_serving:
        messages.success(request, f"“{panel}” judges what is made from now on.")
    else:
        messages.success(request, f"“{panel}” no longer judges. The model that serves does.")
    return redirect("judge:judges")


def _page(request: HttpRequest, form: PanelForm, status: int = 200) -> HttpResponse:
    kind = request.GET.get("kind", "")
    kind = kind if kind in Output.Kind.values else Output.Kind.INTEREST.value
    models = judge_models()
    serving = services.find_serving_judge()
    context = {
        "kind": kind,
        "kinds": Output.Kind.choices,
        "rows": [_row(model) for model in models],
        "serving": serving,
        "panels": Panel.objects.select_related("created_by").prefetch_related("members__rater__language_model"),
        "form": form,
        "costs": costs.costs(kind),
        "days": costs.DAYS,
    }
    return render(request, "judge/judges.html", context, status=status)


def _row(model: LanguageModel) -> ModelRow:
    way = services.way_as_read(model)
    initial = {"calls": way.calls, "rationale": "before" if way.reasons_first else "after"}
    # Several forms stand on the page: their ids must differ.
    return ModelRow(model, way, WayForm(initial=initial, auto_id=f"{model.pk}-%s"))
