"""What was said of an output: assessments, what a lead decided, and labels that are known to be right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db import models

from judge.models.campaigns import Assignment
from judge.models.raters import Rater
from judge.models.rubrics import Rubric
from recommend.models import Generation, Output, new_id

if TYPE_CHECKING:
    from django.contrib.auth.models import User
else:
    User = get_user_model()


class AssessmentQuerySet(models.QuerySet["Assessment"]):
    def verdicts(self) -> AssessmentQuerySet:
        """Of judges in their own right: a panel's vote, but not what each member said for it."""
        return self.filter(rater__user__isnull=True, as_member=False)


class Assessment(models.Model):
    """A rater's labels for one output; a correction is a new revision, never an overwrite."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    rater = models.ForeignKey(Rater, on_delete=models.PROTECT, related_name="assessments")
    output = models.ForeignKey(Output, on_delete=models.CASCADE, related_name="assessments")
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT)
    assignment = models.ForeignKey(
        Assignment, null=True, blank=True, on_delete=models.PROTECT, related_name="assessments"
    )
    revision = models.PositiveIntegerField(default=1, help_text="1 is the first, blind one: the one that counts.")
    labels = models.JSONField(help_text="{criterion name: label value}; empty where the judge gave no usable answer.")
    passed = models.BooleanField(null=True, help_text="Every criterion passed; empty where there are no labels.")
    rationale = models.TextField(blank=True, help_text="The judge's reason, or the person's comment.")
    probabilities = models.JSONField(
        default=dict,
        blank=True,
        help_text="{criterion: {label: probability}} where the engine gives log-probabilities.",
    )
    seconds = models.FloatField(default=0.0)
    blind = models.BooleanField(default=True, help_text="Given before the other side's labels were seen.")
    raw_text = models.TextField(blank=True)
    error = models.TextField(blank=True)
    grade = models.CharField(
        max_length=1, blank=True, db_default="", help_text="S, A or B from a judge with a senior reviewer; B fails."
    )
    prompt_tokens = models.PositiveIntegerField(default=0, db_default=0, help_text="Its share of what was read for it.")
    completion_tokens = models.PositiveIntegerField(default=0, db_default=0)
    as_member = models.BooleanField(default=False, db_default=False, help_text="Asked for the vote of a panel.")

    objects = AssessmentQuerySet.as_manager()

    class Meta:
        ordering = ["output_id", "created_at"]
        constraints = [
            models.UniqueConstraint(fields=["rater", "output", "rubric", "revision"], name="assessment_once")
        ]
        indexes = [models.Index(fields=["output", "rubric", "revision"], name="assessment_output")]

    def __str__(self) -> str:
        return f"{self.rater}: {self.output}"


class Withdrawal(models.Model):
    """A submission as it was before it was taken back, in a table that no figure, list or export reads."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="withdrawals")
    submitted_at = models.DateTimeField()
    labels = models.JSONField(help_text="{output id: {labels, comment, seconds}}")

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.assignment}, {self.submitted_at:%Y-%m-%d %H:%M}"


class Resolution(models.Model):
    """The labels that a lead decided on where raters differ, beside theirs; a correction is a new revision."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    output = models.ForeignKey(Output, on_delete=models.CASCADE, related_name="resolutions")
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT)
    revision = models.PositiveIntegerField(default=1, help_text="The highest one is in force.")
    labels = models.JSONField(help_text="{criterion name: label value}")
    passed = models.BooleanField(help_text="Every criterion passed.")
    reason = models.TextField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    by_rater = models.BooleanField(default=False, help_text="Whoever decided had labelled the output themselves.")

    class Meta:
        ordering = ["output_id", "-revision"]
        constraints = [
            models.UniqueConstraint(fields=["output", "rubric", "revision"], name="resolution_revision_once"),
            models.CheckConstraint(condition=~models.Q(reason=""), name="resolution_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.output}: revision {self.revision}"


class GoldQuerySet(models.QuerySet["Gold"]):
    def in_force(self) -> GoldQuerySet:
        """Those that were not withdrawn: what raters are measured by."""
        return self.filter(withdrawn_at__isnull=True)


class Gold(models.Model):
    """A generation whose right labels are known under one rubric: what shows how well somebody labels."""

    class Source(models.TextChoices):
        RESOLVED = "resolved", "From resolutions"
        REVIEW = "review", "From a review"
        HAND = "hand", "By hand"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    generation = models.ForeignKey(Generation, on_delete=models.PROTECT, related_name="gold")
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT, related_name="+")
    labels = models.JSONField(help_text="{output id: {criterion name: label value}} for every kept output.")
    source = models.CharField(max_length=10, choices=Source)
    reason = models.TextField(blank=True, help_text="Why these labels are right.")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = GoldQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "gold"
        constraints = [
            models.UniqueConstraint(
                fields=["generation", "rubric"],
                condition=models.Q(withdrawn_at__isnull=True),
                name="gold_in_force_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.generation}, {self.rubric}"
