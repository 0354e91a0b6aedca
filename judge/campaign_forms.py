"""What leads type to make and extend a campaign; the same fields for a start and for its preview."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib.auth.models import User
from django.utils import timezone

from judge import campaigns
from judge.frames import Population
from judge.gold import MAX_SHARE
from judge.models import Campaign
from judge.plans import Plan, PlanError, check_task
from judge.population_forms import ModelsField, PopulationForm
from judge.services import reviewers
from recommend.models import LanguageModel, Stage

LONGEST_LEASE_MIN = 1_440
# Where a field of the plan is asked for in other words, or another unit, than a campaign stores it in.
FORM_FIELD = {"sampling_rate": "rate", "precision": "points"}


class CampaignForm(PopulationForm):
    """A campaign from its name to its guidelines; shares are in percent here, and half widths in points."""

    TARGETS = (("rate", "A share"), ("size", "A number"), ("precision", "A precision"))

    name = forms.CharField(max_length=200, error_messages={"required": "Give the campaign a name."})
    task = forms.ChoiceField(
        choices=Campaign.Task, widget=forms.RadioSelect, initial=Campaign.Task.RATE, required=False
    )
    rival_models = ModelsField(
        LanguageModel.objects.filter(role__in=Stage.values).order_by("role", "name"),
        label="B: models",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    rival_prompt_versions = forms.CharField(label="B: prompt versions", required=False, max_length=400)
    plan = forms.ChoiceField(choices=Campaign.Plan, widget=forms.RadioSelect, initial=Campaign.Plan.UNIFORM)
    strata_by = forms.ChoiceField(label="Strata", choices=Campaign.StrataBy, required=False)
    allocation = forms.ChoiceField(
        label="From each stratum",
        choices=Campaign.Allocation,
        required=False,
        initial=Campaign.Allocation.PROPORTIONAL,
    )
    uncertainty = forms.ChoiceField(
        label="Uncertainty of a label",
        choices=Campaign.Uncertainty,
        required=False,
        initial=Campaign.Uncertainty.MARGIN,
    )
    floor = forms.FloatField(label="Uniform floor, %", min_value=1, max_value=100, initial=20, required=False)
    target = forms.ChoiceField(label="How much", choices=TARGETS, widget=forms.RadioSelect, initial="rate")
    rate = forms.FloatField(label="Share drawn, %", min_value=0.001, max_value=100, initial=100, required=False)
    size = forms.IntegerField(label="Generations", min_value=1, required=False)
    points = forms.FloatField(label="± points", min_value=0.5, max_value=50, required=False)
    overlap = forms.IntegerField(label="People per generation", min_value=1, max_value=100, initial=1)
    blind = forms.TypedChoiceField(
        label="Judge’s labels",
        choices=(("yes", "Blind: shown after submitting"), ("no", "Open: shown from the start")),
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
        initial="yes",
    )
    lease_min = forms.IntegerField(
        label="Lease, minutes", min_value=1, max_value=LONGEST_LEASE_MIN, initial=15, required=False
    )
    members = forms.ModelMultipleChoiceField(User.objects.none(), required=False, widget=forms.CheckboxSelectMultiple)
    deadline = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    gold_percent = forms.FloatField(
        label="Gold units, %", min_value=0, max_value=100 * MAX_SHARE, initial=0, required=False
    )
    bar_percent = forms.FloatField(label="Gold accuracy asked for, %", min_value=1, max_value=100, required=False)
    guidelines = forms.CharField(required=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 6}))

    MODEL_FIELDS: ClassVar[tuple[str, ...]] = ("population_models", "rival_models")
    # What the preview needs; the rest may still be empty.
    PLAN_FIELDS = (
        *("stage", "task", "rubric", "population_models", "prompt_versions", "created_from", "created_until", "plan"),
        *("rival_models", "rival_prompt_versions"),
        *("strata_by", "allocation", "uncertainty", "floor", "target", "rate", "size", "points"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        members = self.fields["members"]
        assert isinstance(members, forms.ModelMultipleChoiceField)
        members.queryset = reviewers()

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if Campaign.objects.filter(name=name).exists():
            raise forms.ValidationError(f"“{name}” is the name of another campaign. Choose another one.")
        return name

    def clean_task(self) -> str:
        return self.cleaned_data["task"] or Campaign.Task.RATE

    def clean_rival_prompt_versions(self) -> list[str]:
        return [one.strip() for one in self.cleaned_data["rival_prompt_versions"].split(",") if one.strip()]

    def clean_deadline(self) -> Any:
        deadline = self.cleaned_data["deadline"]
        if deadline and deadline < timezone.localdate():
            raise forms.ValidationError(f"{deadline} is past. Give today or a later day, or none.")
        return deadline

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        needed = {"rate": "rate", "size": "size", "precision": "points"}.get(given.get("target", ""))
        if needed and given.get(needed) is None and needed not in self.errors:
            self.add_error(needed, "Say how much is drawn, or choose another way to say it.")
        return given

    def add_plan_error(self, error: PlanError) -> None:
        """Show a refusal of the plan where its value was typed."""
        self.add_error(FORM_FIELD.get(error.field, error.field), str(error))

    def plan_errors(self) -> list[str]:
        """What is wrong with the fields that the preview needs."""
        return [str(text) for name in self.PLAN_FIELDS for text in self.errors.get(name, ())]

    def settings(self) -> dict[str, Any]:
        """What `campaigns.start` takes. The form must be valid."""
        given = self.cleaned_data
        names = (
            "name",
            "stage",
            "rubric",
            "population_models",
            "rival_models",
            "members",
            "overlap",
            "blind",
            "deadline",
            "guidelines",
        )
        return (
            self._plan_settings()
            | {name: given[name] for name in names}
            | {"lease_s": 60 * (given["lease_min"] or 15)}
            | (self._gold_settings() if given["task"] == Campaign.Task.RATE else {"blind": True})
        )

    def _gold_settings(self) -> dict[str, Any]:
        share, bar = self.cleaned_data["gold_percent"], self.cleaned_data["bar_percent"]
        return {"gold_share": (share or 0) / 100, "gold_bar": None if bar is None else bar / 100}

    def _plan_settings(self) -> dict[str, Any]:
        given = self.cleaned_data
        asked: dict[str, Any] = {
            "rate": lambda: {"sampling_rate": given["rate"] / 100},
            "size": lambda: {"size": given["size"]},
            "precision": lambda: {"precision": given["points"] / 100},
        }[given["target"]]()
        names = ("task", "plan", "prompt_versions", "rival_prompt_versions", "created_from", "created_until")
        return (
            asked
            | {name: given[name] for name in names}
            | {
                "strata_by": given["strata_by"] if given["plan"] == Campaign.Plan.STRATIFIED else "",
                "allocation": given["allocation"] or Campaign.Allocation.PROPORTIONAL,
                "uncertainty": given["uncertainty"] or Campaign.Uncertainty.MARGIN,
                "uniform_floor": (given["floor"] or 20) / 100,
            }
        )

    def to_preview(self) -> Plan:
        """The plan as far as it is typed; `plan_errors` must be empty. Raises PlanError."""
        given = self.cleaned_data
        campaign = Campaign(stage=given["stage"], rubric=self.chosen_rubric(), **self._plan_settings())
        check_task(campaign)
        return Plan.of(campaign, Population.of(campaign, given["population_models"], given["rival_models"]))


def gold_initial(campaign: Campaign) -> dict[str, Any]:
    """What a campaign asks of gold, as forms show it."""
    bar = campaign.gold_bar
    return {
        "gold_percent": round(100 * campaign.gold_share, 4),
        "bar_percent": None if bar is None else round(100 * bar, 4),
    }


def initial_of(campaign: Campaign) -> dict[str, Any]:
    """What the form is filled in with to make a campaign like another one."""
    values = campaigns.settings_of(campaign)
    target = "precision" if values.get("precision") else "size" if values.get("size") else "rate"
    return (
        values
        | gold_initial(campaign)
        | {
            "name": f"{campaign.name[:190]}, again",
            "prompt_versions": ", ".join(campaign.prompt_versions),
            "rival_prompt_versions": ", ".join(campaign.rival_prompt_versions),
            "floor": round(100 * campaign.uniform_floor, 4),
            "target": target,
            "rate": round(100 * campaign.sampling_rate, 4) if target == "rate" else None,
            "points": round(100 * (campaign.precision or 0), 4) or None,
            "blind": "yes" if campaign.blind else "no",
            "lease_min": max(1, campaign.lease_s // 60),
            "deadline": None if campaign.deadline and campaign.deadline < timezone.localdate() else campaign.deadline,
        }
    )


class ExtendForm(forms.Form):
    """More people, more time, more generations; which of rate and size is asked depends on the campaign."""

    overlap = forms.IntegerField(label="People per generation", min_value=1, max_value=100)
    deadline = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    rate = forms.FloatField(label="Share drawn, %", min_value=0.001, max_value=100)
    size = forms.IntegerField(label="Generations", min_value=1)
    gold_percent = forms.FloatField(label="Gold units, %", min_value=0, max_value=100 * MAX_SHARE, required=False)
    bar_percent = forms.FloatField(label="Gold accuracy asked for, %", min_value=1, max_value=100, required=False)

    def __init__(self, campaign: Campaign, data: Mapping[str, Any] | None = None) -> None:
        self.campaign = campaign
        super().__init__(data, initial=self._now())
        del self.fields["size" if campaign.size is None else "rate"]
        for name in self.errors if self.is_bound else ():
            self.fields[name].widget.attrs |= {"aria-invalid": "true", "aria-describedby": f"error-{name}"}

    def _now(self) -> dict[str, Any]:
        return {
            "overlap": self.campaign.overlap,
            "deadline": self.campaign.deadline,
            "rate": round(100 * self.campaign.sampling_rate, 4),
            "size": self.campaign.size,
            **gold_initial(self.campaign),
        }

    def changes(self) -> dict[str, Any]:
        """What `campaigns.extend` takes: only what was changed. The form must be valid."""
        changed = {name: self.cleaned_data[name] for name in self.changed_data}
        if "rate" in changed:
            changed["sampling_rate"] = changed.pop("rate") / 100
        if (share := changed.pop("gold_percent", None)) is not None:
            changed["gold_share"] = share / 100
        if "bar_percent" in changed:
            bar = changed.pop("bar_percent")
            changed["gold_bar"] = None if bar is None else bar / 100
        return changed

    def add_plan_error(self, error: PlanError) -> None:
        """Show a refusal where its value was typed."""
        self.add_error(FORM_FIELD.get(error.field, error.field), str(error))
