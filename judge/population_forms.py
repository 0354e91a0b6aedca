"""Which generations a lead means: the fields that campaigns and backfills share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms

from judge.frames import Population
from judge.models import Rubric
from judge.services import KIND_OF_STAGE
from recommend.models import LanguageModel, Stage

if TYPE_CHECKING:
    ModelMultipleChoiceField = forms.ModelMultipleChoiceField[LanguageModel]
else:  # at run time it takes no type
    ModelMultipleChoiceField = forms.ModelMultipleChoiceField


class ModelsField(ModelMultipleChoiceField):
    """Language models to choose from; one that does several jobs stands there once for each, so the job is named."""

    def label_from_instance(self, model: LanguageModel) -> str:
        """The choice in words."""
        return f"{model.name}, {model.get_role_display().lower()}"


class PopulationForm(forms.Form):
    """A kind of output, the rubric that it is judged by, and which generations are meant; nothing chosen is all."""

    stage = forms.ChoiceField(label="Output", choices=Stage, widget=forms.RadioSelect, initial=Stage.INTERESTS)
    rubric = forms.ModelChoiceField(Rubric.objects.fixed(), required=False, empty_label="the one in use")
    population_models = ModelsField(
        LanguageModel.objects.filter(role__in=Stage.values).order_by("role", "name"),
        label="Models",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    prompt_versions = forms.CharField(required=False, max_length=400)
    created_from = forms.DateField(
        label="Created from", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    created_until = forms.DateField(
        label="Created until", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    # Where models are chosen: all of them must make the kind of output.
    MODEL_FIELDS: ClassVar[tuple[str, ...]] = ("population_models",)

    def full_clean(self) -> None:
        """Check what was typed, and say at each field at fault that it is."""
        super().full_clean()
        for name in self.errors:
            if name in self.fields:
                self.fields[name].widget.attrs |= {"aria-invalid": "true", "aria-describedby": f"error-{name}"}

    def clean_prompt_versions(self) -> list[str]:
        return [one.strip() for one in self.cleaned_data["prompt_versions"].split(",") if one.strip()]

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        first, last = given.get("created_from"), given.get("created_until")
        if first and last and last < first:
            self.add_error("created_until", f"{last} is before {first}, the first day. Give a later day, or none.")
        if "stage" in given:
            self._check_kind(Stage(given["stage"]))
        return given

    def population(self) -> Population:
        """What was chosen. The fields of the population must be valid."""
        given = self.cleaned_data
        return Population(
            Stage(given["stage"]),
            tuple(one.pk for one in given["population_models"]),
            tuple(given["prompt_versions"]),
            given["created_from"],
            given["created_until"],
        )

    def chosen_rubric(self) -> Rubric:
        """The rubric that was chosen, or the one in use. Raises Rubric.DoesNotExist."""
        chosen: Rubric | None = self.cleaned_data["rubric"]
        return chosen or Rubric.objects.current(KIND_OF_STAGE[Stage(self.cleaned_data["stage"])])

    def _check_kind(self, stage: Stage) -> None:
        kind, rubric = KIND_OF_STAGE[stage], self.cleaned_data.get("rubric")
        if rubric is not None and rubric.kind != kind:
            self.add_error("rubric", f"“{rubric}” is for outputs of another kind. Choose one for {stage.label}.")
        for field in self.MODEL_FIELDS:
            strangers = [one.name for one in self.cleaned_data.get(field) or () if one.role != stage]
            if strangers:
                self.add_error(field, f"{', '.join(strangers)} does not make {stage.label.lower()}. Leave it out.")
