"""Which generations something speaks for: the choice that campaigns and backfills make; `judge.frames` reads it."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from recommend.models import LanguageModel, Stage


class ChosenPopulation(models.Model):
    """Finished generations of a stage, of some models, prompt versions and days; an empty part leaves it open."""

    stage = models.CharField(max_length=12, choices=Stage)
    population_models = models.ManyToManyField(
        LanguageModel, blank=True, related_name="+", help_text="Whose generations are drawn from. Empty: every model's."
    )
    prompt_versions = ArrayField(models.CharField(max_length=40), default=list, blank=True, help_text="Empty: every.")
    created_from = models.DateField(null=True, blank=True, help_text="First day of the generations drawn from.")
    created_until = models.DateField(null=True, blank=True, help_text="Last day of the generations drawn from.")

    class Meta:
        abstract = True
