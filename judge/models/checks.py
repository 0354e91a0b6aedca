"""What a judge is worth: its checks, their questions, passports and alerts."""

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


class JudgeCheckQuerySet(models.QuerySet["JudgeCheck"]):
    def with_progress(self) -> JudgeCheckQuerySet:
        """Add `n_questions` and `n_answered`, and read whose check it is along."""
        return self.select_related("rater__language_model", "rater__panel", "rater__user", "rubric").annotate(
            n_questions=models.Count("cases"),
            n_answered=models.Count("cases", filter=models.Q(cases__answered_at__isnull=False)),
        )


class JudgeCheck(Job):
    """One automatic check of a judge under a rubric: planted defects and probes, each a question to the judge."""

    rater = models.ForeignKey(Rater, on_delete=models.PROTECT, related_name="checks")
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT, related_name="checks")
    budget = models.PositiveIntegerField(help_text="Most questions that the judge is asked.")
    seed = models.PositiveIntegerField(default=0, help_text="Of the sample and of what is planted.")
    version = models.JSONField(help_text="Model, adapter and prompt of the judge when the check began.")
    injections_planned = models.BooleanField(default=False, help_text="They build on answers, so they come last.")

    objects = JudgeCheckQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["rater", "rubric"],
                condition=models.Q(state__in=["queued", "running"]),
                name="judge_check_one_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"{self.rater}, {self.rubric}, {self.created_at:%Y-%m-%d %H:%M}"

    def get_absolute_url(self) -> str:
        return reverse("judge:check", args=[self.pk])


class CheckCase(Answered):
    """One question of a check and the judge's answer, stored once."""

    class Probe(models.TextChoices):
        BASE = "base", "As it is"
        PLANTED = "planted", "Planted defect"
        REPEAT = "repeat", "Asked again"
        WARM = "warm", "Asked again at a small temperature"
        REVERSED = "reversed", "Criteria in reversed order"
        REWORDED = "reworded", "Questions in other words"
        LONGER = "longer", "Said twice"
        INJECTED_OUTPUT = "injected_output", "Order to the judge in the output"
        INJECTED_EVIDENCE = "injected_evidence", "Order to the judge in an item title"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    judge_check = models.ForeignKey(JudgeCheck, on_delete=models.CASCADE, related_name="cases")
    key = models.CharField(max_length=120, help_text="Names the question within its check.")
    probe = models.CharField(max_length=20, choices=Probe)
    defect = models.CharField(max_length=40, blank=True)
    criterion = models.CharField(max_length=40, blank=True, help_text="The one that the defect breaks.")
    output = models.ForeignKey(Output, on_delete=models.CASCADE, related_name="check_cases")
    compared_with = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, help_text="The question that this one is a variant of."
    )
    question = models.JSONField(help_text="What the judge reads, and in which order it is asked.")
    temperature = models.FloatField(default=0.0)

    class Meta:
        ordering = ["judge_check_id", "id"]
        constraints = [models.UniqueConstraint(fields=["judge_check", "key"], name="check_case_once")]

    def __str__(self) -> str:
        return self.key


class Passport(models.Model):
    """What a check and people's labels said of a judge on one day; whether it still holds: `judge.passports`."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    judge_check = models.OneToOneField(JudgeCheck, on_delete=models.PROTECT, related_name="passport")
    rater = models.ForeignKey(Rater, on_delete=models.PROTECT, related_name="passports")
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT, related_name="passports")
    version = models.JSONField(help_text="Model, adapter and prompt of the judge.")
    figures = models.JSONField(help_text="Estimates by criterion, defect and check, with interval and n.")
    measured_on = models.JSONField(help_text="Outputs, shoppers, generating models, campaigns, and their dates.")

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["rater", "rubric", "-created_at"], name="passport_newest")]

    def __str__(self) -> str:
        return f"{self.rater}, {self.rubric}, {self.created_at:%Y-%m-%d}"


class Alert(models.Model):
    """Something is wrong with a judge: open until a lead has taken notice."""

    class Signal(models.TextChoices):
        DRIFT = "drift", "Drift"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    signal = models.CharField(max_length=10, choices=Signal)
    rater = models.ForeignKey(Rater, on_delete=models.PROTECT, related_name="alerts")
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT, related_name="alerts")
    about = models.DateField(help_text="The Monday of the week that gave rise to it.")
    message = models.TextField()
    facts = models.JSONField(help_text="The figures behind the message.")
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    note = models.TextField(blank=True, help_text="What the lead found or did.")

    class Meta:
        ordering = ["-about", "-created_at"]
        constraints = [models.UniqueConstraint(fields=["signal", "rater", "rubric", "about"], name="alert_once")]

    def __str__(self) -> str:
        return f"{self.get_signal_display()} of {self.rater} on {self.rubric.kind}s, {self.about:%Y-%m-%d}"
