"""Data sets by REST, for leads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from recommend.api import queries
from recommend.api.base import (
    EmptyRequest,
    FilteredViewSet,
    FiniteFloatField,
    FormatIsOurs,
    IsLead,
    Parameters,
    Query,
    StrictSerializer,
    caller,
)
from recommend.api.errors import ConflictError
from recommend.languages import CHOICES
from recommend.models import JobState, Output
from training.data_sets import downloads, services
from training.data_sets.downloads import HeldBlindError
from training.data_sets.exports import FORMATS
from training.data_sets.files import DamagedError
from training.data_sets.rows import SPLITS
from training.data_sets.wanted import MAX_ROWS, DataSetError
from training.models import DataSet


class DataSetQuerySerializer(StrictSerializer):
    """What a data set is made from and by; of what it does not say, docs/training.md has the defaults."""

    stage = serializers.ChoiceField(choices=DataSet.Stage.choices)
    kind = serializers.ChoiceField(choices=Output.Kind.choices, required=False, help_text="Default: tag.")
    models = serializers.ListField(child=serializers.UUIDField(), required=False, help_text="None: every.")
    prompt_versions = serializers.ListField(child=serializers.CharField(max_length=40), required=False)
    created_from = serializers.DateField(required=False, allow_null=True)
    created_until = serializers.DateField(required=False, allow_null=True)
    judge = serializers.UUIDField(required=False, allow_null=True, help_text="A rater. Null: the one that serves.")
    curation = serializers.ChoiceField(choices=("rules", "labels", "people"), required=False)
    criteria = serializers.ListField(child=serializers.CharField(max_length=40), required=False)
    half_life_days = FiniteFloatField(required=False)
    tasks = serializers.ListField(child=serializers.CharField(max_length=40), required=False)
    per_task = serializers.IntegerField(required=False)
    until = serializers.DateField(required=False, allow_null=True)
    days = serializers.IntegerField(required=False)
    tag_text = serializers.ChoiceField(choices=("title", "category"), required=False)
    relevance = FiniteFloatField(required=False)
    max_tags = serializers.IntegerField(required=False)
    per_category = serializers.IntegerField(required=False)
    languages = serializers.ListField(child=serializers.ChoiceField(choices=CHOICES), required=False)
    max_tokens = serializers.IntegerField(required=False)
    near = FiniteFloatField(required=False, help_text="Jaccard similarity; 1: exact duplicates only.")
    per_shopper = serializers.IntegerField(required=False)
    most = serializers.IntegerField(required=False, max_value=MAX_ROWS)
    validation_share = FiniteFloatField(required=False)
    split_at = serializers.DateField(required=False, allow_null=True)
    seed = serializers.IntegerField(required=False)


class DataSetSerializer(serializers.ModelSerializer[DataSet]):
    """A data set, and how far its building is."""

    state = serializers.ChoiceField(choices=JobState.choices, read_only=True)
    is_active = serializers.BooleanField(read_only=True)
    created_by = serializers.CharField(source="created_by.username", default=None, read_only=True, allow_null=True)
    query = DataSetQuerySerializer(read_only=True)
    counts = serializers.DictField(child=serializers.IntegerField(), read_only=True, help_text="{split: rows}")

    class Meta:
        model = DataSet
        fields: tuple[str, ...] = (
            *("id", "name", "stage", "query", "state", "is_active", "step", "n_read", "error"),
            *("n_rows", "counts", "sha256", "created_by", "created_at", "finished_at"),
        )
        read_only_fields: tuple[str, ...] = fields


class CountSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField(help_text="In words.")
    n = serializers.IntegerField()


class HeldOutSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="Of an evaluation set.")
    n = serializers.IntegerField(help_text="Rows of it that were dropped.")


class DistributionSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    bars = serializers.ListField(
        child=serializers.ListField(), help_text="Each a label, the rows before cleaning, and the rows after."
    )


class DataSetReportSerializer(serializers.Serializer[Any]):
    """What became of the material, what was dropped why, and distributions; empty until it is built."""

    n_before = serializers.IntegerField(required=False)
    n_after = serializers.IntegerField(required=False)
    n_shoppers = serializers.IntegerField(required=False)
    material = CountSerializer(many=True, required=False)
    dropped = CountSerializer(many=True, required=False)
    held_out = HeldOutSerializer(many=True, required=False)
    distributions = DistributionSerializer(many=True, required=False)


class DataSetDetailSerializer(DataSetSerializer):
    """The same with its report and manifest."""

    report = DataSetReportSerializer(read_only=True)
    manifest = serializers.DictField(read_only=True, help_text="As manifest.json beside the rows.")

    class Meta(DataSetSerializer.Meta):
        fields = (*DataSetSerializer.Meta.fields, "report", "manifest")
        read_only_fields = fields


class DataSetRequest(StrictSerializer):
    """A name, and what it is made from."""

    name = serializers.CharField(max_length=services.MAX_NAME)
    query = DataSetQuerySerializer()


class DataSetQuery(Query):
    stage = serializers.ChoiceField(required=False, choices=DataSet.Stage.choices)
    state = serializers.ChoiceField(required=False, choices=JobState.choices)


class DownloadParameters(Parameters):
    format = serializers.ChoiceField(choices=list(FORMATS), default="jsonl")
    split = serializers.ChoiceField(choices=SPLITS, required=False, help_text="Default: all rows.")


@extend_schema_view(
    list=extend_schema(summary="List data sets", parameters=[DataSetQuery], responses=DataSetSerializer(many=True)),
    retrieve=extend_schema(summary="One data set, with its report"),
)
class DataSetViewSet(mixins.RetrieveModelMixin, FilteredViewSet[DataSet]):
    """Data sets for training (leads only): built once, in the background, and never changed."""

    query = DataSetQuery
    queryset = DataSet.objects.select_related("created_by")
    serializer_class = DataSetDetailSerializer
    permission_classes = [IsLead]

    def get_serializer_class(self) -> type[DataSetSerializer]:
        return DataSetSerializer if self.action == "list" else DataSetDetailSerializer

    def filtered(self, queryset: QuerySet[DataSet], wanted: Mapping[str, Any]) -> QuerySet[DataSet]:
        return queryset.filter(queries.exact(wanted, "stage", "state")).defer("report", "manifest")

    @extend_schema(summary="Build a data set", request=DataSetRequest, responses={202: DataSetDetailSerializer})
    def create(self, request: Request) -> Response:
        """Have it built; ask its address for the progress."""
        wanted = DataSetRequest.body_of(request)
        try:
            made = services.start(name=wanted["name"], query=wanted["query"], by=caller(request))
        except DataSetError as error:
            problem: dict[str, Any] = {error.field: [str(error)]}
            raise serializers.ValidationError(problem if error.field == "name" else {"query": problem}) from error
        return Response(self.get_serializer(made).data, status.HTTP_202_ACCEPTED)

    @extend_schema(summary="Cancel a data set", request=EmptyRequest, responses={200: DataSetDetailSerializer})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Stop the building: nothing of it stays. One that has ended stays as it is."""
        EmptyRequest.body_of(request)
        services.cancel(self.get_object())
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(
        summary="Take a data set out",
        parameters=[DownloadParameters],
        responses={
            **{(200, form.content_type): OpenApiTypes.BINARY for form in FORMATS.values()},
            409: OpenApiResponse(
                description="It is not built, its file is damaged, or the caller has its outputs in work."
            ),
        },
    )
    @action(detail=True, methods=["get"], content_negotiation_class=FormatIsOurs)
    def download(self, request: Request, pk: UUID) -> StreamingHttpResponse:
        """The rows: `jsonl` and `datasets` in TRL's formats, `parquet` with what each row was made from."""
        wanted = DownloadParameters.of(request)
        found = self.get_object()
        if found.state != JobState.DONE:
            raise ConflictError(
                f"“{found}” is {found.get_state_display().lower()}, and has no rows.", "data-set-not-built"
            )
        try:
            return downloads.attachment(found, FORMATS[wanted["format"]], wanted.get("split"), caller(request))
        except HeldBlindError as held:
            raise ConflictError(str(held), "data-set-in-work") from held
        except DamagedError as damaged:
            raise ConflictError(str(damaged), "data-set-damaged") from damaged
