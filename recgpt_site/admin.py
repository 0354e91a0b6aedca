"""API tokens in the admin pages: made there, shown once, revoked there; the audit log and webhooks, to be read."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import connection, models
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.html import format_html

from recgpt_site import audit_log
from recgpt_site.api import tokens
from recgpt_site.models import ApiToken, Delivery, Webhook
from recommend.admin_base import EstimatingPaginator, LargeTableAdmin, ModelAdmin, ReadOnlyAdmin
from recommend.audit import Verb
from recommend.models import AuditEntry
from recommend.roles import ADMIN, has_role


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


class PartitionedPaginator(EstimatingPaginator):
    """PostgreSQL keeps the estimates of a partitioned table with its parts."""

    def estimate(self, table: str) -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT coalesce(sum(greatest(reltuples, 0)), 0)::bigint FROM pg_class "
                "JOIN pg_inherits ON inhrelid = pg_class.oid WHERE inhparent = %s::regclass",
                [table],
            )
            return int(cursor.fetchone()[0])


class VerbFilter(admin.SimpleListFilter):
    """From the list of verbs: what the table holds would take reading all of it."""

    title = "verb"
    parameter_name = "verb"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [(verb.value, verb.label) for verb in Verb]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        return queryset.filter(verb=self.value()) if self.value() else queryset


class ViaFilter(admin.SimpleListFilter):
    title = "way in"
    parameter_name = "via"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [(via, via) for via in ("page", "api", "admin", "command", "worker")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        return queryset.filter(via=self.value()) if self.value() else queryset


@admin.register(AuditEntry)
class AuditEntryAdmin(LargeTableAdmin[AuditEntry]):
    """For admins alone: who saw what is no matter of a lead's."""

    paginator = PartitionedPaginator
    list_display = ("created_at", "actor", "verb", "object_type", "object_id", "via", "address", "token", "detail")
    list_filter = (VerbFilter, ViaFilter, "created_at")
    date_hierarchy = None  # it would read the whole table for its years
    search_fields = ("actor__exact", "object_id__exact", "verb__exact")  # each has an index
    search_help_text = "A person's name, an object's id or a verb; each whole."
    actions = ("as_csv", "as_jsonl")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return has_role(request.user, ADMIN)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return has_role(request.user, ADMIN)

    @admin.action(description="Download the selected entries as CSV")
    def as_csv(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> StreamingHttpResponse:
        return audit_log.attachment(queryset, "csv")

    @admin.action(description="Download the selected entries as JSON Lines")
    def as_jsonl(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> StreamingHttpResponse:
        return audit_log.attachment(queryset, "jsonl")


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin[Webhook]):
    """Read here, managed on its own pages: an address is checked there before it is stored."""

    list_display = ("url", "events", "is_active", "disabled_because", "created_by", "created_at")
    list_filter = ("is_active",)
    list_select_related = ("created_by",)
    search_fields = ("url",)
    exclude = ("secret",)
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}  # as from Django 6 on by itself


@admin.register(Delivery)
class DeliveryAdmin(LargeTableAdmin[Delivery]):
    list_display = ("created_at", "webhook", "event", "state", "n_attempts", "status", "error", "next_attempt_at")
    list_filter = ("state", "webhook")
    list_select_related = ("webhook",)
    search_fields = ("id__exact", "webhook__url")
