"""What every job has that workers do in the background, piece by piece; `recommend.jobs` has the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.contrib.auth import get_user_model
from django.db import models
from django.utils import timezone

from recommend.models.ids import new_id
from recommend.models.runs import ACTIVE_STATES, JobState

if TYPE_CHECKING:
    from django.contrib.auth.models import User
else:
    User = get_user_model()


class Job(models.Model):
    """Work that one worker at a time holds: who holds it, and where it stands."""

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


class PausableJob(Job):
    """A job that rests until somebody lets it go on."""

    paused_at = models.DateTimeField(null=True, blank=True)

    GOES: ClassVar[models.Q] = models.Q(state__in=ACTIVE_STATES, paused_at=None)

    class Meta:
        abstract = True

    @property
    def is_paused(self) -> bool:
        return self.is_active and self.paused_at is not None
