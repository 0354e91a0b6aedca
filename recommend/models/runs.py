"""Requests to the pipeline, their language-model calls, and what came out."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.urls import reverse
from django.utils import timezone

from recommend import languages
from recommend.models.catalogue import Item, Shopper
from recommend.models.ids import new_id
from recommend.models.language_models import LanguageModel
from recommend.prepared import Prepared
from recommend.prompts import Prompt, load

if TYPE_CHECKING:
    from django.contrib.auth.models import User
else:
    User = get_user_model()


class Stage(models.TextChoices):
    """The language-model stages of the pipeline; also the kind of a generation."""

    INTERESTS = "interests", "Interests"
    TAGS = "tags", "Item tags"
    EXPLANATIONS = "explanations", "Explanations"


class TagStrategy(models.TextChoices):
    """How item tags are made."""

    DIRECT = "direct", "One model (V1)"
    EXPERTS = "experts", "Planner, experts, arbiter (V2)"


class JobState(models.TextChoices):
    """Where a piece of work stands; the database, not the broker, is the truth."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


ACTIVE_STATES = (JobState.QUEUED, JobState.RUNNING)
STEPS = ("history", "interests", "tags", "items", "explanations")
FINISHED = "finished"


def every_step() -> list[str]:
    """All steps of a run, for those that are not asked to do less."""
    return list(STEPS)


class ExplanationSource(models.TextChoices):
    """Where a run's explanations are from; stored ones were made ahead for pairs of interest and item."""

    MADE = "made", "Made for the run"
    STORED = "stored", "Stored ones only"
    STORED_OR_MADE = "stored_or_made", "Stored ones, the others made"


