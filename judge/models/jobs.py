"""What every job has that asks a judge in the background, and every question of one; `judge.jobs` has the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.contrib.auth import get_user_model
from django.db import models
from django.utils import timezone

from recommend.models import ACTIVE_STATES, JobState, new_id

if TYPE_CHECKING:
    from django.contrib.auth.models import User
else:
    User = get_user_model()


class Job(models.Model):
    """Questions to a judge that workers ask batch by batch: who holds it, and where it stands."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    state = models.CharField(max_length=10, choices=JobState, default=JobState.QUEUED)
    error = models.TextField(blank=True)
    lease_until = models.DateTimeField(null=True, blank=True, help_text="A worker holds it until then.")
    lease_token = models.UUIDField(null=True, blank=True)
    sent_at = models.DateTimeField(default=timezone.now, help_text="When a task was last sent for it.")
    finished_at = models.DateTimeField(null=True, blank=True)

    # Which ones a worker may take, beside those that another one holds.
    GOES: ClassVar[models.Q] = models.Q(state__in=ACTIVE_STATES)

    class Meta:
        abstract = True

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE_STATES


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
