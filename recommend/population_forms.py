"""What leads type to have the pipeline run for a population."""

from __future__ import annotations

from typing import Any

from django import forms

from recommend.populations import queries
from recommend.populations.queries import PopulationError
from recommend.services import CHOOSABLE_STEPS, MAX_ITEMS

# How far runs go: each stage is made from those before it, so the last one says it all.
LAST_STAGES = {
    "interests": "Interests",
    "tags": "Interests and item tags",
    "items": "Interests, item tags and items",
    "explanations": "Everything, explanations too",
}


class PopulationForm(forms.Form):
    """Which shoppers, and what is made for each."""

    query = forms.CharField(label="Shoppers", max_length=queries.MAX_LENGTH, initial=queries.EVERYBODY)
    last_stage = forms.ChoiceField(
        label="What is made", choices=list(LAST_STAGES.items()), initial="tags", widget=forms.RadioSelect
    )
    beta = forms.FloatField(label="β, the weight of the collaborative arm", min_value=0.0, max_value=1.0, initial=0.5)
    n_items = forms.IntegerField(label="Items for each", min_value=1, max_value=MAX_ITEMS, initial=6)
    again = forms.BooleanField(label="Also shoppers whose history did not change", required=False)

    def full_clean(self) -> None:
        """Check what was typed, and say at each field at fault that it is."""
        super().full_clean()
        for name in self.errors:
            if name in self.fields:
                self.fields[name].widget.attrs |= {"aria-invalid": "true", "aria-describedby": f"error-{name}"}

    def clean_query(self) -> str:
        query: str = self.cleaned_data["query"]
        try:
            self.n_shoppers = queries.shoppers(query).count()
        except PopulationError as error:
            raise forms.ValidationError(str(error)) from error
        return query

    def wishes(self) -> dict[str, Any]:
        """What `services.start` takes beside who asks. The form must be valid."""
        given = dict(self.cleaned_data)
        last = CHOOSABLE_STEPS.index(given.pop("last_stage"))
        return given | {"stages": CHOOSABLE_STEPS[: last + 1]}

    def add_refusal(self, error: PopulationError) -> None:
        """Show a refusal where its value was typed."""
        self.add_error({"stages": "last_stage"}.get(error.field, error.field) or None, str(error))
