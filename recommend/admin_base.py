"""What all admin pages of the project build on: read-only tables, and tables too large to count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import Model
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.text import Truncator

from recommend.roles import LEAD, has_role

M = TypeVar("M", bound=Model)
SHOWN = 80  # characters of a long text in a list


if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin
    TabularInline = admin.TabularInline
else:
    # The stubs know which model an admin is for; at run time Django's classes take no parameters.
    class ModelAdmin(admin.ModelAdmin):
        def __class_getitem__(cls, model: Any) -> type:
            return cls

    class TabularInline(admin.TabularInline):
        def __class_getitem__(cls, models: Any) -> type:
            return cls


class EstimatingPaginator(Paginator):  # type: ignore[type-arg]  # takes no parameter at run time
    """Counts a whole large table by PostgreSQL's own estimate, and what a filter finds up to a limit.

    An exact count reads every row: seconds in a table of a hundred million behaviours, for a number nobody reads.
    """

    exact_below = 20_000
    count_limit = 10_000

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        if rows.query.where:
            # As many as the limit: there are more, and whoever looks for a row narrows the filter instead of paging.
            return int(rows.order_by()[: self.count_limit].count())
        estimate = self.estimate(rows.model._meta.db_table)
        return estimate if estimate > self.exact_below else int(rows.order_by().count())

    def estimate(self, table: str) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [table])
            row = cursor.fetchone()
        return int(row[0]) if row else 0


class StudioAdmin(ModelAdmin[M]):
    """What Django's permissions allow, and leads may read."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return super().has_module_permission(request) or has_role(request.user, LEAD)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) or has_role(request.user, LEAD)


class ReadOnlyAdmin(StudioAdmin[M]):
    """For tables that only code writes: every field is shown, none can be changed."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class LargeTableAdmin(ReadOnlyAdmin[M]):
    """For tables that may have many millions of rows: no exact counts, and the order of the primary key."""

    paginator = EstimatingPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # a count for every choice of every filter
    ordering = ("-pk",)
    list_per_page = 50


def short(text: str) -> str:
    """The beginning of a long text, for a list."""
    return Truncator(text).chars(SHOWN)
