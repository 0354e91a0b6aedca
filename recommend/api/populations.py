"""Population jobs by REST, for leads: the pipeline for every shopper that a query chooses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from recommend import languages
from recommend.api import queries
from recommend.api.base import (
    EmptyRequest,
    FilteredViewSet,
    FiniteFloatField,
    IsLead,
    Query,
    StrictSerializer,
    caller,
)
from recommend.api.errors import ConflictError
from recommend.api.run_requests import ChosenModels, ListRules
from recommend.api.run_views import nested
from recommend.models import JobState, PopulationJob, PopulationShopper, TagStrategy
from recommend.populations import queries as population_queries
from recommend.populations import services
from recommend.populations.queries import PopulationError
from recommend.populations.reports import Failure, Progress, progress_of
from recommend.populations.services import PopulationRunningError
from recommend.services import CHOOSABLE_STEPS, MAX_ITEMS


class PopulationFailureSerializer(serializers.Serializer[Failure]):
    reason = serializers.ChoiceField(choices=PopulationShopper.Reason.choices)
    words = serializers.CharField()
    n = serializers.IntegerField(help_text="Shoppers.")


class PopulationProgressSerializer(serializers.Serializer[Progress]):
    """Where a job stands; once it has ended, its report."""

    n_shoppers = serializers.IntegerField(help_text="Chosen by the query; 0 until they were written down.")
    n_done = serializers.IntegerField()
    n_skipped = serializers.IntegerField(help_text="Nothing had changed since their last run.")
    n_failed = serializers.IntegerField()
    n_left = serializers.IntegerField()
    failures = PopulationFailureSerializer(many=True)
    n_calls = serializers.IntegerField()
    prompt_tokens = serializers.IntegerField()
    completion_tokens = serializers.IntegerField()
    money = serializers.DecimalField(None, 6, allow_null=True, help_text="Null where a model has no price.")
    seconds = serializers.FloatField(help_text="Since it was started, rests included.")
    shoppers_per_s = serializers.FloatField(allow_null=True, help_text="Of the last shoppers, or of the whole job.")
    tokens_per_s = serializers.FloatField(allow_null=True)
    seconds_left = serializers.FloatField(allow_null=True, help_text="At that pace.")
    silence = serializers.CharField(help_text="Why the language model does not answer, where it does not.")


class PopulationSerializer(serializers.ModelSerializer[PopulationJob]):
    """A population job, how far it is, and what it took so far."""

    stages = serializers.SerializerMethodField()
    created_by = serializers.CharField(source="created_by.username", default=None, read_only=True, allow_null=True)
    is_active = serializers.BooleanField(read_only=True)
    is_paused = serializers.BooleanField(read_only=True)
    models = serializers.DictField(
        source="chosen_models", read_only=True, help_text="Stage: id of its model, where it is not the serving one."
    )
    rules = serializers.DictField(read_only=True, help_text="What may be offered, where the job says it.")
    progress = serializers.SerializerMethodField()

    class Meta:
        model = PopulationJob
        fields = (
            *(
                "id",
                "query",
                "stages",
                "beta",
                "n_items",
                "models",
                "rules",
                "language",
                "tag_strategy",
                "reference_at",
            ),
            *("tells_runs", "again", "created_by", "state", "is_active", "is_paused"),
            *("attempt", "error", "progress", "created_at", "finished_at"),
        )
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField(choices=CHOOSABLE_STEPS)))
    def get_stages(self, population: PopulationJob) -> list[str]:
        return population.steps[1:]

    @extend_schema_field(PopulationProgressSerializer)
    def get_progress(self, population: PopulationJob) -> dict[str, Any]:
        return dict(PopulationProgressSerializer(progress_of(population)).data)


class PopulationRequest(StrictSerializer):
    """Which shoppers, and what is made for each."""

    query = serializers.CharField(
        max_length=population_queries.MAX_LENGTH, help_text="Such as `age=25-34 behaviors>=100 sample=0.1`, or `all`."
    )
    stages = serializers.ListField(
        child=serializers.ChoiceField(choices=CHOOSABLE_STEPS),
        allow_empty=False,
        help_text="Each with what it is made from.",
    )
    beta = FiniteFloatField(default=0.5, min_value=0.0, max_value=1.0)
    n_items = serializers.IntegerField(default=6, min_value=1, max_value=MAX_ITEMS)
    models = ChosenModels(required=False)
    rules = ListRules(required=False)
    language = serializers.ChoiceField(choices=languages.CHOICES, default=languages.ENGLISH)
    reference_at = serializers.DateTimeField(
        required=False, help_text="Every run looks from this moment. Default: after each shopper's last behaviour."
    )
    tells_runs = serializers.BooleanField(
        default=False, help_text="Tell webhooks of each run's end too, and not of the job's alone."
    )
    tag_strategy = serializers.ChoiceField(choices=TagStrategy.choices, default=TagStrategy.DIRECT)
    again = serializers.BooleanField(default=False, help_text="Also for shoppers whose history did not change.")


class PopulationCountRequest(StrictSerializer):
    query = serializers.CharField(max_length=population_queries.MAX_LENGTH)


class PopulationCountSerializer(serializers.Serializer[Any]):
    n_shoppers = serializers.IntegerField()


class PopulationQuery(Query):
    state = serializers.ChoiceField(required=False, choices=JobState.choices)


@extend_schema_view(
    list=extend_schema(summary="List population jobs", parameters=[PopulationQuery]),
    retrieve=extend_schema(summary="One population job, with its progress or report"),
)
class PopulationJobViewSet(mixins.RetrieveModelMixin, FilteredViewSet[PopulationJob]):
    """Population jobs (leads only): runs for every shopper that a query chooses, by any number of workers."""

    query = PopulationQuery
    queryset = PopulationJob.objects.select_related("created_by")
    serializer_class = PopulationSerializer
    permission_classes = [IsLead]

    def filtered(self, queryset: QuerySet[PopulationJob], wanted: Mapping[str, Any]) -> QuerySet[PopulationJob]:
        return queryset.filter(queries.exact(wanted, "state"))

    @extend_schema(
        summary="Start a population job",
        request=PopulationRequest,
        responses={202: PopulationSerializer, 409: OpenApiResponse(description="The same is being made already.")},
    )
    def create(self, request: Request) -> Response:
        """Start it; ask its address for the progress."""
        wanted = PopulationRequest.body_of(request)
        try:
            made = services.start(by=caller(request), **wanted)
        except PopulationRunningError as running:
            raise ConflictError(str(running), "population-running") from running
        except PopulationError as error:
            raise serializers.ValidationError(nested(error.field or "query", [str(error)])) from error
        return Response(self.get_serializer(made).data, status.HTTP_202_ACCEPTED)

    @extend_schema(
        summary="Count a population", request=PopulationCountRequest, responses={200: PopulationCountSerializer}
    )
    @action(detail=False, methods=["post"])
    def count(self, request: Request) -> Response:
        """How many shoppers a query chooses now; nothing is started."""
        wanted = PopulationCountRequest.body_of(request)
        try:
            n = population_queries.shoppers(wanted["query"]).count()
        except PopulationError as error:
            raise serializers.ValidationError({error.field: [str(error)]}) from error
        return Response({"n_shoppers": n})

    @extend_schema(summary="Pause a population job", request=EmptyRequest, responses={200: PopulationSerializer})
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: UUID) -> Response:
        """Make no more for now: what is made stays, calls in flight are given up."""
        return self._steered(request, services.pause)

    @extend_schema(summary="Resume a population job", request=EmptyRequest, responses={200: PopulationSerializer})
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: UUID) -> Response:
        """Go on; one that is not paused stays as it is."""
        return self._steered(request, services.resume)

    @extend_schema(summary="Cancel a population job", request=EmptyRequest, responses={200: PopulationSerializer})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Stop it for good: what is made stays, calls in flight are given up."""
        return self._steered(request, services.cancel)

    def _steered(self, request: Request, steer: Callable[[PopulationJob], PopulationJob]) -> Response:
        EmptyRequest.body_of(request)
        steer(self.get_object())
        return Response(self.get_serializer(self.get_object()).data)
