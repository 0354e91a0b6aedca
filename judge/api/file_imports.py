"""Handing in files of labels or outputs, by REST; for leads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from judge.exchange import file_imports, uploads
from judge.exchange.downloads import bad_rows_attachment
from judge.exchange.file_imports import Wanted
from judge.models import FileImport
from recommend.api import queries
from recommend.api.base import FilteredViewSet, IsLead, Query, StrictSerializer, caller
from recommend.imports import elsewhere
from recommend.imports.files import FORMATS
from recommend.imports.problems import ImportStopped
from recommend.models import JobState, Output


class FileImportSerializer(serializers.ModelSerializer[FileImport]):
    """A file that was handed in, and what became of its rows."""

    state = serializers.ChoiceField(choices=JobState.choices, read_only=True)
    is_active = serializers.BooleanField(read_only=True)
    progress = serializers.SerializerMethodField(help_text="How much of the file is read, 0 to 1.")
    report = serializers.DictField(
        read_only=True, help_text="`read` rows; `added` and `there` (already); `bad` rows; what else was left out."
    )
    url = serializers.HyperlinkedIdentityField(view_name="api:import-detail", read_only=True)

    class Meta:
        model = FileImport
        fields = (
            "id",
            "url",
            "what",
            "name",
            "n_bytes",
            "skips_bad",
            "state",
            "is_active",
            "progress",
            "report",
            "error",
            "created_at",
            "finished_at",
        )

    def get_progress(self, one: FileImport) -> float:
        return file_imports.progress(one)


class FileImportRequest(StrictSerializer):
    file = serializers.FileField()
    what = serializers.ChoiceField(choices=FileImport.What.choices)
    tool = serializers.ChoiceField(choices=elsewhere.TOOLS, required=False)
    format = serializers.ChoiceField(choices=FORMATS, required=False, help_text="As its name says if not given.")
    source = serializers.CharField(  # type: ignore[assignment]  # the metaclass takes it for a field of ours
        required=False, max_length=100, help_text="The system that made the outputs."
    )
    mapping = serializers.CharField(required=False, max_length=20_000, help_text="JSON, for another tool's records.")
    kind = serializers.ChoiceField(choices=Output.Kind.choices, required=False)
    model = serializers.CharField(required=False, max_length=180)
    prompt_version = serializers.CharField(required=False, max_length=40)
    skips_bad = serializers.BooleanField(required=False, default=False, help_text="Bad rows are left out.")


class FileImportQuery(Query):
    what = serializers.ChoiceField(required=False, choices=FileImport.What.choices)
    state = serializers.ChoiceField(required=False, choices=JobState.choices)


@extend_schema_view(
    list=extend_schema(summary="List files that were handed in", parameters=[FileImportQuery]),
    retrieve=extend_schema(summary="One file, with its progress"),
)
class FileImportViewSet(mixins.RetrieveModelMixin, FilteredViewSet[FileImport]):
    """Files of people's labels or of outputs made elsewhere (leads only), imported by a worker."""

    query = FileImportQuery
    queryset = FileImport.objects.all()
    serializer_class = FileImportSerializer
    permission_classes = [IsLead]

    def filtered(self, queryset: QuerySet[FileImport], wanted: Mapping[str, Any]) -> QuerySet[FileImport]:
        return queryset.filter(queries.exact(wanted, "what", "state"))

    def get_parsers(self) -> list[Any]:
        return [MultiPartParser()]

    @extend_schema(
        summary="Hand in a file",
        request={"multipart/form-data": FileImportRequest},
        responses={202: FileImportSerializer},
    )
    def create(self, request: Request) -> Response:
        """Hand in a file; ask its address for the progress and the result."""
        form = FileImportRequest(data=request.data)
        form.is_valid(raise_exception=True)
        wanted = dict(form.validated_data)
        file, skips_bad = wanted.pop("file"), wanted.pop("skips_bad")
        try:
            made = uploads.begin(file, Wanted(**wanted), skips_bad=skips_bad, by=caller(request))
        except ImportStopped as stopped:
            raise serializers.ValidationError({"file": [str(stopped)]}) from stopped
        data = self.get_serializer(made).data
        return Response(data, status.HTTP_202_ACCEPTED, headers={"Location": data["url"], "Retry-After": "1"})

    @extend_schema(summary="Download the bad rows", responses={(200, "application/x-ndjson"): OpenApiTypes.BINARY})
    @action(detail=True, url_path="bad-rows")
    def bad_rows(self, request: Request, pk: UUID) -> FileResponse:
        """Every bad row with its line, reason and value, as JSON Lines; 404 where none was bad."""
        return bad_rows_attachment(self.get_object())
