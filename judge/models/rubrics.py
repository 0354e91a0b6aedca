"""What is asked: rubrics and their criteria."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db import models
from django.urls import reverse
from django.utils import timezone

from judge.fixed import WORDING, CriterionRows, RubricFixedError, RubricRows
from recommend.models import Output, new_id

if TYPE_CHECKING:
    from django.contrib.auth.models import User
else:
    User = get_user_model()


class RubricQuerySet(RubricRows["Rubric"]):
    def current(self, kind: str) -> Rubric:
        """The rubric of an output kind that judges are asked by: the one put in use last; drafts are none of them.

        Raises Rubric.DoesNotExist.
        """
        in_use = self.filter(kind=kind, version__gt=0, in_use_since__isnull=False)
        found = in_use.order_by("-in_use_since", "-version").first()
        if found is None:
            raise Rubric.DoesNotExist(f"No rubric for outputs of kind '{kind}'. Run `manage.py seed_studio`.")
        return found


class Rubric(models.Model):
    """What is asked of one kind of output: a draft at first, then fixed as a version that never changes."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    kind = models.CharField(max_length=12, choices=Output.Kind)
    version = models.PositiveIntegerField(default=0, help_text="0: a draft.")
    title = models.CharField(max_length=200)
    guideline = models.TextField(blank=True, help_text="Markdown; shown beside the work.")
    made_from = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    edition = models.PositiveIntegerField(
        default=0, help_text="Rises with every save of a draft; a stale one is refused."
    )
    fixed_at = models.DateTimeField(null=True, blank=True)
    fixed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    in_use_since = models.DateTimeField(
        null=True, blank=True, default=timezone.now, help_text="Judges go by the latest of their kind. Empty: not yet."
    )

    objects = RubricQuerySet.as_manager()

    class Meta:
        ordering = ["kind", "-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "version"], condition=models.Q(version__gt=0), name="rubric_version_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.title} v{self.version}" if self.version else f"{self.title} (draft)"

    def save(self, *args: Any, **options: Any) -> None:
        stored = None if self._state.adding else Rubric.objects.fixed().filter(pk=self.pk).first()
        if stored is not None and any(getattr(stored, name) != getattr(self, name) for name in WORDING):
            raise RubricFixedError(stored)
        super().save(*args, **options)

    def get_absolute_url(self) -> str:
        return reverse("judge:rubric", args=[self.pk])

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        if Rubric.objects.fixed().filter(pk=self.pk).exists():
            raise RubricFixedError(self)
        return super().delete(*args, **options)

    @property
    def is_draft(self) -> bool:
        return self.version == 0


class Criterion(models.Model):
    """One question of a rubric, with the labels that answer it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    rubric = models.ForeignKey(Rubric, on_delete=models.CASCADE, related_name="criteria")
    position = models.PositiveIntegerField()
    name = models.SlugField(max_length=40)
    title = models.CharField(max_length=100)
    question = models.TextField()
    guideline = models.TextField(blank=True)
    labels = models.JSONField(help_text="[{value, title, passes, help}], in the order of their keys.")
    examples = models.JSONField(
        default=list,
        blank=True,
        help_text="[{text, label, reason, output, shopper}]: what judges are shown; the last two are ids.",
    )

    objects = CriterionRows.as_manager()

    class Meta:
        ordering = ["rubric_id", "position"]
        verbose_name_plural = "criteria"
        constraints = [models.UniqueConstraint(fields=["rubric", "name"], name="criterion_once")]

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, **options: Any) -> None:
        self._check_draft()
        super().save(*args, **options)

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        self._check_draft()
        return super().delete(*args, **options)

    def _check_draft(self) -> None:
        """Raises RubricFixedError for a criterion of a fixed rubric, or one that was moved out of one."""
        theirs = models.Q(pk=self.rubric_id) | models.Q(criteria=self.pk)
        if fixed := Rubric.objects.fixed().filter(theirs).first():
            raise RubricFixedError(fixed)
