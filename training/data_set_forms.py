"""What leads type to have a data set built: the values that its stage reads."""

from __future__ import annotations

from typing import Any

from django import forms

from judge.models import Rater, Rubric
from judge.population_forms import ModelsField
from recommend.languages import CHOICES
from recommend.models import LanguageModel, Output, Stage
from training.data_sets.curriculum.tasks import in_order
from training.data_sets.services import MAX_NAME
from training.data_sets.wanted import OF_STAGES, DataSetError, Wanted

# What each stage is, where one is chosen.
ABOUT = {
    "curriculum": "Small tasks of the trade, easy before hard, from the catalogue, what shoppers did, and files.",
    "self-training": "What the model wrote and labels accepted, so that it learns to write more of it.",
    "pre-alignment": "What a teacher wrote, accepted by rules, by labels or by people alone.",
    "incremental": "What shoppers bought in the last days, as the tags that should have been proposed.",
    "judge": "What people said of outputs, a row for each criterion, balanced by label.",
    "preferences": "Of one prompt a better and a worse answer, from labels and from comparisons.",
    "rewards": "Outputs of one generation with their grades S, A and B.",
}
CURATION = {"labels": "Labels: a lead’s, people’s, else the judge’s", "people": "People’s labels alone"}
DATE = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class DataSetForm(forms.Form):
    """A name and the query of one stage; an empty value is as if it had not been asked for."""

    name = forms.CharField(max_length=MAX_NAME)
    kind = forms.ChoiceField(label="Outputs", choices=Output.Kind.choices, initial="tag", widget=forms.RadioSelect)
    models = ModelsField(
        LanguageModel.objects.filter(role__in=Stage.values).order_by("role", "name"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    created_from = forms.DateField(label="From", required=False, widget=DATE)
    created_until = forms.DateField(label="Until", required=False, widget=DATE)
    curation = forms.ChoiceField(label="Accepted by", choices=list(CURATION.items()), widget=forms.RadioSelect)
    judge = forms.ChoiceField(required=False)
    criteria = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    half_life_days = forms.FloatField(label="Half-life of labels, in days", required=False)
    tasks = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    per_task = forms.IntegerField(label="Most rows of each task", required=False)
    until = forms.DateField(label="Days before", required=False, widget=DATE)
    days = forms.IntegerField(label="How many days", required=False)
    tag_text = forms.ChoiceField(
        label="The tag is", choices=[("title", "the item’s title"), ("category", "its narrowest category")]
    )
    relevance = forms.FloatField(label="Least similarity to an interest", required=False)
    max_tags = forms.IntegerField(label="Most tags of one shopper", required=False)
    per_category = forms.IntegerField(label="Most of one category", required=False)
    languages = forms.MultipleChoiceField(choices=CHOICES, required=False, widget=forms.CheckboxSelectMultiple)
    max_tokens = forms.IntegerField(label="Most tokens of a row", required=False)
    near = forms.FloatField(label="Near duplicates from", required=False)
    per_shopper = forms.IntegerField(label="Most rows of one shopper", required=False)
    validation_share = forms.FloatField(label="Shoppers held out", required=False)
    split_at = forms.DateField(label="Training looks from days before", required=False, widget=DATE)
    seed = forms.IntegerField(required=False)

    def __init__(self, stage: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stage = stage
        for name in [name for name in self.fields if stage not in OF_STAGES.get(name, (stage,))]:
            del self.fields[name]
        if stage in ("curriculum", "incremental"):
            del self.fields["kind"]
        for name, field in Wanted.model_fields.items():
            if name in self.fields and field.default not in (None, ()) and not field.is_required():
                self.fields[name].initial = field.default
        self._offer("judge", [("", "The one that serves"), *((str(one.pk), str(one)) for one in _judges())])
        self._offer("criteria", _criteria())
        self._offer("tasks", [(one.name, f"{one.name} ({one.level}, {one.source})") for one in in_order()])
        if stage == "pre-alignment":
            self._offer("curation", [("rules", "Rules alone"), *CURATION.items()])

    def full_clean(self) -> None:
        """Check what was typed, and say at each field at fault that it is."""
        super().full_clean()
        for name in self.errors:
            if name in self.fields:
                self.fields[name].widget.attrs |= {"aria-invalid": "true", "aria-describedby": f"error-{name}"}

    def wishes(self) -> dict[str, Any]:
        """What `services.start` takes beside who asks. The form must be valid."""
        given = {name: value for name, value in self.cleaned_data.items() if value not in (None, "", [])}
        if "models" in given:
            given["models"] = [str(one.pk) for one in given["models"]]
        name = given.pop("name")
        return {"name": name, "query": {"stage": self.stage} | given}

    def add_refusal(self, error: DataSetError) -> None:
        """Show a refusal where its value was typed."""
        self.add_error(error.field if error.field in self.fields else None, str(error))

    def _offer(self, name: str, choices: list[tuple[str, Any]]) -> None:
        field = self.fields.get(name)
        if isinstance(field, forms.ChoiceField):
            field.choices = choices


def _judges() -> list[Rater]:
    found = Rater.objects.filter(user__isnull=True).select_related("user", "language_model", "panel")
    return list(found.order_by("-created_at"))


def _criteria() -> list[tuple[str, str]]:
    """The criteria of every kind's rubric: a form without scripts cannot know yet which kind is meant."""
    found: dict[str, list[str]] = {}
    for kind in Output.Kind:
        rubric = Rubric.objects.filter(kind=kind, version__gt=0, in_use_since__isnull=False)
        newest = rubric.order_by("-in_use_since", "-version").first()
        for one in newest.criteria.all() if newest else ():
            found.setdefault(one.name, []).append(kind.label.lower())
    return [(name, f"{name} ({', '.join(kinds)})") for name, kinds in found.items()]
