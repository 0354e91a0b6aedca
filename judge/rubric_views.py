"""The pages where leads write rubrics: drafts, versions, what changed between them, and which one is in use."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from judge import markdown, rubric_editing, services
from judge.fixed import RubricFixedError
from judge.models import Proposal, Rubric
from judge.rubric_changes import changes
from judge.rubric_editing import RubricError, StaleEditionError
from judge.rubric_forms import RubricForm
from recommend.http import Request, read_id
from recommend.models import Output
from recommend.roles import LEAD, role_required


@role_required(LEAD)
@require_GET
def rubrics(request: Request) -> HttpResponse:
    """All rubrics by kind of output: drafts first, then versions, newest first."""
    found = list(_rubrics().order_by("kind", "-version"))
    kinds = [(kind, title, [one for one in found if one.kind == kind]) for kind, title in Output.Kind.choices]
    return render(request, "judge/rubrics.html", {"kinds": kinds, "in_use": _in_use()})


@role_required(LEAD)
@require_POST
def rubric_new(request: Request) -> HttpResponse:
    """Make a draft: from the rubric that `from` names, or an empty one of a `kind`."""
    named = read_id(request.POST.get("from", ""))
    made_from = get_object_or_404(Rubric, pk=named) if named else None
    try:
        draft = rubric_editing.new_draft(kind=request.POST.get("kind", ""), made_from=made_from, by=request.user)
    except RubricError as error:
        messages.error(request, str(error))
        return redirect("judge:rubrics")
    return redirect("judge:rubric-edit", draft.pk)


@role_required(LEAD)
@require_GET
@never_cache
def rubric(request: Request, pk: UUID) -> HttpResponse:
    """One rubric as it is asked, and what changed since the one that it was made from, or that `against` names."""
    found = get_object_or_404(_rubrics().select_related("made_from", "created_by", "fixed_by"), pk=pk)
    rules, proposal = services.definition(found), Proposal.objects.filter(draft=found).first()
    others = Rubric.objects.filter(kind=found.kind).exclude(pk=found.pk).order_by("-version", "-created_at")
    named = read_id(request.GET.get("against", ""))
    against = others.filter(pk=named).first() if named else found.made_from
    context = {
        "rubric": found,
        "rules": rules,
        "is_in_use": found.pk in _in_use(),
        "proposal": proposal,
        "may_be_used": proposal is None or proposal.switched_on_at is not None,
        "open_points": rubric_editing.open_points(rules) if found.is_draft else [],
        "others": others,
        "against": against,
        "changes": changes(services.definition(against), rules) if against else [],
    }
    return render(request, "judge/rubric.html", context)


@role_required(LEAD)
@require_http_methods(["GET", "POST"])
def rubric_edit(request: Request, pk: UUID) -> HttpResponse:
    """Write a draft: its texts, criteria, labels and examples."""
    found = get_object_or_404(Rubric, pk=pk)
    if found.is_draft and request.method == "GET":
        return _form(request, found, RubricForm.of(services.definition(found), found.edition))
    form = RubricForm(request.POST)
    try:
        if not found.is_draft:
            raise RubricFixedError(found)
        if form.is_valid():
            rubric_editing.save(found, form.content(found.kind), form.cleaned_data["edition"])
            messages.success(request, "The draft is saved.")
            return redirect("judge:rubric-edit" if form.cleaned_data["add"] else "judge:rubric", found.pk)
    except RubricFixedError as error:
        messages.error(request, str(error))
        return redirect(found)
    except StaleEditionError as error:
        form.refuse(error)
        return _form(request, found, form, HTTPStatus.CONFLICT)
    except RubricError as error:
        form.refuse(error)
    return _form(request, found, form, HTTPStatus.UNPROCESSABLE_ENTITY)


def _form(request: Request, draft: Rubric, form: RubricForm, status: int = HTTPStatus.OK) -> HttpResponse:
    return render(request, "judge/rubric_edit.html", {"rubric": draft, "form": form}, status=status)


@role_required(LEAD)
@require_POST
def rubric_preview(request: Request) -> HttpResponse:
    """The Markdown of the field that asks, as it will be shown."""
    text = request.POST.get(request.htmx.trigger_name or "guideline", "")
    return HttpResponse(markdown.render(text[: rubric_editing.MAX_TEXT]))


@role_required(LEAD)
@require_POST
def rubric_fix(request: Request, pk: UUID) -> HttpResponse:
    """Give a draft its version, and put it in use where that is wished."""
    found = get_object_or_404(Rubric, pk=pk)
    try:
        fixed = rubric_editing.fix(found, by=request.user, in_use="in_use" in request.POST)
    except (RubricError, RubricFixedError) as error:
        messages.error(request, str(error))
    else:
        now = "; judges go by it from now on" if fixed.in_use_since else ""
        messages.success(request, f"“{fixed.title}” is fixed as version {fixed.version}{now}.")
    return redirect(found)


@role_required(LEAD)
@require_POST
def rubric_use(request: Request, pk: UUID) -> HttpResponse:
    """Have judges go by a version from now on."""
    found = get_object_or_404(Rubric, pk=pk)
    try:
        rubric_editing.put_in_use(found, by=request.user)
    except RubricError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Judges go by “{found}” from now on.")
    return redirect(found)


@role_required(LEAD)
@require_POST
def rubric_discard(request: Request, pk: UUID) -> HttpResponse:
    """Delete a draft."""
    found = get_object_or_404(Rubric, pk=pk)
    try:
        rubric_editing.discard(found)
    except RubricFixedError as error:
        messages.error(request, str(error))
        return redirect(found)
    messages.success(request, f"“{found}” is deleted.")
    return redirect("judge:rubrics")


def _rubrics() -> QuerySet[Rubric, Any]:
    """Rubrics with how many campaigns go by each."""
    return Rubric.objects.prefetch_related("criteria").annotate(n_campaigns=Count("campaign", distinct=True))


def _in_use() -> set[UUID]:
    """The rubrics that judges go by now, one of each kind that has any."""
    latest = Rubric.objects.fixed().filter(in_use_since__isnull=False)
    ordered = latest.order_by("kind", "-in_use_since", "-version").distinct("kind")
    return set(ordered.values_list("pk", flat=True))