class PipelineRun(models.Model):
    """One request through the stages for one shopper."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    shopper = models.ForeignKey(Shopper, on_delete=models.PROTECT, related_name="runs")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL)
    idempotency_key = models.CharField(max_length=200, blank=True)
    source = models.CharField(
        max_length=100,
        blank=True,
        db_default="",
        default="",
        help_text="The system that made what the run holds, where it was imported. Empty: made here.",
    )
    state = models.CharField(max_length=10, choices=JobState, default=JobState.QUEUED)
    step = models.CharField(max_length=20, default="history", help_text="The step that runs next or now.")
    reference_at = models.DateTimeField(help_text="The moment that the run looks from; later behaviours are unseen.")
    beta = models.FloatField(default=0.5, help_text="Weight of the collaborative arm, 0 to 1.")
    n_items = models.PositiveIntegerField(default=6)
    steps = ArrayField(
        models.CharField(max_length=20),
        default=every_step,
        db_default=list(STEPS),
        help_text="What is done, in order; others are passed over.",
    )
    chosen_models = models.JSONField(
        default=dict,
        db_default={},
        blank=True,
        help_text="Stage: id of its language model, where it is not the serving one.",
    )
    chosen_prompts = models.JSONField(
        default=dict,
        db_default={},
        blank=True,
        help_text="Stage: version of its prompt, where it is not the model's or the newest.",
    )
    rules = models.JSONField(
        default=dict,
        db_default={},
        blank=True,
        help_text="What may be offered, where it is not what RETRIEVAL_RULES says.",
    )
    language = models.CharField(
        max_length=8,
        choices=languages.CHOICES,
        default=languages.ENGLISH,
        db_default=languages.ENGLISH,
        help_text="Of what the models write.",
    )
    explanation_source = models.CharField(
        max_length=14,
        choices=ExplanationSource,
        default=ExplanationSource.MADE,
        db_default=ExplanationSource.MADE,
        help_text="Where its explanations are from.",
    )
    tag_strategy = models.CharField(
        max_length=10,
        choices=TagStrategy,
        default=TagStrategy.DIRECT,
        db_default=TagStrategy.DIRECT,
        help_text="How its item tags are made.",
    )
    batch = models.UUIDField(null=True, blank=True, help_text="Of the call that started it with others.")
    share_key = models.UUIDField(
        null=True, blank=True, unique=True, editable=False, help_text="In the link for who is signed in; empty: none."
    )
    history = models.JSONField(default=dict, blank=True, help_text="The compressed history and what it left out.")
    error = models.TextField(blank=True)
    lease_until = models.DateTimeField(null=True, blank=True, help_text="A worker holds the run until then.")
    lease_token = models.UUIDField(null=True, blank=True)
    priority = models.PositiveSmallIntegerField(
        default=0, help_text="Of its tasks: 0 where somebody waits, 9 for work in the background."
    )
    population = models.ForeignKey(
        "PopulationJob", null=True, blank=True, on_delete=models.SET_NULL, related_name="runs", db_index=False
    )
    explanation_fill = models.ForeignKey(
        "ExplanationFill",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="runs",
        help_text="The job that made its explanations ahead, where it is one's.",
    )
    attempt = models.PositiveSmallIntegerField(
        default=1, db_default=1, help_text="Above 1 where what failed was asked again, by another draw."
    )
    sent_at = models.DateTimeField(default=timezone.now, help_text="When a task was last sent for it.")
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["created_by", "idempotency_key"],
                condition=~models.Q(idempotency_key=""),
                name="pipeline_run_idempotency",
            ),
            models.CheckConstraint(condition=models.Q(beta__gte=0, beta__lte=1), name="pipeline_run_beta_0_to_1"),
            models.UniqueConstraint(
                fields=["population", "shopper"],
                condition=models.Q(population__isnull=False),
                name="pipeline_run_once_per_population",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "lease_until"], name="pipeline_run_sweep"),
            models.Index(fields=["batch", "id"], name="pipeline_run_batch", condition=models.Q(batch__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.shopper} {self.created_at:%Y-%m-%d %H:%M}"

    def get_absolute_url(self) -> str:
        return reverse("recommend:run-detail", args=[self.pk])

    @property
    def shared_url(self) -> str:
        """Where everybody who is signed in may see it; "" where it is not shared."""
        return reverse("recommend:run-shared", args=[self.share_key]) if self.share_key else ""

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE_STATES

    @property
    def spoken(self) -> languages.Language:
        """What the models write in."""
        return languages.LANGUAGES[self.language]

    @property
    def next_step(self) -> str:
        """The step after the current one that is to be done; FINISHED after the last."""
        left = (step for step in STEPS[STEPS.index(self.step) + 1 :] if step in self.steps)
        return next(left, FINISHED)

    def model_for(self, stage: Stage) -> LanguageModel:
        """The language model of a stage: the one chosen for this run, else the one that serves now.

        Raises LanguageModel.DoesNotExist where none serves, or the chosen one was deleted.
        """
        chosen = self.chosen_models.get(stage)
        if not chosen:
            return LanguageModel.objects.serving(stage)
        found = LanguageModel.objects.filter(pk=chosen).first()
        if found is None:
            raise LanguageModel.DoesNotExist(f"The model chosen for {stage.label.lower()} was deleted; run it again.")
        return found

    def prompt_for(self, stage: Stage, model: LanguageModel) -> Prompt:
        """What a stage is asked with: the version chosen for this run, else the model's, else the newest.

        Raises UnknownPromptError.
        """
        return load(stage, self.chosen_prompts.get(stage) or model.prompt_version)

    @property
    def task_priority(self) -> int:
        """Of its next task. A run that has begun goes before one that has not: some finish early, not all late."""
        return self.priority if self.step == "history" else max(0, self.priority - 3)


class Generation(models.Model):
    """One language-model call for one shopper and one stage."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    run = models.ForeignKey(PipelineRun, on_delete=models.CASCADE, related_name="generations")
    shopper = models.ForeignKey(Shopper, on_delete=models.PROTECT, related_name="generations")
    stage = models.CharField(max_length=12, choices=Stage)
    position = models.PositiveIntegerField(default=0, help_text="Tells the calls of one stage apart.")
    model = models.ForeignKey(LanguageModel, on_delete=models.PROTECT, related_name="generations")
    prompt_version = models.CharField(max_length=40)
    prompt_sha256 = models.CharField(max_length=64)
    input = models.JSONField(default=dict, help_text="Snapshot of what the prompt was made from.")
    input_sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=JobState, default=JobState.QUEUED)
    raw_text = models.TextField(blank=True)
    error = models.TextField(blank=True)
    prompt_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    latency_s = models.FloatField(default=0.0)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created_at"]
        constraints = [
            # The idempotency key: a task that is delivered twice finds its generation instead of making another.
            models.UniqueConstraint(fields=["run", "stage", "position"], name="generation_once_per_run_stage_position")
        ]
        indexes = [models.Index(fields=["stage", "state", "created_at"], name="generation_stage_state")]

    def __str__(self) -> str:
        return f"{self.get_stage_display()} for {self.shopper}"


