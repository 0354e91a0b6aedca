"""Who rates: people, judge models by the way they are asked, and panels of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db import models

from judge.ways import Way
from recommend.models import LanguageModel, new_id

if TYPE_CHECKING:
    from django.contrib.auth.models import User
else:
    User = get_user_model()


class Rater(models.Model):
    """Who rates: a person, a judge model with its prompt, or a panel of these. The statistics know no difference."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    user = models.OneToOneField(User, null=True, blank=True, on_delete=models.PROTECT, related_name="rater")
    language_model = models.ForeignKey(LanguageModel, null=True, blank=True, on_delete=models.PROTECT)
    prompt_version = models.CharField(max_length=40, blank=True)
    panel = models.OneToOneField("Panel", null=True, blank=True, on_delete=models.PROTECT, related_name="rater")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user__isnull=False, language_model__isnull=True, panel__isnull=True)
                | models.Q(user__isnull=True, language_model__isnull=False, panel__isnull=True)
                | models.Q(user__isnull=True, language_model__isnull=True, panel__isnull=False),
                name="rater_is_person_model_or_panel",
            ),
            models.UniqueConstraint(fields=["language_model", "prompt_version"], name="rater_model_prompt_once"),
        ]

    def __str__(self) -> str:
        if self.user is not None:
            return self.user.get_username()
        if self.panel is not None:
            return f"{self.panel} (panel)"
        return f"{self.language_model} (prompt {self.prompt_version})"

    @property
    def is_person(self) -> bool:
        return self.user_id is not None

    @property
    def name(self) -> str:
        """The user's, the model's or the panel's name."""
        return self.user.get_username() if self.user is not None else str(self.panel or self.language_model)

    @property
    def models(self) -> list[LanguageModel]:
        """The judge model that is asked, or those of a panel's members; none for a person."""
        if self.panel is not None:
            members = self.panel.members.select_related("rater__language_model")
            return [one.rater.language_model for one in members if one.rater.language_model is not None]
        return [] if self.language_model is None else [self.language_model]


class Panel(models.Model):
    """A judge made of several, whose labels are their vote; it never changes, so another one is another judge."""

    class Vote(models.TextChoices):
        MAJORITY = "majority", "Majority: every member counts the same"
        WEIGHTED = "weighted", "Weighted: as given for each member"
        MEASURED = "measured", "Weighted by the members' passports"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    name = models.CharField(max_length=100, unique=True)
    vote = models.CharField(max_length=10, choices=Vote, default=Vote.MAJORITY)
    is_serving = models.BooleanField(default=False, help_text="It judges what is made, in the place of the model.")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_serving"], condition=models.Q(is_serving=True), name="panel_one_serves_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return self.name


class PanelMember(models.Model):
    """A judge model, asked in one way, in a panel."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    panel = models.ForeignKey(Panel, on_delete=models.CASCADE, related_name="members")
    position = models.PositiveIntegerField()
    rater = models.ForeignKey(Rater, on_delete=models.PROTECT, related_name="seats")
    weight = models.FloatField(default=1.0, help_text="What its vote counts where nothing is measured.")
    measured = models.JSONField(
        default=dict, blank=True, help_text="{kind: {criterion: [of a vote to pass, to fail]}} from its passports."
    )

    class Meta:
        ordering = ["panel_id", "position"]
        constraints = [
            models.UniqueConstraint(fields=["panel", "rater"], name="panel_member_once"),
            models.CheckConstraint(condition=models.Q(weight__gt=0), name="panel_member_weight_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.panel}: {self.rater}"


class JudgeProfile(models.Model):
    """How a judge model is asked; one without a profile is asked in the usual way, the first choice of each."""

    class Rationale(models.TextChoices):
        AFTER = "after", "After the labels"
        BEFORE = "before", "Before the labels"

    class Calls(models.TextChoices):
        OUTPUT = "output", "One call for each output"
        GENERATION = "generation", "One call for all outputs of a generation"
        CRITERION = "criterion", "One call for each criterion, then a senior reviewer"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    language_model = models.OneToOneField(
        LanguageModel,
        on_delete=models.CASCADE,
        related_name="judge_profile",
        limit_choices_to={"role": LanguageModel.Role.JUDGE},
    )
    rationale = models.CharField(max_length=10, choices=Rationale, default=Rationale.AFTER)
    calls = models.CharField(max_length=12, choices=Calls, default=Calls.OUTPUT)

    def __str__(self) -> str:
        return f"{self.language_model}: {self.get_calls_display()}"

    @property
    def way(self) -> Way:
        """The way that it comes to; its prompt version is the rater's."""
        return Way(self.rationale == self.Rationale.BEFORE, self.calls)  # type: ignore[arg-type]  # the choices
