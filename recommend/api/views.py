"""The pipeline by REST: start a run, poll it, read what it made, and look up what it is made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from recommend import access, selectors, services
from recommend.api import queries, run_events
from recommend.api.base import EmptyRequest, FilteredViewSet, FormatIsOurs, IsLead, caller
from recommend.api.errors import ConflictError, InvalidParametersError
from recommend.api.run_requests import RunRequest
from recommend.api.serializers import (
    GenerationDetailSerializer,
    GenerationSerializer,
    ItemSerializer,
    LanguageModelSerializer,
    RunDetailSerializer,
    RunSerializer,
    ShopperSerializer,
)
from recommend.models import Generation, Item, LanguageModel, PipelineRun, Shopper

POLL_AFTER_S = "1"
KEY_LENGTH = 200
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Your name for this request: sent twice, it starts one run. The same key with another body is a 409.",
)
LAST_EVENT_ID = OpenApiParameter(
    "Last-Event-ID", str, OpenApiParameter.HEADER, description="Of the last event that you have; it is not told again."
)


@extend_schema_view(
    list=extend_schema(summary="List shoppers", parameters=[queries.ShopperQuery]),
    retrieve=extend_schema(summary="One shopper"),
)
class ShopperViewSet(mixins.RetrieveModelMixin, FilteredViewSet[Shopper]):
    """Shoppers: whose behaviour is known. Not login users."""

    query = queries.ShopperQuery
    queryset = Shopper.objects.known()
    serializer_class = ShopperSerializer

    def filtered(self, queryset: QuerySet[Shopper], wanted: Mapping[str, Any]) -> QuerySet[Shopper]:
        if "search" in wanted:
            queryset = queryset.filter(external_id__istartswith=wanted["search"])
        return queryset.filter(queries.exact(wanted, "external_id"))


@extend_schema_view(
    list=extend_schema(summary="List items", parameters=[queries.ItemQuery]),
    retrieve=extend_schema(summary="One item"),
)
class ItemViewSet(mixins.RetrieveModelMixin, FilteredViewSet[Item]):
    """Items: the catalogue."""

    query = queries.ItemQuery
    queryset = Item.objects.all()
    serializer_class = ItemSerializer

    def filtered(self, queryset: QuerySet[Item], wanted: Mapping[str, Any]) -> QuerySet[Item]:
        if "search" in wanted:
            words = wanted["search"]
            queryset = queryset.filter(Q(title__icontains=words) | Q(short_text__icontains=words) | Q(sku=words))
        if "category" in wanted:
            queryset = queryset.filter(category__contains=[wanted["category"]])
        return queryset.filter(queries.exact(wanted, "sku", "brand"))


@extend_schema_view(
    list=extend_schema(summary="List language models", parameters=[queries.LanguageModelQuery]),
    retrieve=extend_schema(summary="One language model"),
)
class LanguageModelViewSet(mixins.RetrieveModelMixin, FilteredViewSet[LanguageModel]):
    """Language models: each in one role; the one that is `serving` does the work."""

    query = queries.LanguageModelQuery
    queryset = LanguageModel.objects.all()
    serializer_class = LanguageModelSerializer
    permission_classes = [IsLead]

    def filtered(self, queryset: QuerySet[LanguageModel], wanted: Mapping[str, Any]) -> QuerySet[LanguageModel]:
        return queryset.filter(queries.exact(wanted, "role", "state"))


@extend_schema_view(
    list=extend_schema(summary="List generations", parameters=[queries.GenerationQuery]),
    retrieve=extend_schema(summary="One generation, with its outputs"),
)
class GenerationViewSet(mixins.RetrieveModelMixin, FilteredViewSet[Generation]):
    """Generations: one call of a language model for one shopper and stage."""

    query = queries.GenerationQuery
    queryset = Generation.objects.select_related("shopper", "model")
    detail_serializer_class: type[GenerationDetailSerializer] = GenerationDetailSerializer
    permission_classes = [IsLead]

    def get_queryset(self) -> QuerySet[Generation]:
        found = super().get_queryset()
        return found if self.action == "list" else found.prefetch_related("outputs")

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        return GenerationSerializer if self.action == "list" else self.detail_serializer_class

    def filtered(self, queryset: QuerySet[Generation], wanted: Mapping[str, Any]) -> QuerySet[Generation]:
        if "shopper" in wanted:
            queryset = queryset.filter(queries.shopper(wanted["shopper"]))
        return queryset.filter(queries.exact(wanted, "stage", "state", "run", "model"))


@extend_schema_view(
    list=extend_schema(summary="List runs", parameters=[queries.RunQuery]),
)
class PipelineRunViewSet(FilteredViewSet[PipelineRun]):
    """Pipeline runs: one request through all stages for one shopper. Leads see all, others their own."""

    query = queries.RunQuery
    queryset = PipelineRun.objects.none()
    serializer_class = RunSerializer
    detail_serializer_class: type[RunDetailSerializer] = RunDetailSerializer

    def get_queryset(self) -> QuerySet[PipelineRun]:
        return access.visible_runs(caller(self.request)).select_related("shopper", "created_by")

    def filtered(self, queryset: QuerySet[PipelineRun], wanted: Mapping[str, Any]) -> QuerySet[PipelineRun]:
        if "shopper" in wanted:
            queryset = queryset.filter(queries.shopper(wanted["shopper"]))
        return queryset.filter(queries.exact(wanted, "state"))

    @extend_schema(
        summary="Start a run",
        request=RunRequest,
        parameters=[IDEMPOTENCY_KEY],
        responses={
            202: OpenApiResponse(RunSerializer, "Accepted; poll `url`, which `Location` names too."),
            200: OpenApiResponse(RunSerializer, "This key started this run before."),
            409: OpenApiResponse(description="The key was used with another body."),
        },
    )
    def create(self, request: Request) -> Response:
        """Queue a run. The answer comes at once; its `url` gives the results as they are made."""
        key = idempotency_key(request)
        wanted = RunRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        try:
            run, created = services.start_run(by=caller(request), idempotency_key=key, **wanted.validated_data)
        except services.InvalidRunError as error:
            raise ValidationError(nested(error.field, [str(error)])) from error
        except services.IdempotencyConflictError as error:
            raise ConflictError(str(error), code="idempotency-key-reused") from error
        body = self.get_serializer(run).data
        headers = {"Location": body["url"], "Retry-After": POLL_AFTER_S}
        return Response(body, status.HTTP_202_ACCEPTED if created else status.HTTP_200_OK, headers=headers)

    @extend_schema(summary="One run, with all its results", responses=RunDetailSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """What is stored of a run so far; while it works, `Retry-After` says when to ask again."""
        run = self.get_object()
        view: Any = selectors.run_for_display(run.pk)  # the serializer makes a run of it
        context = {**self.get_serializer_context(), **self.result_context(view)}
        headers = {"Retry-After": POLL_AFTER_S} if view.run.is_active else {}
        return Response(self.detail_serializer_class(view, context=context).data, headers=headers)

    def result_context(self, view: selectors.RunView) -> dict[str, Any]:
        """What a layer above adds for its own detail serializer."""
        return {}

    @extend_schema(summary="Cancel a run", request=EmptyRequest, responses=RunSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Stop a run: what it made stays. A run that has ended stays as it is."""
        EmptyRequest(data=request.data).is_valid(raise_exception=True)
        run = services.cancel_run(self.get_object())
        return Response(self.get_serializer(run).data)

    @extend_schema(
        summary="Progress of a run, as it is made",
        parameters=[LAST_EVENT_ID],
        responses={
            (200, run_events.MEDIA_TYPE): OpenApiResponse(OpenApiTypes.STR, "`progress` events, at last `end`."),
            204: OpenApiResponse(description="The run has ended, and you have been told: do not come back."),
        },
    )
    @action(detail=True, content_negotiation_class=FormatIsOurs)
    def events(self, request: Request, pk: UUID) -> Response | StreamingHttpResponse:
        """Server-sent events: each has the run's state, steps and calls. A stream ends after 25 s at the latest, or at
        once where all places are taken; `EventSource` comes back by itself with the id of the last event.
        """
        run = self.get_object()
        seen = request.headers.get("Last-Event-ID", "")
        if not run.is_active and selectors.progress_of(run.pk).version == seen:
            return Response(status=status.HTTP_204_NO_CONTENT)
        response = StreamingHttpResponse(run_events.stream(run.pk, seen), content_type=run_events.MEDIA_TYPE)
        response["Cache-Control"] = "no-store"
        response["X-Accel-Buffering"] = "no"  # nginx would keep events until it has a page full of them
        return response


def nested(field: str, words: list[str]) -> dict[str, Any]:
    """The detail of an error in a field that may lie in another.

    >>> nested("models.tags", ["No."])
    {'models': {'tags': ['No.']}}
    """
    first, _, rest = field.partition(".")
    return {first: nested(rest, words) if rest else words}


def idempotency_key(request: Request) -> str:
    """The caller's name for the request, or "". Raises InvalidParametersError."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > KEY_LENGTH:
        raise InvalidParametersError({"Idempotency-Key": [f"{len(key)} characters; at most {KEY_LENGTH} are kept."]})
    return key
