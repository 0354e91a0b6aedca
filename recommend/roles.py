"""Roles: annotator, lead, admin. A role is a Django group; an admin may do what a lead may, a superuser is an admin."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import update_wrapper
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from recommend.http import Request

P = ParamSpec("P")

ANNOTATOR = "annotator"
LEAD = "lead"
ADMIN = "admin"
ALL = (ANNOTATOR, LEAD, ADMIN)
_CACHE = "_studio_roles"


def roles_of(user: User | AnonymousUser) -> frozenset[str]:
    """The roles that a user has, implied ones included; asked of the database once per request."""
    if not user.is_authenticated or not user.is_active:
        return frozenset()
    cached = getattr(user, _CACHE, None)
    if cached is None:
        cached = remember(user, user.groups.values_list("name", flat=True))
    return cast("frozenset[str]", cached)


def remember(user: User, groups: Iterable[str]) -> frozenset[str]:
    """Take a user's roles from the names of their groups, which were read with them; returns the roles."""
    names = set(groups) & set(ALL)
    if user.is_superuser:
        names.add(ADMIN)
    if ADMIN in names:
        names.add(LEAD)
    found = frozenset(names)
    setattr(user, _CACHE, found)
    return found


def has_role(user: User | AnonymousUser, *roles: str) -> bool:
    """True where the user has one of `roles`."""
    return not roles_of(user).isdisjoint(roles)


def role_required(
    *roles: str,
) -> Callable[
    [Callable[Concatenate[Request, P], HttpResponseBase]], Callable[Concatenate[HttpRequest, P], HttpResponseBase]
]:
    """Let a view be called only by users who have one of `roles`: others sign in, or get a 403."""

    def decorate(
        view: Callable[Concatenate[Request, P], HttpResponseBase],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
        def checked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not has_role(request.user, *roles):
                raise PermissionDenied(f"This page is for {' and '.join(f'{role}s' for role in roles)}.")
            return view(cast("Request", request), *args, **kwargs)

        # wraps() by hand: its type would claim that the checked view takes our Request.
        update_wrapper(checked, view)
        return login_required(checked)

    return decorate


def context(request: HttpRequest) -> dict[str, bool]:
    """What templates need to know to show a user only the pages that open to them."""
    roles = roles_of(request.user)
    return {"is_annotator": ANNOTATOR in roles, "is_lead": LEAD in roles, "is_admin": ADMIN in roles}
