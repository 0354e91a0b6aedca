"""What retrieval is fitted to."""

from __future__ import annotations

from django.db import models

from recommend.models.ids import new_id


class RetrievalIndex(models.Model):
    """A fitted collaborative arm; the newest one serves. In the database, so that every worker finds it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    kind = models.CharField(max_length=20, default="cooccurrence")
    n_items = models.PositiveIntegerField()
    n_behaviors = models.PositiveIntegerField()
    data = models.BinaryField(help_text="The arrays, as `retrieval.cooccurrence` reads them.")

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "retrieval indexes"

    def __str__(self) -> str:
        return f"{self.kind} {self.created_at:%Y-%m-%d %H:%M}"
