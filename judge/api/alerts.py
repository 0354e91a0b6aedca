"""Alerts about the judge by REST; for leads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from judge import alerts
from judge.api.serializers import RaterSerializer, RubricReference
from judge.models import Alert
from recommend.api.base import FilteredViewSet, IsLead, Query, StrictSerializer, caller
from recommend.models import Output


class AlertSerializer(serializers.ModelSerializer[Alert]):
    """Something is wrong with a judge; open until it is acknowledged."""

    signal = serializers.ChoiceField(choices=Alert.Signal.choices, read_only=True)
    judge = RaterSerializer(source="rater", read_only=True)
    rubric = RubricReference(read_only=True)
    facts = serializers.DictField(read_only=True, help_text="The figures behind the message.")
    acknowledged_by = serializers.CharField(source="acknowledged_by.username", read_only=True, default=None)

    class Meta:
        model = Alert
        fields = (
            "id",
            "signal",
            "judge",
            "rubric",
            "about",
            "message",
            "facts",
            "acknowledged_at",
            "acknowledged_by",
            "note",
            "created_at",
        )


class AcknowledgeRequest(StrictSerializer):
    note = serializers.CharField(required=False, allow_blank=True, max_length=2000, help_text="What you found or did.")


class AlertQuery(Query):
    kind = serializers.ChoiceField(required=False, choices=Output.Kind.choices)
    open = serializers.BooleanField(
        required=False, help_text="Not acknowledged yet, or acknowledged; both, if not given."
    )


@extend_schema_view(
    list=extend_schema(summary="List alerts about the judge", parameters=[AlertQuery]),
    retrieve=extend_schema(summary="One alert"),
)
class AlertViewSet(mixins.RetrieveModelMixin, FilteredViewSet[Alert]):
    """Alerts (leads only): a judge that drifts away from people, week by week."""

    query = AlertQuery
    queryset = Alert.objects.select_related(
        "rater__user", "rater__language_model", "rater__panel", "rubric", "acknowledged_by"
    )
    serializer_class = AlertSerializer
    permission_classes = [IsLead]

    def filtered(self, queryset: QuerySet[Alert], wanted: Mapping[str, Any]) -> QuerySet[Alert]:
        if "kind" in wanted:
            queryset = queryset.filter(rubric__kind=wanted["kind"])
        return queryset.filter(acknowledged_at__isnull=wanted["open"]) if "open" in wanted else queryset

    @extend_schema(summary="Acknowledge an alert", request=AcknowledgeRequest, responses={200: AlertSerializer})
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, pk: UUID) -> Response:
        """Say that you have taken notice; one that was acknowledged stays as it was first."""
        wanted = AcknowledgeRequest.body_of(request)
        alerts.acknowledge(self.get_object(), by=caller(request), **wanted)
        return Response(self.get_serializer(self.get_object()).data)
