"""What models are trained on, and whom they are never trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.contrib.auth import get_user_model
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.urls import reverse

from recommend.models import JobState, new_id
from recommend.models.jobs import Job

if TYPE_CHECKING:
    from django.contrib.auth.models import User
else:
    User = get_user_model()


class DataSetFixedError(Exception):
    """A finished data set, or whom an evaluation set names, was to be changed or deleted."""

    def __init__(self, what: object) -> None:
        super().__init__(f"“{what}” is fixed: models were or may be measured by it. Make another one beside it.")


class FixedRows(models.QuerySet[Any]):
    """Rows whose updates and deletions stop at the first fixed one; PostgreSQL refuses the rest by a trigger."""

    def fixed(self) -> Self:
        """Those that may not change any more."""
        return self.filter(self.model.FIXED)

    def update(self, **values: Any) -> int:
        if not values.keys().isdisjoint(self.model.CONTENT):
            self._refuse()
        return super().update(**values)

    def delete(self) -> tuple[int, dict[str, int]]:
        self._refuse()
        return super().delete()

    def _refuse(self) -> None:
        if (found := self.fixed().order_by().first()) is not None:
            raise DataSetFixedError(found)


class Fixed(models.Model):
    """A row that does not change once it is fixed."""

    # Which rows are fixed, and which columns say what they are; others, such as a lease, may still move.
    FIXED = models.Q()
    CONTENT: tuple[str, ...] = ()

    objects = FixedRows.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **options: Any) -> None:
        stored = None if self._state.adding else type(self).objects.fixed().filter(pk=self.pk).first()
        if stored is not None and any(getattr(stored, name) != getattr(self, name) for name in self.CONTENT):
            raise DataSetFixedError(stored)
        super().save(*args, **options)

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        if type(self).objects.fixed().filter(pk=self.pk).exists():
            raise DataSetFixedError(self)
        return super().delete(*args, **options)


class EvaluationSet(Fixed):
    """Shoppers that models are measured on: nothing of them, from a day on, is ever in a data set."""

    CONTENT = ("name", "query", "shoppers", "starts_on")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    name = models.SlugField(max_length=60, unique=True)
    query = models.TextField(help_text="What chose the shoppers; docs/populations.md has the language.")
    shoppers = ArrayField(models.CharField(max_length=200), help_text="External ids, as the query chose them then.")
    starts_on = models.DateField(null=True, blank=True, help_text="The first day that is held out. Empty: every day.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class DataSet(Job, Fixed):
    """Rows that a model is trained on: asked for, built by a worker, and from then on never changed.

    The rows are in a folder of TRAINING_DIR; here is what they are, and the hash that tells whether they still are.
    """

    class Stage(models.TextChoices):
        CURRICULUM = "curriculum", "Curriculum"
        SELF_TRAINING = "self-training", "Self-training"
        PRE_ALIGNMENT = "pre-alignment", "Pre-alignment"
        INCREMENTAL = "incremental", "Incremental"
        JUDGE = "judge", "Judge"
        PREFERENCES = "preferences", "Preference pairs"
        REWARDS = "rewards", "Reward lists"

    FIXED = models.Q(state=JobState.DONE)
    CONTENT = ("name", "stage", "query", "state", "n_rows", "counts", "report", "sha256", "folder", "manifest")

    name = models.CharField(max_length=100)
    stage = models.CharField(max_length=20, choices=Stage)
    query = models.JSONField(help_text="What was asked for, as `training.data_sets.wanted.Wanted` has it.")
    step = models.CharField(max_length=20, blank=True, help_text="What the worker does now, in a word.")
    n_read = models.PositiveIntegerField(default=0, help_text="Generations or shoppers looked at so far.")
    n_rows = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict, blank=True, help_text="{split: rows}")
    report = models.JSONField(default=dict, blank=True, help_text="What was left out why, and distributions.")
    sha256 = models.CharField(max_length=64, blank=True, help_text="Of the rows, whatever file they are in.")
    folder = models.CharField(max_length=100, blank=True, help_text="Below TRAINING_DIR.")
    manifest = models.JSONField(default=dict, blank=True, help_text="The same as manifest.json beside the rows.")

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("training:data-set", args=[self.pk])
