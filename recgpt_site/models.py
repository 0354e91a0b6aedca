"""The token with which a program calls the API."""

from __future__ import annotations

from django.db import models
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
