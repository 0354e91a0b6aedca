"""API tokens in the admin pages: made there, shown once, revoked there."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from recgpt_site.api import tokens
from recgpt_site.models import ApiToken
from recommend.admin_base import ModelAdmin


class NewTokenForm(forms.ModelForm):  # type: ignore[type-arg]  # takes no parameter at run time
    days = forms.IntegerField(
        min_value=0, initial=tokens.DEFAULT_DAYS, help_text="Days that the token is valid for; 0: until it is revoked."
    )

    class Meta:
        model = ApiToken
        fields = ("user", "name")


@admin.register(ApiToken)
class ApiTokenAdmin(ModelAdmin[ApiToken]):
    list_display = ("name", "user", "token_key", "state", "created_at", "last_used_at", "expiry", "revoked_at")
    list_filter = ("created_at", "last_used_at", "revoked_at")
    list_select_related = ("user",)
    search_fields = ("name", "user__username", "token_key")
    autocomplete_fields = ("user",)
    actions = ("revoke",)

    def get_form(self, request: HttpRequest, obj: ApiToken | None = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **({} if change else {"form": NewTokenForm}), **kwargs)

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        if obj is None:
            return ("user", "name", "days")
        return ("name", "user", "token_key", "state", "created_at", "last_used_at", "expiry", "revoked_at")

    def get_readonly_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        return () if obj is None else [name for name in self.get_fields(request, obj) if name != "name"]

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        row, token = tokens.create(obj.user, name=obj.name, days=form.cleaned_data["days"] or None)
        obj.__dict__.update(row.__dict__)
        text = "The token of {}, shown only now: {}"
        self.message_user(request, format_html(text, obj.user.get_username(), token), messages.WARNING)

    @admin.action(description="Revoke the selected tokens")
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        found = list(queryset)
        for token in found:
            tokens.revoke(token)
        self.message_user(request, f"Revoked: {len(found)}. They open nothing any more.", messages.SUCCESS)