class OutputQuerySet(models.QuerySet["Output"]):
    def kept(self) -> OutputQuerySet:
        """Outputs that no rule rejected."""
        return self.filter(rejected_by="")

    def rated(self, generation_id: uuid.UUID) -> list[Output]:
        """What is rated of a generation: the outputs that no rule rejected, in their order."""
        return RATED(generation=generation_id)


class Output(models.Model):
    """One judgeable unit of a generation."""

    class Kind(models.TextChoices):
        INTEREST = "interest", "Interest"
        TAG = "tag", "Item tag"
        EXPLANATION = "explanation", "Explanation"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="outputs")
    kind = models.CharField(max_length=12, choices=Kind)
    position = models.PositiveIntegerField()
    text = models.TextField()
    reason = models.TextField(blank=True)
    stage = models.CharField(max_length=12, blank=True, help_text="Interests: long-term, emerging or seasonal.")
    guideline = models.TextField(
        blank=True, db_default="", default="", help_text="Explanations: the style guideline that the text follows."
    )
    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="children",
        help_text="A tag's interest, an explanation's interest.",
    )
    item = models.ForeignKey(Item, null=True, blank=True, on_delete=models.PROTECT)
    evidence = models.JSONField(default=list, blank=True, help_text="Numbers of the history lines that it cites.")
    rejected_by = models.CharField(max_length=40, blank=True, help_text="The rule that rejected it; empty if none.")
    rejected_because = models.TextField(blank=True)

    objects = OutputQuerySet.as_manager()

    class Meta:
        ordering = ["generation_id", "position"]
        constraints = [models.UniqueConstraint(fields=["generation", "position"], name="output_once")]

    def __str__(self) -> str:
        return self.text

    @property
    def is_rejected(self) -> bool:
        return self.rejected_by != ""


RATED = Prepared(
    lambda generation: Output.objects.kept().filter(generation=generation).order_by("position"), generation=uuid.UUID
)


class Recommendation(models.Model):
    """One item of a run's list, with the parts that its score is made of."""

    class Arm(models.TextChoices):
        """Who brought the item."""

        COLLABORATIVE = "collaborative", "Collaborative"
        SEMANTIC = "semantic", "Semantic"
        BOTH = "both", "Both"
        USER_TOWER = "user_tower", "User tower"
        TAG_TOWER = "tag_tower", "Tag tower"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    run = models.ForeignKey(PipelineRun, on_delete=models.CASCADE, related_name="recommendations")
    item = models.ForeignKey(Item, on_delete=models.PROTECT)
    rank = models.PositiveIntegerField()
    score = models.FloatField(help_text="beta * collaborative + (1 - beta) * semantic")
    collaborative = models.FloatField(help_text="0 to 1 within the run's candidates.")
    semantic = models.FloatField(help_text="0 to 1 within the run's candidates.")
    arm = models.CharField(
        max_length=13,
        choices=Arm,
        blank=True,
        db_default="",
        default="",
        help_text="The arm that brought it. Empty: from before that was kept.",
    )
    tag = models.ForeignKey(
        Output, null=True, blank=True, on_delete=models.SET_NULL, help_text="The tag nearest to the item."
    )
    explanation = models.ForeignKey(
        Output,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="shown_with",
        help_text="One that was made ahead and looked up; one that was made for the run is the run's own output.",
    )

    class Meta:
        ordering = ["run_id", "rank"]
        constraints = [
            models.UniqueConstraint(fields=["run", "rank"], name="recommendation_rank_once"),
            models.UniqueConstraint(fields=["run", "item"], name="recommendation_item_once"),
        ]

    def __str__(self) -> str:
        return f"{self.rank}. {self.item}"
