"""What the audit log learns of a request, of signing in and of the admin pages; the other acts are said by services."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth import signals
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Model
from django.db.models.signals import m2m_changed, post_save
from django.http import HttpRequest, HttpResponseBase

from judge.models import Campaign
from recgpt_site.models import ApiToken
from recommend import audit
from recommend.audit import Verb

SAFE = ("GET", "HEAD", "OPTIONS")
# Signs of life, sent every few seconds by whoever is at work: what they lead to is in the log.
QUIET = ("api:assignment-draft", "api:assignment-heartbeat")
ADMIN_VERBS = {ADDITION: Verb.ADMIN_ADDED, CHANGE: Verb.ADMIN_CHANGED}


class RequestOrigin:
    """Who asks, from where and by which door. The API finds the user after the middleware, so it is asked late."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    @property
    def user(self) -> User | AnonymousUser | None:
        return getattr(self.request, "user", None)

    @property
    def via(self) -> str:
        door = self.request.path.split("/", 2)[1]
        return door if door in ("api", "admin") else "page"

    @property
    def address(self) -> str | None:
        sent = str(self.request.META.get("REMOTE_ADDR", ""))
        if settings.BEHIND_PROXY:
            # The last one: the proxy's own word. Those before it are whatever the client said.
            sent = self.request.META.get("HTTP_X_FORWARDED_FOR", sent).rpartition(",")[2].strip()
        try:
            return str(ip_address(sent))
        except ValueError:
            return None

    @property
    def token(self) -> str:
        used = getattr(self.request, "auth", None)  # rest_framework leaves it here
        return used.token_key if isinstance(used, ApiToken) else ""


def middleware(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Tell the log who acts while a request is answered."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        origin = RequestOrigin(request)
        with audit.acting(origin) as scope:
            response = get_response(request)
            if request.method not in SAFE and origin.token and not scope.n_entries and response.status_code < 400:
                note_write(request)
        return response

    return answer


def note_write(request: HttpRequest) -> None:
    """A program changed something by a call whose service says nothing of it."""
    match = request.resolver_match
    if match is not None and match.view_name not in QUIET:
        audit.record(Verb.API_WRITTEN, detail={"call": match.view_name, "method": request.method or ""})


# Signing in and out ---------------------------------------------------------------------------------------------------


def signed_in(sender: Any, user: User, **kwargs: Any) -> None:
    audit.record(Verb.SIGNED_IN, user, by=user)


def signed_out(sender: Any, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        audit.record(Verb.SIGNED_OUT, user, by=user)


def sign_in_failed(sender: Any, credentials: Mapping[str, Any], **kwargs: Any) -> None:
    """Only a name that exists is kept: people type passwords into that field."""
    found = User.objects.filter(username=credentials.get("username", "")).first()
    audit.record(Verb.SIGN_IN_FAILED, found, {"known_name": found is not None})


# The admin pages ------------------------------------------------------------------------------------------------------


def admin_logged(sender: Any, instance: LogEntry, created: bool, **kwargs: Any) -> None:
    """Django's own note of a change, which is made in the transaction of the change."""
    if not created or instance.content_type is None:
        return
    model = instance.content_type.model_class()
    subject = model(pk=instance.object_id) if model else None
    audit.record(
        ADMIN_VERBS.get(instance.action_flag, Verb.ADMIN_DELETED),
        subject,
        {"fields": changed_fields(instance.change_message)},
        by=instance.user,
    )


def changed_fields(message: str) -> list[str]:
    """The names of the fields in Django's note, without any value.

    >>> changed_fields('[{"changed": {"fields": ["Name", "Members"]}}]')
    ['Name', 'Members']
    """
    try:
        notes = json.loads(message or "[]")
    except ValueError:
        return []
    return [str(name) for note in notes for part in note.values() for name in part.get("fields", [])]


def members_changed(sender: Any, instance: Model, action: str, pk_set: set[int] | None, **kwargs: Any) -> None:
    """Who may work in a campaign, or which roles a user has; rows are named by their ids."""
    if action not in ("post_add", "post_remove", "post_clear") or (pk_set is not None and not pk_set):
        return
    verb = Verb.CAMPAIGN_MEMBERS_CHANGED if sender is Campaign.members.through else Verb.ROLES_CHANGED
    # By the other end, `group.user_set`, the instance is the group and the ids are the users'.
    audit.record(verb, instance, {action.removeprefix("post_"): sorted(pk_set or [])})


def connect() -> None:
    """Listen to what Django says; once, however often it is called."""
    signals.user_logged_in.connect(signed_in, dispatch_uid="audit")
    signals.user_logged_out.connect(signed_out, dispatch_uid="audit")
    signals.user_login_failed.connect(sign_in_failed, dispatch_uid="audit")
    post_save.connect(admin_logged, sender=LogEntry, dispatch_uid="audit")
    for through in (Campaign.members.through, User.groups.through):
        m2m_changed.connect(members_changed, sender=through, dispatch_uid=f"audit-{through.__name__}")
