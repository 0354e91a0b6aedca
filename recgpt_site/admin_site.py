"""The admin pages' door: staff, and leads, who read every table of the project there."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest

from recommend.roles import LEAD, has_role


class StudioAdminSite(AdminSite):
    login_form = AuthenticationForm  # Django's own admin form lets only staff in

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) or has_role(request.user, LEAD)
