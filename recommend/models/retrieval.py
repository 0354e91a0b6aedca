"""What retrieval is fitted to."""

from __future__ import annotations

from django.db import models

from recommend.models.ids import new_id


class RetrievalIndexQuerySet(models.QuerySet["RetrievalIndex"]):
    def newest(self, kind: str) -> RetrievalIndex | None:
        """The one of this kind that serves, without its data; None before the first fit."""
        return self.filter(kind=kind).defer("data").order_by("-created_at").first()


class RetrievalIndex(models.Model):
    """A fitted part of retrieval; the newest of its kind serves. In the database, so that every worker finds it."""

    class Kind(models.TextChoices):
        COOCCURRENCE = "cooccurrence", "co-occurrence"
        CATEGORIES = "categories", "tag to category"
        TOWERS = "towers", "towers"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.COOCCURRENCE)
    n_items = models.PositiveIntegerField()
    n_behaviors = models.PositiveIntegerField(default=0, help_text="That it is fitted to; 0 where it reads items only.")
    figures = models.JSONField(default=dict, blank=True, help_text="How good it was on what was held out.")
    data = models.BinaryField(help_text="The arrays, as the module of its kind reads them.")

    objects = RetrievalIndexQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "retrieval indexes"

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.created_at:%Y-%m-%d %H:%M}"
