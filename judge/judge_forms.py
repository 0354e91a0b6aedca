"""What leads choose of judges: how a model is asked, and who sits in a panel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from judge import ways
from judge.models import JudgeProfile, Panel
from judge.panels import Seat
from judge.ways import Way
from recommend.models import LanguageModel

N_SEATS = 5


class WayForm(forms.Form):
    """How a judge model is asked."""

    calls = forms.ChoiceField(choices=JudgeProfile.Calls)
    rationale = forms.ChoiceField(label="Rationale", choices=JudgeProfile.Rationale)


class PanelForm(forms.Form):
    """A panel: its name, how it votes, and up to N_SEATS members, each a model in a way with a weight."""

    name = forms.CharField(max_length=100, strip=True, error_messages={"required": "Give the panel a name."})
    vote = forms.ChoiceField(choices=Panel.Vote, initial=Panel.Vote.MAJORITY)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.models = {str(model.pk): model for model in judge_models()}
        choices = [("", "nobody"), *way_choices(self.models.values())]
        for number in range(1, N_SEATS + 1):
            self.fields[f"seat_{number}"] = forms.ChoiceField(label=f"Member {number}", choices=choices, required=False)
            self.fields[f"weight_{number}"] = forms.FloatField(
                label=f"Weight of member {number}", initial=1, required=False, min_value=0
            )

    def seats(self) -> list[tuple[Any, Any]]:
        """The fields of each member, for the page."""
        return [(self[f"seat_{number}"], self[f"weight_{number}"]) for number in range(1, N_SEATS + 1)]

    def chosen(self) -> list[Seat]:
        """The members of a valid form."""
        found = []
        for number in range(1, N_SEATS + 1):
            pk, _, version = self.cleaned_data[f"seat_{number}"].partition(":")
            way = ways.of_version(version)
            if pk and way is not None:
                weight = self.cleaned_data[f"weight_{number}"]
                found.append(Seat(self.models[pk], way, 1.0 if weight is None else weight))
        return found


def judge_models() -> list[LanguageModel]:
    """The judge models that can be asked, the one that serves first."""
    found = LanguageModel.objects.filter(role=LanguageModel.Role.JUDGE).exclude(state=LanguageModel.State.RETIRED)
    serving = LanguageModel.State.SERVING
    return sorted(found.select_related("judge_profile"), key=lambda model: (model.state != serving, model.name))


def way_choices(models: Iterable[LanguageModel]) -> list[Any]:
    """Each model in each way, grouped by model; a value is its id and the prompt version, with a colon between."""
    return [
        (model.name, [(f"{model.pk}:{way.version}", f"{model.name}, {in_words(way)}") for way in ways.ALL])
        for model in models
    ]


def in_words(way: Way) -> str:
    """A way as a choice calls it."""
    calls = {
        "output": "a call for each output",
        "generation": "a call for each generation",
        "criterion": "a call for each criterion, with a senior reviewer",
    }
    return f"{calls[way.calls]}, rationale {'before' if way.reasons_first else 'after'}"
