"""How other systems are met: the token with which a program calls the API, and the webhooks that call others."""

from __future__ import annotations

import json

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.urls import reverse
from django.utils import timezone
from knox.models import AbstractAuthToken

from recommend.models import new_id


class ApiToken(AbstractAuthToken):
    """A named token of one user. Only its SHA-512 is stored: who reads the table cannot call the API with it.

    knox makes the token (256 random bits), finds it by its first characters and compares the hash. Ours are the name,
    the last use, and revoking without forgetting: a revoked token stays in the list.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created = None  # type: ignore[assignment]  # knox's word for created_at
    digest = models.CharField(max_length=128, unique=True, editable=False)
    name = models.CharField(max_length=100, help_text="What the token is for, so that it can be told from others.")
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="To the minute.")
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name} ({self.token_key}…)"

    @property
    def state(self) -> str:
        """active, expired or revoked."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expiry is not None and self.expiry < timezone.now():
            return "expired"
        return "active"


class Event(models.TextChoices):
    """What a webhook can be told. Each name says what happened to what."""

    SUBMITTED = "assessment.submitted", "A person's labels of one generation were submitted"
    DISAGREEMENT = "disagreement.found", "A person's labels differ from another's, or from the judge's"
    CAMPAIGN_ENDED = "campaign.ended", "A campaign was closed, or everything in it is reviewed"
    JUDGE_ALERT = "judge.alert", "Something is wrong with the judge"
    RUN_FINISHED = "run.finished", "A pipeline run is done, failed or cancelled"
    POPULATION_ENDED = "population.ended", "A population job is done, failed or cancelled"


class Webhook(models.Model):
    """An address of another system that is told of events."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    url = models.URLField(max_length=500)
    events = ArrayField(models.CharField(max_length=40, choices=Event), help_text="Names of the events it is told of.")
    # In the clear, since every delivery is signed with it; no page and no call shows it a second time.
    secret = models.CharField(max_length=80, editable=False)
    is_active = models.BooleanField(default=True)
    disabled_because = models.TextField(blank=True, help_text="Why deliveries stopped by themselves.")

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.url

    def get_absolute_url(self) -> str:
        return reverse("webhook", args=[self.pk])


class Delivery(models.Model):
    """One event on its way to one webhook. Stored with what it tells of, so that neither is lost without the other."""

    class State(models.TextChoices):
        PENDING = "pending", "Pending"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=40)
    data = models.JSONField()
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    n_attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    last_attempt_at = models.DateTimeField(null=True, blank=True)
    status = models.PositiveIntegerField(null=True, blank=True, help_text="HTTP status of the last answer.")
    seconds = models.FloatField(null=True, blank=True, help_text="How long the last attempt took.")
    excerpt = models.TextField(blank=True, help_text="The beginning of the last answer.")
    error = models.TextField(blank=True, help_text="Why the last attempt did not count.")

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["webhook", "-id"], name="delivery_newest"),
            models.Index(fields=["next_attempt_at"], name="delivery_due", condition=models.Q(state="pending")),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.webhook_id}"

    @property
    def told(self) -> str:
        """The data as text for a person."""
        return json.dumps(self.data, ensure_ascii=False, indent=2)
