"""Gold and annotators by REST, for leads; the same services and figures as their pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from judge import annotator_tables, annotators, gold, tables, visibility
from judge.answers import MAX_TEXT
from judge.api.assignments import refusing
from judge.api.serializers import RubricReference
from judge.comparison import Filters
from judge.models import Gold, Rubric
from judge.services import KIND_OF_STAGE
from recommend.api import queries
from recommend.api.base import (
    EmptyRequest,
    FilteredViewSet,
    FormatIsOurs,
    IsLead,
    Parameters,
    Query,
    StrictSerializer,
    caller,
)
from recommend.models import Generation, Output, Stage


class GoldSerializer(serializers.ModelSerializer[Gold]):
    """A generation whose right labels are known under one rubric."""

    rubric = RubricReference(read_only=True)
    labels = serializers.DictField(
        child=serializers.DictField(child=serializers.CharField()),
        read_only=True,
        help_text="{output: {criterion: label}}",
    )
    by = serializers.CharField(source="by.username", read_only=True)

    class Meta:
        model = Gold
        fields = ("id", "generation", "rubric", "labels", "source", "reason", "by", "withdrawn_at", "created_at")


class GoldRequest(StrictSerializer):
    generation = serializers.PrimaryKeyRelatedField(
        queryset=Generation.objects.all(), pk_field=serializers.UUIDField(), help_text="Finished."
    )
    rubric = serializers.PrimaryKeyRelatedField(
        required=False, queryset=Rubric.objects.fixed(), help_text="The one in use for its outputs, if not given."
    )
    labels = serializers.DictField(
        required=False,
        child=serializers.DictField(child=serializers.CharField()),
        help_text="{output: {criterion: label}} for every kept output; what was decided of them, if not given.",
    )
    reason = serializers.CharField(default="", allow_blank=True, max_length=MAX_TEXT, help_text="Why these are right.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        kind = KIND_OF_STAGE[Stage(attrs["generation"].stage)]
        if "rubric" not in attrs:
            attrs["rubric"] = Rubric.objects.current(kind)
        if attrs["rubric"].kind != kind:
            raise serializers.ValidationError({"rubric": [f"It takes one for outputs of kind {kind}."]})
        return attrs


class GoldQuery(Query):
    kind = serializers.ChoiceField(required=False, choices=Output.Kind.choices)
    rubric = serializers.UUIDField(required=False)
    generation = serializers.UUIDField(required=False)


@extend_schema_view(
    list=extend_schema(summary="List gold", parameters=[GoldQuery]),
    retrieve=extend_schema(summary="One gold generation"),
)
class GoldViewSet(mixins.RetrieveModelMixin, FilteredViewSet[Gold]):
    """Gold (leads only): generations whose labels are known; withdrawn ones too.

    Without those that you have in work in a blind campaign.
    """

    query = GoldQuery
    queryset = Gold.objects.select_related("rubric", "by")
    serializer_class = GoldSerializer
    permission_classes = [IsLead]

    def get_queryset(self) -> QuerySet[Gold]:
        held = visibility.blind_work(caller(self.request)).values("unit__generation")
        return super().get_queryset().exclude(generation__in=held)

    def filtered(self, queryset: QuerySet[Gold], wanted: Mapping[str, Any]) -> QuerySet[Gold]:
        if "kind" in wanted:
            queryset = queryset.filter(rubric__kind=wanted["kind"])
        return queryset.filter(queries.exact(wanted, "rubric", "generation"))

    @extend_schema(summary="Make gold", request=GoldRequest, responses={201: GoldSerializer})
    def create(self, request: Request) -> Response:
        """Store the right labels of a generation; other labels than those in force take their place."""
        asked = GoldRequest.body_of(request)
        generation, rubric = asked["generation"], asked["rubric"]
        if visibility.blind_work(caller(request)).filter(unit__generation=generation).exists():
            refusal = "You have it in work in a blind campaign. Submit that first."
            raise serializers.ValidationError({"generation": [refusal]})
        with refusing("labels"):
            if "labels" in asked:
                made = gold.make(generation, rubric, asked["labels"], by=caller(request), reason=asked["reason"])
            else:
                made = gold.make_from_resolutions(generation, rubric, by=caller(request))
        return Response(GoldSerializer(made).data, status.HTTP_201_CREATED)

    @extend_schema(summary="Withdraw", request=EmptyRequest, responses=GoldSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: UUID) -> Response:
        """Give it to nobody any more, and measure nobody by it; what was submitted stays."""
        EmptyRequest.body_of(request)
        found = self.get_object()
        gold.withdraw(found)
        found.refresh_from_db()
        return Response(GoldSerializer(found).data)


class AnnotatorQuery(Parameters):
    format = serializers.ChoiceField(choices=("json", "csv"), default="json")
    kind = serializers.ChoiceField(choices=Output.Kind.choices, default=Output.Kind.INTEREST)
    rubric = serializers.UUIDField(required=False, help_text="The campaign's, else the one in use, if not given.")
    model = serializers.UUIDField(required=False, help_text="That made the outputs; not given: every model.")
    campaign = serializers.UUIDField(required=False, help_text="Not given: every campaign.")
    judge = serializers.UUIDField(required=False, help_text="The rater; not given: the judge that serves now.")
    since = serializers.DateField(required=False, help_text="First day of the submits.")
    until = serializers.DateField(required=False, help_text="Last day of the submits.")


class AnnotatorTable(serializers.Serializer[Any]):
    rubric = RubricReference()
    bar = serializers.FloatField(help_text="Accuracy asked for on gold units, 0 to 1.")
    columns = serializers.ListField(child=serializers.CharField())
    rows = serializers.ListField(
        child=serializers.DictField(child=serializers.JSONField(allow_null=True)),
        help_text="By column, the last one for all together; shares from 0 to 1, null where nothing can be computed.",
    )


class AnnotatorViewSet(ViewSet):
    """Annotators (leads only): speed, accuracy on gold, agreement, and revisions after the judge was shown."""

    permission_classes = [IsLead]
    content_negotiation_class = FormatIsOurs

    @extend_schema(
        summary="Annotators and their figures",
        parameters=[AnnotatorQuery],
        responses={(200, "application/json"): AnnotatorTable, (200, "text/csv"): OpenApiTypes.STR},
    )
    def list(self, request: Request) -> HttpResponse:
        """A row for each person who took part, the busiest first, then one for all together; as JSON or CSV."""
        asked = AnnotatorQuery.of(request)
        filters = Filters(**{name: asked[name] for name in ("kind", "model", "campaign", "judge") if name in asked})
        wanted = annotators.Wanted(filters, asked.get("rubric"), asked.get("since"), asked.get("until"))
        try:
            found = annotators.annotators(wanted)
        except Rubric.DoesNotExist as error:
            raise NotFound(str(error)) from error
        table = annotator_tables.table(found)
        if asked["format"] == "csv":
            return tables.download("annotators", filters, table)
        body = {"rubric": found.rubric, "bar": found.bar, "columns": table.columns, "rows": table.as_records()}
        return Response(AnnotatorTable(body).data)
