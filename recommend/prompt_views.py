"""The page where leads see two versions of a prompt side by side."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from recommend import prompt_comparisons
from recommend.http import Request
from recommend.models import LanguageModel, Stage
from recommend.prompt_comparisons import Chosen
from recommend.roles import LEAD, role_required

PAIRS_PER_PAGE = 10


class PromptsForm(forms.Form):
    """Stage, two versions and a model, as the address has them; what it lacks, or has wrong, is the default."""

    stage = forms.ChoiceField(label="Stage", choices=Stage.choices, required=False)
    a = forms.ChoiceField(label="Version A", required=False)
    b = forms.ChoiceField(label="Version B", required=False)
    model = forms.ModelChoiceField(LanguageModel.objects.none(), label="Model", required=False, empty_label="any model")

    def __init__(self, given: Any) -> None:
        stage = Stage(given["stage"]) if given.get("stage") in Stage.values else Stage.INTERESTS
        versions = prompt_comparisons.versions_of(stage)
        newest, before = (*versions, "", "")[:2]
        defaults = {"stage": stage, "a": before or newest, "b": newest, "model": ""}
        super().__init__({name: given.get(name) or value for name, value in defaults.items()})
        self.fields["a"].choices = self.fields["b"].choices = [(one, one) for one in versions]  # type: ignore[attr-defined]
        made = LanguageModel.objects.filter(role=stage, generations__isnull=False).distinct().order_by("name")
        self.fields["model"].queryset = made  # type: ignore[attr-defined]
        self.of_stage = stage
        self.versions = versions

    def chosen(self) -> Chosen | None:
        """What is compared; None where there are no two versions, or the address names none that there is."""
        if not self.is_valid() or len(self.versions) < 2:
            return None
        return Chosen(self.of_stage, self.cleaned_data["a"], self.cleaned_data["b"], self.cleaned_data["model"])


@role_required(LEAD)
@require_GET
def prompts(request: Request) -> HttpResponse:
    """What two versions of a prompt made for the same shoppers, and in which figures they differ."""
    form = PromptsForm(request.GET)
    context: dict[str, Any] = {"form": form, "most": prompt_comparisons.MAX_CALLS}
    if (chosen := form.chosen()) is not None:
        found = prompt_comparisons.compare(chosen)
        page = Paginator(found.pairs, PAIRS_PER_PAGE).get_page(request.GET.get("page"))
        address = request.GET.copy()
        address.pop("page", None)
        context |= {
            "chosen": chosen,
            "comparison": found,
            "page": page,
            "pairs": prompt_comparisons.read(list(page.object_list)),
            "address": address.urlencode(),
        }
    return render(request, "recommend/prompts.html", context)
