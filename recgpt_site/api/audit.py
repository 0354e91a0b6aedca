"""The audit log by REST: for admins, to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request

from recgpt_site import audit_log
from recommend import roles
from recommend.api.base import FilteredViewSet, FormatIsOurs, HasRole, Parameters, Query
from recommend.audit import Verb
from recommend.models import AuditEntry


class IsAdmin(HasRole):
    roles = (roles.ADMIN,)


class AuditFilters(Parameters):
    actor = serializers.CharField(required=False, help_text="A user's name, as it was at that time.")
    verb = serializers.ChoiceField(required=False, choices=Verb.choices)
    object = serializers.CharField(required=False, help_text="The id of the row that was acted on or seen.")
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False, help_text="Entries before this moment.")


class AuditQuery(AuditFilters, Query):
    """The filters, and which page of them."""


class AuditExportQuery(AuditFilters):
    format = serializers.ChoiceField(default="jsonl", choices=list(audit_log.FORMATS))


class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    """One entry. `detail` has small facts, never labels or texts."""

    detail = serializers.DictField(read_only=True)

    class Meta:
        model = AuditEntry
        fields = audit_log.COLUMNS
        read_only_fields = fields


@extend_schema_view(
    list=extend_schema(summary="Search the audit log", parameters=[AuditQuery]),
    retrieve=extend_schema(summary="One entry of the audit log"),
)
class AuditEntryViewSet(mixins.RetrieveModelMixin, FilteredViewSet[AuditEntry]):
    """The audit log (admins only): who did or saw what, newest first. Nobody can change it."""

    query = AuditQuery
    queryset = AuditEntry.objects.all()
    serializer_class = AuditEntrySerializer
    permission_classes = [IsAdmin]

    def filtered(self, queryset: QuerySet[AuditEntry], wanted: Mapping[str, Any]) -> QuerySet[AuditEntry]:
        names = {
            "actor": "actor",
            "verb": "verb",
            "object": "object_id",
            "since": "created_at__gte",
            "until": "created_at__lt",
        }
        return queryset.filter(**{names[name]: wanted[name] for name in names if name in wanted})

    @extend_schema(
        summary="Export the audit log",
        parameters=[AuditExportQuery],
        responses={(200, kind.partition(";")[0]): OpenApiTypes.BINARY for _, kind in audit_log.FORMATS.values()},
    )
    @action(detail=False, content_negotiation_class=FormatIsOurs)
    def export(self, request: Request) -> StreamingHttpResponse:
        """All entries that the filters leave, as a file that is written while it is sent."""
        wanted = AuditExportQuery.of(request)
        return audit_log.attachment(self.filtered(self.get_queryset(), wanted), wanted["format"])
