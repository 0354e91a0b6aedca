"""Who calls: `Authorization: Bearer <token>`, with tokens that knox makes and checks."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone
from knox.auth import TokenAuthentication as KnoxAuthentication
from rest_framework.exceptions import AuthenticationFailed

from recgpt_site.models import ApiToken

WELL_FORMED = re.compile(rb"recgpt_[0-9a-f]{64}")
REFUSED = (
    "The token is unknown, expired or revoked, or its user is not active. "
    "`manage.py create_token USER --name NAME`, or /admin/, makes a new one."
)
USE_IS_NOTED_EVERY = timedelta(minutes=1)  # a write per call would make reading as dear as writing


class TokenAuthentication(KnoxAuthentication):
    """knox's check, with one answer for all that can be wrong, so that a guess learns nothing."""

    def authenticate_credentials(self, token: bytes) -> tuple[User, ApiToken]:
        """The user and token behind `token`. Raises AuthenticationFailed."""
        if not WELL_FORMED.fullmatch(token):
            raise AuthenticationFailed(REFUSED)
        try:
            user, found = super().authenticate_credentials(token)  # type: ignore[no-untyped-call]
        except AuthenticationFailed as error:
            raise AuthenticationFailed(REFUSED) from error
        note_use(found)
        return user, found

    def validate_user(self, auth_token: ApiToken) -> Any:
        if auth_token.revoked_at is not None:
            raise AuthenticationFailed(REFUSED)
        return super().validate_user(auth_token)  # type: ignore[no-untyped-call]

    def _cleanup_token(self, auth_token: ApiToken) -> bool:
        """Whether the token has expired. knox would delete it, and the user's others; ours stay to be seen."""
        return auth_token.state == "expired"


def note_use(token: ApiToken) -> None:
    """Store that the token was used now, to the minute."""
    now = timezone.now()
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - USE_IS_NOTED_EVERY)
    if token.last_used_at is None or token.last_used_at < now - USE_IS_NOTED_EVERY:
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)
