"""What leads type to have the pipeline run for a population."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

from django import forms

from recommend.choice_forms import ChoicesForm
from recommend.populations import queries
from recommend.populations.queries import PopulationError
from recommend.services import CHOOSABLE_STEPS

# How far runs go: each stage is made from those before it, so the last one says it all.
LAST_STAGES = {
    "interests": "Interests",
    "tags": "Interests and item tags",
    "items": "Interests, item tags and items",
    "explanations": "Everything, explanations too",
}


class PopulationForm(ChoicesForm):
    """Which shoppers, and what is made for each."""

    query = forms.CharField(label="Shoppers", max_length=queries.MAX_LENGTH, initial=queries.EVERYBODY)
    last_stage = forms.ChoiceField(
        label="What is made", choices=list(LAST_STAGES.items()), initial="tags", widget=forms.RadioSelect
    )
    reference_day = forms.DateField(
        label="Looked at from", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    tells_runs = forms.BooleanField(label="Tell webhooks of each run too, not of the end alone", required=False)
    again = forms.BooleanField(label="Also shoppers whose history did not change", required=False)

    def clean_query(self) -> str:
        query: str = self.cleaned_data["query"]
        try:
            self.n_shoppers = queries.shoppers(query).count()
        except PopulationError as error:
            raise forms.ValidationError(str(error)) from error
        return query

    def wishes(self) -> dict[str, Any]:
        """What `services.start` takes beside who asks. The form must be valid."""
        given = self.cleaned_data
        stages = CHOOSABLE_STEPS[: CHOOSABLE_STEPS.index(given["last_stage"]) + 1]
        chosen = self.chosen()
        if "items" not in stages:
            del chosen["rules"]
        day = given["reference_day"]
        return {
            "query": given["query"],
            "stages": stages,
            "again": given["again"],
            "tells_runs": given["tells_runs"],
            "reference_at": datetime.combine(day, time(), UTC) if day else None,
            **chosen,
            "models": {stage: model for stage, model in chosen["models"].items() if stage in stages},
        }

    def add_refusal(self, error: PopulationError) -> None:
        """Show a refusal where its value was typed."""
        self.refuse({"stages": "last_stage", "reference_at": "reference_day"}.get(error.field, error.field), str(error))
