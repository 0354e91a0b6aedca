"""The tables of training in the admin pages: read there, made elsewhere."""

from __future__ import annotations

from django.contrib import admin

from recommend.admin_base import ReadOnlyAdmin
from training.models import DataSet, EvaluationSet


@admin.register(DataSet)
class DataSetAdmin(ReadOnlyAdmin[DataSet]):
    list_display = ("name", "stage", "state", "n_rows", "sha256", "created_by", "created_at", "finished_at")
    list_filter = ("stage", "state")
    list_select_related = ("created_by",)
    search_fields = ("name", "sha256__startswith", "id__exact")


@admin.register(EvaluationSet)
class EvaluationSetAdmin(ReadOnlyAdmin[EvaluationSet]):
    list_display = ("name", "query", "starts_on", "created_by", "created_at")
    list_select_related = ("created_by",)
    search_fields = ("name", "query", "id__exact")
