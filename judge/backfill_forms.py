"""What leads type to have a judge asked about what is stored; the same fields for a start and for its estimate."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from judge import services
from judge.backfills.runner import BackfillError
from judge.judge_forms import judge_models, way_choices
from judge.models import Panel, Rater
from judge.population_forms import PopulationForm

MAX_CALLS = 10_000_000
MAX_MONEY = Decimal(1_000_000)


class BackfillForm(PopulationForm):
    """A judge, a population and a budget."""

    judge = forms.ChoiceField(error_messages={"required": "Choose who is asked."})
    again = forms.BooleanField(label="Ask again where an earlier answer was of no use", required=False)
    max_calls = forms.IntegerField(label="Most calls", min_value=1, max_value=MAX_CALLS, required=False)
    max_money = forms.DecimalField(
        label="Most money",
        min_value=Decimal("0.000001"),
        max_value=MAX_MONEY,
        max_digits=14,
        decimal_places=6,
        required=False,
    )

    # What an estimate needs; the budget may still be empty.
    ESTIMATE_FIELDS = (
        *("judge", "stage", "rubric", "population_models", "prompt_versions", "created_from", "created_until"),
        *("again", "max_calls", "max_money"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.models = {str(model.pk): model for model in judge_models()}
        self.panels = {str(panel.pk): panel for panel in Panel.objects.all()}
        choices = way_choices(self.models.values())
        if self.panels:
            choices.append(("Panels", [(f"panel:{pk}", panel.name) for pk, panel in self.panels.items()]))
        judge = self.fields["judge"]
        assert isinstance(judge, forms.ChoiceField)
        judge.choices = choices
        if (serving := services.find_serving_judge()) is not None:
            judge.initial = _value(serving)

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        asked_for = given.get("max_calls") is not None or given.get("max_money") is not None
        if not asked_for and not {"max_calls", "max_money"} & set(self.errors):
            self.add_error("max_calls", "Give a budget: the most calls, the most money, or both.")
        return given

    def rater(self) -> Rater:
        """The judge that was chosen, as the rater that it is. `judge` must be valid."""
        kind, _, rest = self.cleaned_data["judge"].partition(":")
        if kind == "panel":
            return Rater.objects.select_related("panel").get(panel=self.panels[rest])
        return services.rater_for_model(self.models[kind], rest)

    def budget(self) -> dict[str, Any]:
        """What estimates and `services.start` take beside judge, rubric and population."""
        return {name: self.cleaned_data.get(name) for name in ("max_calls", "max_money")} | {
            "again": bool(self.cleaned_data.get("again"))
        }

    def estimate_errors(self) -> list[str]:
        """What is wrong with the fields that an estimate needs; without a budget it is one of everything."""
        missing = self.data.get("max_calls", "") == self.data.get("max_money", "") == ""
        wanted = [name for name in self.ESTIMATE_FIELDS if not (missing and name == "max_calls")]
        return [str(text) for name in wanted for text in self.errors.get(name, ())]

    def add_refusal(self, error: BackfillError) -> None:
        """Show a refusal where its value was typed."""
        self.add_error(error.field if error.field in self.fields else None, str(error))


def _value(judge: Rater) -> str:
    return f"panel:{judge.panel_id}" if judge.panel_id else f"{judge.language_model_id}:{judge.prompt_version}"
