"""Who calls: `Authorization: Bearer <token>`, with tokens that knox makes and checks."""

from __future__ import annotations

import re
from datetime import timedelta
from hmac import compare_digest

from django.contrib.auth.models import Group, User
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q
from django.utils import timezone
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.crypto import hash_token
from knox.settings import CONSTANTS
from rest_framework.exceptions import AuthenticationFailed

from recgpt_site.models import ApiToken
from recommend import roles
from recommend.prepared import Prepared

WELL_FORMED = re.compile(rb"recgpt_[0-9a-f]{64}")
REFUSED = (
    "The token is unknown, expired or revoked, or its user is not active. "
    "`manage.py create_token USER --name NAME`, or /admin/, makes a new one."
)
USE_IS_NOTED_EVERY = timedelta(minutes=1)  # a write per call would make reading as dear as writing


# One question for all that a call needs to know of its caller.
CANDIDATES = Prepared(
    lambda key: (
        ApiToken.objects.filter(token_key=key)
        .select_related("user")
        .annotate(groups=ArraySubquery(Group.objects.filter(user=OuterRef("user")).values("name")))
    ),
    key=str,
)


class TokenAuthentication(KnoxAuthentication):
    """knox's tokens, with one answer for all that can be wrong, so that a guess learns nothing."""

    def authenticate_credentials(self, token: bytes) -> tuple[User, ApiToken]:
        """The user and token behind `token`. Raises AuthenticationFailed."""
        if not WELL_FORMED.fullmatch(token):
            raise AuthenticationFailed(REFUSED)
        text = token.decode("ascii")
        digest = hash_token(text)
        for found in CANDIDATES(key=text[: CONSTANTS.TOKEN_KEY_LENGTH]):
            if compare_digest(digest, found.digest):
                return self.validate_user(found)
        raise AuthenticationFailed(REFUSED)

    def validate_user(self, auth_token: ApiToken) -> tuple[User, ApiToken]:
        """Of a token that was read by CANDIDATES. knox deletes what has expired; ours stays to be seen."""
        user: User = auth_token.user
        if auth_token.state != "active" or not user.is_active:
            raise AuthenticationFailed(REFUSED)
        roles.remember(user, auth_token.groups)  # type: ignore[attr-defined]  # the annotation
        note_use(auth_token)
        return user, auth_token


def note_use(token: ApiToken) -> None:
    """Store that the token was used now, to the minute."""
    now = timezone.now()
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - USE_IS_NOTED_EVERY)
    if token.last_used_at is None or token.last_used_at < now - USE_IS_NOTED_EVERY:
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)
