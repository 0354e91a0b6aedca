"""Serializers and permissions that every part of the API is built from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, TypeVar, cast

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Model, QuerySet
from rest_framework import mixins, serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from recommend import roles
from recommend.api.errors import InvalidParametersError

M = TypeVar("M", bound=Model)


class StrictSerializer(serializers.Serializer[Any]):
    """Takes a body, and refuses fields that it does not know: a misspelt option must not be ignored in silence."""

    @classmethod
    def body_of(cls, request: Request) -> dict[str, Any]:
        """The validated body of a request. Raises ValidationError.

        The fields are made once and not for every call, which costs more than validating by them.
        """
        return dict(_made_once(cls).run_validation(request.data))

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            known = [name for name, field in self.fields.items() if not field.read_only]
            unknown = [name for name in data if name not in known]
            if unknown:
                message = f"Unknown field. Known here: {', '.join(known) or 'none'}."
                raise serializers.ValidationError({str(name): [message] for name in unknown})
        return super().to_internal_value(data)


@cache
def _made_once(serializer: type[StrictSerializer]) -> StrictSerializer:
    return serializer()


class Parameters(StrictSerializer):
    """The query parameters of a call; a subclass names them."""

    @classmethod
    def of(cls, request: Request) -> dict[str, Any]:
        """The validated parameters of a request. Raises InvalidParametersError."""
        parameters = cls(data=request.query_params.dict())
        try:
            parameters.is_valid(raise_exception=True)
        except serializers.ValidationError as error:
            raise InvalidParametersError(error.detail) from error
        return dict(parameters.validated_data)


class Query(Parameters):
    """The query parameters of a list; a subclass names its filters."""

    cursor = serializers.CharField(required=False, help_text="From `next` or `previous` of an earlier page.")
    page_size = serializers.IntegerField(required=False, min_value=1, max_value=200, help_text="50 if not given.")


class FilteredViewSet(mixins.ListModelMixin, GenericViewSet[M]):
    """A list with filters of its own; ids are UUIDs. A subclass names its `query` and what it filters by it."""

    lookup_value_converter = "uuid"
    query: type[Query]

    def filtered(self, queryset: QuerySet[M], wanted: Mapping[str, Any]) -> QuerySet[M]:
        """The rows that the parameters ask for."""
        raise NotImplementedError

    def filter_queryset(self, queryset: Any) -> Any:
        return self.filtered(queryset, self.query.of(self.request)) if self.action == "list" else queryset


class FormatIsOurs(BaseContentNegotiation):
    """REST framework takes `format` for the name of a renderer, where it is the file's, or the answer is a stream."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class FiniteFloatField(serializers.FloatField):
    """A number; `nan` and `inf`, which Python's float reads too, are refused."""

    def to_internal_value(self, data: Any) -> float:
        value = super().to_internal_value(data)
        if not math.isfinite(value):
            self.fail("invalid")
        return value


class EmptyRequest(StrictSerializer):
    """The body of a call that takes none."""


class HasRole(BasePermission):
    """Lets in whoever has one of `roles`; the base of the named permissions below."""

    roles: ClassVar[tuple[str, ...]] = roles.ALL

    def has_permission(self, request: Request, view: APIView) -> bool:
        if roles.has_role(request.user, *self.roles):
            return True
        self.message = (
            f"This call is for the role{'s' if len(self.roles) > 1 else ''} {' or '.join(self.roles)}; "
            f"{describe(request.user)}. An admin gives roles in /admin/."
        )
        return False


class IsLead(HasRole):
    roles = (roles.LEAD,)


def caller(request: Request) -> User:
    """The user who calls; permissions have let nobody else through."""
    return cast("User", request.user)


def describe(user: User | AnonymousUser) -> str:
    """A user and their roles, as part of a sentence."""
    held = " and ".join(sorted(roles.roles_of(user))) or "no role"
    return f"{user.get_username()} has {held}"
