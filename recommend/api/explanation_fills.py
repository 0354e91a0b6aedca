"""Jobs that make explanations ahead by REST, for leads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from recommend import languages
from recommend.ahead import services
from recommend.ahead.services import LIMITS, FillError, FillRunningError
from recommend.api import queries
from recommend.api.base import EmptyRequest, FilteredViewSet, IsLead, Query, StrictSerializer, caller
from recommend.api.errors import ConflictError
from recommend.models import ExplanationFill, JobState


class ExplanationFillSerializer(serializers.ModelSerializer[ExplanationFill]):
    """A job, and how far it is."""

    created_by = serializers.CharField(source="created_by.username", default=None, read_only=True, allow_null=True)
    is_active = serializers.BooleanField(read_only=True)
    is_paused = serializers.BooleanField(read_only=True)
    n_left = serializers.IntegerField(read_only=True)

    class Meta:
        model = ExplanationFill
        fields = (
            *("id", "language", "n_interests", "n_items", "days", "max_age_days", "created_by", "state", "is_active"),
            *("is_paused", "error", "n_wanted", "n_made", "n_rejected", "n_failed", "n_left", "prompt_tokens"),
            *("completion_tokens", "created_at", "finished_at"),
        )
        read_only_fields = fields


class ExplanationFillRequest(StrictSerializer):
    """For which interests and items."""

    language = serializers.ChoiceField(choices=languages.CHOICES, default=languages.ENGLISH)
    n_interests = serializers.IntegerField(
        default=100, min_value=1, max_value=LIMITS["n_interests"], help_text="The most common."
    )
    n_items = serializers.IntegerField(
        default=20, min_value=1, max_value=LIMITS["n_items"], help_text="For each interest, the most popular."
    )
    days = serializers.IntegerField(
        default=90, min_value=1, max_value=LIMITS["days"], help_text="How long ago an interest was found at most."
    )
    max_age_days = serializers.IntegerField(
        default=90, min_value=1, max_value=LIMITS["max_age_days"], help_text="What is older is made anew."
    )


class ExplanationFillQuery(Query):
    state = serializers.ChoiceField(required=False, choices=JobState.choices)


@extend_schema_view(
    list=extend_schema(summary="List jobs that make explanations ahead", parameters=[ExplanationFillQuery]),
    retrieve=extend_schema(summary="One job that makes explanations ahead, and how far it is"),
)
class ExplanationFillViewSet(mixins.RetrieveModelMixin, FilteredViewSet[ExplanationFill]):
    """Explanations ahead (leads only): made once for a pair of interest and item, looked up by runs that ask for it."""

    query = ExplanationFillQuery
    queryset = ExplanationFill.objects.select_related("created_by")
    serializer_class = ExplanationFillSerializer
    permission_classes = [IsLead]

    def filtered(self, queryset: QuerySet[ExplanationFill], wanted: Mapping[str, Any]) -> QuerySet[ExplanationFill]:
        return queryset.filter(queries.exact(wanted, "state"))

    @extend_schema(
        summary="Make explanations ahead",
        request=ExplanationFillRequest,
        responses={202: ExplanationFillSerializer, 409: OpenApiResponse(description="They are being made already.")},
    )
    def create(self, request: Request) -> Response:
        """Make what is missing, too old, or of another model, prompt or version of its item."""
        wanted = ExplanationFillRequest.body_of(request)
        try:
            fill = services.start(by=caller(request), **wanted)
        except FillRunningError as running:
            raise ConflictError(str(running), "explanations-running") from running
        except FillError as error:
            raise serializers.ValidationError({error.field or "non_field_errors": [str(error)]}) from error
        return Response(self.get_serializer(fill).data, status.HTTP_202_ACCEPTED)

    @extend_schema(summary="Pause it", request=EmptyRequest, responses={200: ExplanationFillSerializer})
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: UUID) -> Response:
        """Make no more for now: what is made stays, calls in flight are given up."""
        return self._steered(request, services.pause)

    @extend_schema(summary="Resume it", request=EmptyRequest, responses={200: ExplanationFillSerializer})
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: UUID) -> Response:
        """Go on; one that is not paused stays as it is."""
        return self._steered(request, services.resume)

    @extend_schema(summary="Cancel it", request=EmptyRequest, responses={200: ExplanationFillSerializer})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Stop it for good: what is made stays and is looked up."""
        return self._steered(request, services.cancel)

    def _steered(self, request: Request, steer: Callable[[ExplanationFill], ExplanationFill]) -> Response:
        EmptyRequest.body_of(request)
        steer(self.get_object())
        return Response(self.get_serializer(self.get_object()).data)
