"""Who did or saw what."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from recommend.models.ids import new_id


class AuditEntry(models.Model):
    """Who did or saw what, and from where. Written by `recommend.audit`, never changed: PostgreSQL refuses it.

    No foreign keys: an entry outlives the user and the object that it names. The table is made by SQL, since it is
    partitioned by month: old months are dropped whole.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    actor_id = models.BigIntegerField(null=True, help_text="The user's id; empty where nobody was signed in.")
    actor = models.CharField(max_length=150, blank=True, help_text="The user's name at that time.")
    verb = models.CharField(max_length=40)
    object_type = models.CharField(max_length=40, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    via = models.CharField(max_length=8, help_text="page, api, admin, command or worker")
    address = models.GenericIPAddressField(null=True, help_text="The address that the request came from.")
    token = models.CharField(max_length=25, blank=True, help_text="The beginning of the API token, if one was used.")
    detail = models.JSONField(default=dict, help_text="Small facts: counts, names of fields, states; no labels.")

    class Meta:
        managed = False
        db_table = "recommend_auditentry"
        ordering = ["-id"]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.actor or 'nobody'}: {self.verb}"
