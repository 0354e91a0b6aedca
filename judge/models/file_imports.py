"""Files that were handed in by page or API, to be imported by a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db import models
from django.urls import reverse
from django.utils import timezone

from recommend.models import ACTIVE_STATES, JobState, new_id

if TYPE_CHECKING:
    from django.contrib.auth.models import User
else:
    User = get_user_model()


class FileImport(models.Model):
    """One file and what became of its rows. Queued until it has ended: who imports it holds the row locked."""

    class What(models.TextChoices):
        LABELS = "labels", "People's labels"
        OUTPUTS = "outputs", "Outputs made elsewhere"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    what = models.CharField(max_length=10, choices=What)
    name = models.CharField(max_length=100, help_text="The file's name.")
    n_bytes = models.PositiveBigIntegerField()
    skips_bad = models.BooleanField(default=False, help_text="Bad rows are left out; else one of them stops it all.")
    options = models.JSONField(default=dict, help_text="How it is read, as `judge.exchange.uploads.Wanted` has it.")
    state = models.CharField(max_length=10, choices=JobState, default=JobState.QUEUED)
    report = models.JSONField(default=dict, help_text="Rows and labels or outputs by what became of them.")
    error = models.TextField(blank=True)
    sent_at = models.DateTimeField(default=timezone.now, help_text="When a task was last sent for it.")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("judge:import", args=[self.pk])

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE_STATES
