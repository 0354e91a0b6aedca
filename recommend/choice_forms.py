"""What can be chosen of a run beside whom it is for: one set of fields for every form that asks it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, fields
from typing import Any

from django import forms
from django.conf import settings

from recommend import languages, prompts
from recommend.models import ExplanationSource, LanguageModel, Stage, TagStrategy
from recommend.retrieval.selection import Rules
from recommend.services import MAX_ITEMS

SERVING = "the one that serves"
OWN_PROMPT = "the model’s own, or the newest"
RULES = tuple(field.name for field in fields(Rules))
TAKEN_WORDS = {
    "recent": "is left out for a month",
    "ever": "is never offered again",
    "offered": "may be offered again",
}


class ChoicesForm(forms.Form):
    """Models, language, strategy for tags, weight of the arms and length of the list.

    steps  those that the form asks about; a stage that is not among them has no fields
    """

    language = forms.ChoiceField(label="Language", choices=languages.CHOICES, initial=languages.ENGLISH)
    tag_strategy = forms.ChoiceField(
        label="Strategy for tags", choices=TagStrategy.choices, initial=TagStrategy.DIRECT, required=False
    )
    beta = forms.FloatField(label="β, the weight of the collaborative arm", min_value=0.0, max_value=1.0, initial=0.5)
    n_items = forms.IntegerField(label="Items", min_value=1, max_value=MAX_ITEMS, initial=6)

    categories = forms.CharField(label="Only items of these categories", required=False, max_length=10_000)
    taken = forms.ChoiceField(label="What the shopper took already", choices=list(TAKEN_WORDS.items()))
    in_stock_only = forms.BooleanField(label="Only what is in stock", required=False)
    diversity = forms.FloatField(label="Diversity", min_value=0.0, max_value=1.0)

    def __init__(self, *args: Any, steps: Collection[str] = tuple(Stage), **kwargs: Any) -> None:
        self._set = Rules(**settings.RETRIEVAL_RULES)
        given = kwargs.pop("initial", None) or {}
        kwargs["initial"] = asdict(Rules(**(settings.RETRIEVAL_RULES | given.get("rules", {})))) | given
        kwargs["initial"]["categories"] = "; ".join(kwargs["initial"]["categories"])
        super().__init__(*args, **kwargs)
        usable = LanguageModel.objects.exclude(state=LanguageModel.State.RETIRED).order_by("name", "pk")
        self.stages = [stage for stage in Stage if stage in steps]
        for stage in self.stages:
            self.fields[f"model_{stage}"] = forms.ModelChoiceField(
                usable.filter(role=stage), label=f"{stage.label} by", required=False, empty_label=SERVING
            )

    def full_clean(self) -> None:
        """Check what was typed, and say at each field at fault that it is."""
        super().full_clean()
        for name in self.errors:
            if name in self.fields:
                self.fields[name].widget.attrs |= {"aria-invalid": "true", "aria-describedby": f"error-{name}"}

    def clean_categories(self) -> Any:
        names = [name.strip() for name in self.cleaned_data["categories"].split(";") if name.strip()]
        # As the settings have it where it is the same, whether that is a tuple or a list.
        return self._set.categories if names == list(self._set.categories) else names

    @property
    def model_fields(self) -> list[forms.BoundField]:
        return [self[f"model_{stage}"] for stage in self.stages]

    def chosen(self) -> dict[str, Any]:
        """What was chosen, by the names of what `services.start_run` takes. The form must be valid."""
        given = self.cleaned_data
        models = {stage: model for stage in self.stages if (model := given[f"model_{stage}"])}
        rules = {name: given[name] for name in RULES if given[name] != getattr(self._set, name)}
        chosen = {name: given[name] for name in ("language", "beta", "n_items")} | {"models": models, "rules": rules}
        return chosen | {"tag_strategy": given["tag_strategy"] or TagStrategy.DIRECT}

    def refuse(self, field: str, words: str) -> None:
        """Show a refusal where its value was chosen, by the field's name in the services: “models.tags” and so on."""
        name = field.replace("models.", "model_").replace("prompts.", "prompt_").replace("rules.", "")
        self.add_error(name if name in self.fields else None, words)


class CompareForm(ChoicesForm):
    """What a run may do otherwise than another one: versions of its prompts and the source of its explanations too."""

    explanation_source = forms.ChoiceField(
        label="Explanations", choices=ExplanationSource.choices, initial=ExplanationSource.MADE
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for stage in self.stages:
            choices = [("", OWN_PROMPT), *((version, f"version {version}") for version in prompts.versions(stage))]
            label = f"Prompt of {stage.label.lower()}"
            self.fields[f"prompt_{stage}"] = forms.ChoiceField(label=label, choices=choices, required=False)

    @property
    def prompt_fields(self) -> list[forms.BoundField]:
        return [self[f"prompt_{stage}"] for stage in self.stages]

    def chosen(self) -> dict[str, Any]:
        """See ChoicesForm."""
        versions = {stage: version for stage in self.stages if (version := self.cleaned_data[f"prompt_{stage}"])}
        source = self.cleaned_data["explanation_source"]
        return super().chosen() | {"prompts": versions, "explanation_source": source}
