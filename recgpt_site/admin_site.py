"""The admin pages' door: staff, and leads, who read every table of the project there."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin import AdminSite, ModelAdmin, actions
from django.contrib.auth.forms import AuthenticationForm
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext_lazy

from recommend import audit
from recommend.audit import Verb
from recommend.roles import LEAD, has_role


@admin.action(permissions=["delete"], description=gettext_lazy("Delete selected %(verbose_name_plural)s"))
@transaction.atomic
def delete_selected(
    modeladmin: ModelAdmin[Any], request: HttpRequest, queryset: QuerySet[Any]
) -> HttpResponseBase | None:
    """Django's own, with an entry in the audit log for each row: of several, it tells nobody else."""
    rows = list(queryset)
    response = actions.delete_selected(modeladmin, request, queryset)
    if response is None and len(rows) > 1:
        for row in rows:
            audit.record(Verb.ADMIN_DELETED, row)
    return response


class StudioAdminSite(AdminSite):
    login_form = AuthenticationForm  # Django's own admin form lets only staff in

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.disable_action("delete_selected")
        self.add_action(delete_selected)

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) or has_role(request.user, LEAD)
