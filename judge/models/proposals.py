"""Proposed edits of a judge's prompt, and their trials on held-out labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db import models
from django.urls import reverse

from judge.models.cases import Answered
from judge.models.raters import Rater
from judge.models.rubrics import Rubric
from recommend.models import Output, new_id
from recommend.models.jobs import Job

if TYPE_CHECKING:
    from django.contrib.auth.models import User
else:
    User = get_user_model()


class Proposal(models.Model):
    """A draft of a rubric that an optimiser made from what leads decided; it waits for a trial."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    rater = models.ForeignKey(Rater, on_delete=models.PROTECT, related_name="proposals")
    current = models.ForeignKey(
        Rubric, on_delete=models.PROTECT, related_name="+", help_text="What judges went by when it was made."
    )
    draft = models.OneToOneField(Rubric, on_delete=models.CASCADE, related_name="proposal")
    optimizer = models.CharField(max_length=200, help_text="Its dotted path.")
    reasons = models.JSONField(default=list, help_text="[{criterion, why}], in the optimiser's words.")
    fed_shoppers = models.JSONField(help_text="Ids of those whose corrections the optimiser saw.")
    n_corrections = models.PositiveIntegerField(help_text="That the optimiser saw, one for each output and criterion.")
    switched_on_at = models.DateTimeField(null=True, blank=True)
    switched_on_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    without_trial = models.TextField(blank=True, help_text="An admin's reason, where no trial allowed it.")

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.draft.title}, {self.created_at:%Y-%m-%d %H:%M}"

    def get_absolute_url(self) -> str:
        return reverse("judge:rubric-proposal", args=[self.pk])


class TrialQuerySet(models.QuerySet["Trial"]):
    def with_progress(self) -> TrialQuerySet:
        """Add `n_questions` and `n_answered`, and read whose trial it is along."""
        return self.select_related("proposal__rater__language_model", "proposal__rater__panel").annotate(
            n_questions=models.Count("cases"),
            n_answered=models.Count("cases", filter=models.Q(cases__answered_at__isnull=False)),
        )


class Trial(Job):
    """The judge asked about held-out outputs under the current and under the proposed prompt."""

    proposal = models.ForeignKey(Proposal, on_delete=models.CASCADE, related_name="trials")
    budget = models.PositiveIntegerField(help_text="Most questions that the judge is asked: two for each output.")
    seed = models.PositiveIntegerField(default=0, help_text="Of which shoppers come first.")
    version = models.JSONField(help_text="{current, proposed}: what the judge was under either when it began.")
    held_out = models.JSONField(default=dict, help_text="How many there are, and why others are left out.")
    figures = models.JSONField(default=dict, blank=True, help_text="Empty until it is done.")

    objects = TrialQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["proposal"], condition=models.Q(state__in=["queued", "running"]), name="trial_one_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"Trial of {self.proposal}"

    def get_absolute_url(self) -> str:
        return f"{reverse('judge:rubric-proposal', args=[self.proposal_id])}#trial"


class TrialCase(Answered):
    """One held-out output under one of the two prompts: the labels that count as right, and the judge's answer."""

    class Prompt(models.TextChoices):
        CURRENT = "current", "Current prompt"
        PROPOSED = "proposed", "Proposed prompt"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    trial = models.ForeignKey(Trial, on_delete=models.CASCADE, related_name="cases")
    output = models.ForeignKey(Output, on_delete=models.CASCADE, related_name="trial_cases")
    prompt = models.CharField(max_length=10, choices=Prompt)
    right = models.JSONField(help_text="{criterion: label}; criteria on which people are split are left out.")
    is_decided = models.BooleanField(help_text="By a lead; else these are people's first labels.")

    class Meta:
        ordering = ["trial_id", "id"]
        constraints = [models.UniqueConstraint(fields=["trial", "output", "prompt"], name="trial_case_once")]

    def __str__(self) -> str:
        return f"{self.output}, {self.get_prompt_display().lower()}"
