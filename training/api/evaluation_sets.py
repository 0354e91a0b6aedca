"""Evaluation sets by REST, for leads: shoppers that no data set has a row of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from recommend.api.base import FilteredViewSet, IsLead, Query, StrictSerializer, caller
from recommend.populations import queries
from training.data_sets import services
from training.data_sets.wanted import DataSetError
from training.models import EvaluationSet


class EvaluationSetSerializer(serializers.ModelSerializer[EvaluationSet]):
    """An evaluation set, with its shoppers."""

    created_by = serializers.CharField(source="created_by.username", default=None, read_only=True, allow_null=True)
    shoppers = serializers.ListField(child=serializers.CharField(), read_only=True, help_text="External ids.")

    class Meta:
        model = EvaluationSet
        fields = ("id", "name", "query", "shoppers", "starts_on", "created_by", "created_at")
        read_only_fields = fields


class EvaluationSetRequest(StrictSerializer):
    """Whom to hold out, and from when on."""

    name = serializers.SlugField(max_length=60)
    query = serializers.CharField(
        max_length=queries.MAX_LENGTH, help_text="Such as `sample=0.1 seed=7`: chosen once, now."
    )
    starts_on = serializers.DateField(required=False, allow_null=True, help_text="The first day. Null: every day.")


@extend_schema_view(
    list=extend_schema(summary="List evaluation sets", parameters=[Query]),
    retrieve=extend_schema(summary="One evaluation set"),
)
class EvaluationSetViewSet(mixins.RetrieveModelMixin, FilteredViewSet[EvaluationSet]):
    """Evaluation sets (leads only): shoppers that no data set built afterwards has a row of."""

    query = Query
    queryset = EvaluationSet.objects.select_related("created_by")
    serializer_class = EvaluationSetSerializer
    permission_classes = [IsLead]

    def filtered(self, queryset: QuerySet[EvaluationSet], wanted: Mapping[str, Any]) -> QuerySet[EvaluationSet]:
        return queryset

    @extend_schema(summary="Hold shoppers out", request=EvaluationSetRequest, responses={201: EvaluationSetSerializer})
    def create(self, request: Request) -> Response:
        """Write down whom the query chooses now. It cannot be changed or deleted."""
        wanted = EvaluationSetRequest.body_of(request)
        try:
            made = services.hold_out(by=caller(request), **wanted)
        except DataSetError as error:
            raise serializers.ValidationError({error.field or "query": [str(error)]}) from error
        return Response(self.get_serializer(made).data, status.HTTP_201_CREATED)
