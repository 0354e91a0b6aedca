"""The charts of the dashboard as tables, by REST; for leads."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from judge import tables
from judge.comparison import Filters, Span, Split
from judge.models import Rubric
from judge.stored import NotReadyError
from recommend.api.base import FormatIsOurs, IsLead, Parameters
from recommend.api.errors import UnavailableError
from recommend.models import Output

FORMATS = ("json", "csv")
NAME = OpenApiParameter("id", str, OpenApiParameter.PATH, enum=tuple(tables.CHARTS))


class FiguresQuery(Parameters):
    format = serializers.ChoiceField(choices=FORMATS, default="json")
    kind = serializers.ChoiceField(choices=Output.Kind.choices, default=Output.Kind.INTEREST)
    model = serializers.UUIDField(required=False, help_text="That made the outputs; not given: every model.")
    campaign = serializers.UUIDField(required=False, help_text="Not given: every campaign.")
    judge = serializers.UUIDField(required=False, help_text="The rater; not given: the judge that serves now.")
    gate = serializers.IntegerField(required=False, min_value=1, max_value=99, help_text="Acceptance asked for, in %.")
    by = serializers.ChoiceField(required=False, choices=Split.choices, help_text="Over time: one line for each.")
    span = serializers.ChoiceField(required=False, choices=Span.choices, help_text="Over time: weeks if not given.")


class ChartName(serializers.Serializer[Any]):
    id = serializers.ChoiceField(choices=tuple(tables.CHARTS))
    title = serializers.CharField()


class ChartTable(ChartName):
    made_at = serializers.DateTimeField(help_text="When it was computed; with many assessments, up to minutes ago.")
    columns = serializers.ListField(child=serializers.CharField())
    rows = serializers.ListField(
        child=serializers.DictField(child=serializers.JSONField(allow_null=True)),
        help_text="By column; shares and coefficients from 0 to 1 (−1 to 1), null where nothing can be computed.",
    )


class FiguresViewSet(ViewSet):
    """Figures (leads only): every chart of the dashboard as a table, with the same filters."""

    permission_classes = [IsLead]
    content_negotiation_class = FormatIsOurs
    lookup_value_converter = "slug"

    @extend_schema(summary="List charts", responses=ChartName(many=True))
    def list(self, request: Request) -> Response:
        """What there is; ask for one by its `id`."""
        return Response([{"id": name, "title": one.title} for name, one in tables.CHARTS.items()])

    @extend_schema(
        summary="The figures of a chart",
        parameters=[NAME, FiguresQuery],
        responses={
            (200, "application/json"): ChartTable,
            (200, "text/csv"): OpenApiTypes.STR,
            503: OpenApiResponse(
                description="It is being computed for the first time; `Retry-After` says when to ask."
            ),
        },
    )
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        """Its numbers with their intervals, as JSON or CSV; no cell of the CSV can become a formula."""
        asked = FiguresQuery.of(request)
        form = asked.pop("format")
        if pk not in tables.CHARTS:
            raise NotFound(f"There is no chart {pk!r}; there is {', '.join(tables.CHARTS)}.")
        filters = Filters(**asked)
        try:
            table = tables.CHARTS[pk].table(filters)
        except Rubric.DoesNotExist as error:
            raise NotFound(str(error)) from error
        except NotReadyError as error:
            raise UnavailableError(str(error)) from error
        if form == "csv":
            return tables.download(pk, filters, table)
        found = {
            "id": pk,
            "title": tables.CHARTS[pk].title,
            "made_at": table.made_at,
            "columns": table.columns,
            "rows": table.as_records(),
        }
        return Response(ChartTable(found).data)
