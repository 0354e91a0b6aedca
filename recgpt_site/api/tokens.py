"""Making and revoking tokens: the one place that holds a token in the clear, for as long as it takes to show it."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from recgpt_site.models import ApiToken
from recommend import audit
from recommend.audit import Verb

DEFAULT_DAYS = 365


@transaction.atomic
def create(user: User, *, name: str, days: int | None = DEFAULT_DAYS) -> tuple[ApiToken, str]:
    """Store a token that is valid for `days` (None: until revoked); returns the row and the token itself, once."""
    expiry = None if days is None else timedelta(days=days)
    row, token = ApiToken.objects.create(user, expiry=expiry, name=name)  # type: ignore[no-untyped-call]
    audit.record(Verb.TOKEN_CREATED, row, {"user": user.pk})
    return row, token


@transaction.atomic
def revoke(token: ApiToken) -> None:
    """From now on the token opens nothing; when it was first revoked stays."""
    if ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=timezone.now()):
        audit.record(Verb.TOKEN_REVOKED, token, {"user": token.user_id})
