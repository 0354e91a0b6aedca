"""What every question has that a job asks a judge; `judge.cases` stores its answer."""

from __future__ import annotations

from django.db import models


class Answered(models.Model):
    """A question's answer, stored once: the fields of `judge.asking.Answer`."""

    answered_at = models.DateTimeField(null=True, blank=True)
    labels = models.JSONField(default=dict, help_text="{criterion: label}; empty where the answer was of no use.")
    passed = models.BooleanField(null=True, help_text="Every criterion passed; empty without labels.")
    rationale = models.TextField(blank=True)
    probabilities = models.JSONField(default=dict, blank=True)
    seconds = models.FloatField(default=0.0)
    raw_text = models.TextField(blank=True)
    error = models.TextField(blank=True)
    grade = models.CharField(max_length=1, blank=True, db_default="")
    prompt_tokens = models.PositiveIntegerField(default=0, db_default=0)
    completion_tokens = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        abstract = True
