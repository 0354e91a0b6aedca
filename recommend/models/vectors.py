"""Vectors that are searched, in versions."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from pgvector.django import HalfVectorField

from recommend.models.ids import new_id


class VectorVersion(models.Model):
    """One index of vectors: what they are of, how they are searched, and how much a search finds."""

    class Kind(models.TextChoices):
        EXACT = "exact", "Exact"
        HNSW = "hnsw", "HNSW"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    model = models.CharField(max_length=100, help_text="The model that made the vectors.")
    dimensions = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=Kind)
    options = models.JSONField(default=dict, blank=True, help_text="HNSW: m, ef_construction, ef_search.")
    changed_at = models.DateTimeField(auto_now_add=True, help_text="When vectors were last added or taken out.")
    n_vectors = models.PositiveIntegerField(default=0)
    recall = models.FloatField(null=True, blank=True, help_text="Share of the exact 100 nearest that a search finds.")
    n_probes = models.PositiveIntegerField(default=0, help_text="Searches that the recall is measured on.")
    probed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.model}, {self.get_kind_display()}, {self.created_at:%Y-%m-%d %H:%M}"


class VectorAlias(models.Model):
    """A name that searches go by; switching it to another version is one UPDATE, and so is going back."""

    name = models.CharField(primary_key=True, max_length=40)
    created_at = models.DateTimeField(auto_now_add=True)
    version = models.ForeignKey(VectorVersion, on_delete=models.PROTECT, related_name="aliases")
    previous = models.ForeignKey(
        VectorVersion, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", help_text="The way back."
    )
    switched_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "vector aliases"

    def __str__(self) -> str:
        return self.name


class Vector(models.Model):
    """A vector of one version. Without fixed dimensions: each version's HNSW index casts to its own."""

    id = models.BigAutoField(primary_key=True)
    created_at = models.DateTimeField(auto_now_add=True)
    version = models.ForeignKey(VectorVersion, on_delete=models.CASCADE, related_name="vectors")
    key = models.BigIntegerField(help_text="What it is of: the id of a text.")
    labels = ArrayField(models.TextField(), default=list, help_text="What a search may be limited to.")
    vector = HalfVectorField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "key"], name="vector_once_per_version")]
        indexes = [GinIndex(fields=["labels"], name="vector_labels")]

    def __str__(self) -> str:
        return f"{self.key} in {self.version_id}"
