"""Population jobs: the pipeline for many shoppers, in chunks; `recommend.populations` has the rules."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import MD5, Cast
from django.urls import reverse

from recommend import languages
from recommend.models.catalogue import Shopper
from recommend.models.jobs import Job, PausableJob
from recommend.models.runs import ACTIVE_STATES, TagStrategy


class PopulationJob(PausableJob):
    """Runs for all shoppers that a query chose: which steps, and how. How far it is: `recommend.populations.reports`.

    A worker holds it while its shoppers are written down; from then on workers hold its chunks.
    """

    query = models.TextField(help_text="Which shoppers; docs/populations.md has the language.")
    steps = ArrayField(models.CharField(max_length=20), help_text="The steps of each run, in order.")
    beta = models.FloatField(default=0.5, help_text="Weight of the collaborative arm, 0 to 1.")
    n_items = models.PositiveIntegerField(default=6)
    chosen_models = models.JSONField(
        default=dict,
        db_default={},
        blank=True,
        help_text="Stage: id of its language model, where it is not the serving one.",
    )
    rules = models.JSONField(default=dict, db_default={}, blank=True, help_text="What may be offered; see a run's.")
    language = models.CharField(
        max_length=8, choices=languages.CHOICES, default=languages.ENGLISH, db_default=languages.ENGLISH
    )
    reference_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="The moment that the runs look from; empty: after each shopper's last behaviour.",
    )
    tells_runs = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Webhooks are told of each run's end too, and not of the job's alone.",
    )
    tag_strategy = models.CharField(
        max_length=10, choices=TagStrategy, default=TagStrategy.DIRECT, db_default=TagStrategy.DIRECT
    )
    again = models.BooleanField(default=False, help_text="Also for shoppers whose history did not change.")
    n_shoppers = models.PositiveIntegerField(null=True, blank=True, help_text="Empty until they were written down.")
    attempt = models.PositiveSmallIntegerField(default=1, help_text="Above 1 while those that failed are tried again.")

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                "query",
                "steps",
                "language",
                "tag_strategy",
                "reference_at",
                # A row of an index holds less than the longest rules that there may be.
                MD5(Cast("chosen_models", models.TextField())),
                MD5(Cast("rules", models.TextField())),
                nulls_distinct=False,
                condition=models.Q(state__in=["queued", "running"]),
                name="population_job_one_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"{self.query}, {self.created_at:%Y-%m-%d %H:%M}"

    def get_absolute_url(self) -> str:
        return reverse("recommend:population", args=[self.pk])


class PopulationChunk(Job):
    """Some shoppers of a population job, for one worker at a time; what their calls took."""

    GOES: ClassVar[models.Q] = models.Q(
        state__in=ACTIVE_STATES, population__state__in=ACTIVE_STATES, population__paused_at=None
    )

    created_by = None  # whoever started the job
    population = models.ForeignKey(PopulationJob, on_delete=models.CASCADE, related_name="chunks")
    attempt = models.PositiveSmallIntegerField(default=1)
    n_calls = models.PositiveIntegerField(default=0)
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    completion_tokens = models.PositiveBigIntegerField(default=0)
    money = models.DecimalField(
        max_digits=14, decimal_places=6, null=True, default=0, help_text="Empty where a model has no price."
    )

    class Meta:
        ordering = ["created_at"]
        indexes = [models.Index(fields=["population", "state"], name="population_chunk_state")]

    def __str__(self) -> str:
        return f"{self.population}, chunk of {self.created_at:%H:%M:%S}"


class PopulationShopper(models.Model):
    """One shopper of a population job, and what became of it. Its run is the one of that job and shopper."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DONE = "done", "Done"
        SKIPPED = "skipped", "Skipped"
        FAILED = "failed", "Failed"

    class Reason(models.TextChoices):
        """Why one failed. The run has the words."""

        TRUNCATED = "truncated", "answer cut at the token limit"
        INVALID_JSON = "invalid_json", "answer is no JSON"
        SCHEMA = "schema", "answer breaks its schema"
        FORM = "form", "answer not of the form asked for"
        REFUSED = "refused", "refused by the model or its server"
        HISTORY = "history", "history tells nothing"
        CANCELLED = "cancelled", "its run was cancelled"
        INTERNAL = "internal", "internal error"

    id = models.BigAutoField(primary_key=True)
    population = models.ForeignKey(PopulationJob, on_delete=models.CASCADE, related_name="members", db_index=False)
    chunk = models.ForeignKey(PopulationChunk, null=True, blank=True, on_delete=models.SET_NULL, related_name="members")
    shopper = models.ForeignKey(Shopper, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    reason = models.CharField(max_length=12, choices=Reason, blank=True)
    tokens = models.PositiveIntegerField(default=0, help_text="Read and written by its run.")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["population", "shopper"], name="population_shopper_once")]
        indexes = [
            models.Index(fields=["population", "state", "reason"], name="population_shopper_state"),
            models.Index(fields=["population", "ended_at"], name="population_shopper_ended"),
            # What is cut next is looked for at the end of every chunk.
            models.Index(
                fields=["population", "id"],
                condition=models.Q(chunk=None, state="waiting"),
                name="population_shopper_uncut",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.shopper_id}: {self.state}"
