"""What shoppers did."""

from __future__ import annotations

from django.db import models

from recommend.models.catalogue import Item, Shopper


class Behavior(models.Model):
    """One event of a shopper's history: loaded with COPY, in one partition a month, never changed.

    PostgreSQL refuses to change or delete a row, other than with its shopper or item: the foreign keys cascade there.
    Made by SQL (0014_behavior_months), since Django knows no partitions.
    """

    class Kind(models.TextChoices):
        CLICK = "click", "clicked"
        DETAIL_VIEW = "detail_view", "viewed details"
        REVIEW_READ = "review_read", "read reviews"
        FAVOURITE = "favourite", "saved"
        CART = "cart", "added to cart"
        PURCHASE = "purchase", "purchased"
        SEARCH = "search", "searched"
        RETURN = "return", "returned"

    id = models.BigAutoField(primary_key=True)
    created_at = models.DateTimeField(auto_now_add=True)
    shopper = models.ForeignKey(Shopper, on_delete=models.DO_NOTHING, related_name="behaviors", db_index=False)
    kind = models.CharField(max_length=12, choices=Kind)
    item = models.ForeignKey(
        Item, null=True, blank=True, on_delete=models.DO_NOTHING, related_name="behaviors", db_index=False
    )
    query = models.TextField(blank=True, help_text="The words of a search.")
    occurred_at = models.DateTimeField()
    quantity = models.PositiveIntegerField(default=1)
    dwell_s = models.FloatField(null=True, blank=True, help_text="Seconds spent.")
    source_key = models.BigIntegerField(help_text="Hash of the row: importing a file twice adds nothing.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shopper", "occurred_at", "source_key"], name="behavior_once"),
            models.CheckConstraint(
                condition=models.Q(item__isnull=False) | models.Q(kind="search"), name="behavior_has_item_or_query"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} at {self.occurred_at:%Y-%m-%d}"


class GuestHistory(models.Model):
    """What came with a request in the place of stored behaviours; read by the runs of its guest and by nothing else."""

    shopper = models.OneToOneField(Shopper, primary_key=True, on_delete=models.CASCADE, related_name="guest_history")
    created_at = models.DateTimeField(auto_now_add=True)
    behaviors = models.JSONField(help_text="Oldest first, each with the names of an import's columns.")

    class Meta:
        verbose_name_plural = "guest histories"

    def __str__(self) -> str:
        return f"History of {self.shopper}"
