"""Tables of the pipeline: catalogue, shoppers, behaviours, models, and what the models generated."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.postgres.fields import ArrayField
from django.core.validators import URLValidator
from django.db import models
from django.urls import reverse
from django.utils import timezone
from pgvector.django import HalfVectorField
from uuid_utils.compat import uuid7

from recommend.prepared import Prepared

if TYPE_CHECKING:
    from django.contrib.auth.models import User
else:
    User = get_user_model()

EMBEDDING_DIMENSIONS = 384  # all-MiniLM-L6-v2


def new_id() -> uuid.UUID:
    """A UUIDv7: unique, and sorted by creation time."""
    return uuid7()


class TextEmbedding(models.Model):
    """The sentence embedding of one item text.

    Catalogues repeat themselves: many items differ in size and brand only. One vector per distinct text keeps
    the vector table as small as the catalogue's vocabulary.
    """

    id = models.BigAutoField(primary_key=True)
    created_at = models.DateTimeField(auto_now_add=True)
    text = models.TextField()
    model = models.CharField(max_length=100, help_text="The embedding model that made the vector.")
    embedding = HalfVectorField(dimensions=EMBEDDING_DIMENSIONS)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "text"], name="text_embedding_once")]

    def __str__(self) -> str:
        return self.text


class Item(models.Model):
    """One thing that can be bought."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    sku = models.CharField(max_length=100, unique=True)
    title = models.TextField()
    category = ArrayField(models.CharField(max_length=200), default=list, help_text="Path, broadest first.")
    brand = models.CharField(max_length=200, blank=True)
    price = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    image_url = models.CharField(
        max_length=500,
        blank=True,
        db_default="",
        validators=[URLValidator(schemes=["https"])],
        help_text="Picture, by https. Shown where ITEM_IMAGE_HOSTS allows its host.",
    )
    attributes = models.JSONField(default=dict, blank=True)
    short_text = models.CharField(max_length=200, help_text="Item-level compression: how a history names it.")
    n_behaviors = models.PositiveIntegerField(default=0, help_text="Popularity, counted when retrieval is fitted.")
    text_embedding = models.ForeignKey(
        TextEmbedding, null=True, blank=True, on_delete=models.SET_NULL, related_name="items"
    )

    class Meta:
        indexes = [models.Index(fields=["short_text"], name="item_short_text")]

    def __str__(self) -> str:
        return self.title

    @property
    def picture(self) -> str:
        """Where a page may load the item's picture from; "" where there is none, or from a host that is not allowed."""
        url = urlsplit(self.image_url)
        return self.image_url if url.scheme == "https" and url.netloc in settings.ITEM_IMAGE_HOSTS else ""

    @property
    def semantic_text(self) -> str:
        """What the item is, without size and brand: the text that is embedded."""
        return ", ".join(self.category[1:]) or self.title


class Shopper(models.Model):
    """A person or household whose behaviour is known; never a login user."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    external_id = models.CharField(max_length=200, unique=True)
    attributes = models.JSONField(default=dict, blank=True)
    n_behaviors = models.PositiveIntegerField(default=0)
    last_behavior_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["external_id"]

    def __str__(self) -> str:
        return self.external_id


class Behavior(models.Model):
    """One event of a shopper's history; append-only, loaded with COPY."""

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
    shopper = models.ForeignKey(Shopper, on_delete=models.CASCADE, related_name="behaviors", db_index=False)
    kind = models.CharField(max_length=12, choices=Kind)
    item = models.ForeignKey(
        Item, null=True, blank=True, on_delete=models.CASCADE, related_name="behaviors", db_index=False
    )
    query = models.TextField(blank=True, help_text="The words of a search.")
    occurred_at = models.DateTimeField()
    quantity = models.PositiveIntegerField(default=1)
    dwell_s = models.FloatField(null=True, blank=True, help_text="Seconds spent.")
    source_key = models.BigIntegerField(help_text="Hash of the row: importing a file twice adds nothing.")

    class Meta:
        indexes = [models.Index(fields=["shopper", "occurred_at"], name="behavior_shopper_time")]
        constraints = [
            models.UniqueConstraint(fields=["shopper", "source_key"], name="behavior_once"),
            models.CheckConstraint(
                condition=models.Q(item__isnull=False) | models.Q(kind="search"), name="behavior_has_item_or_query"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} at {self.occurred_at:%Y-%m-%d}"


class Stage(models.TextChoices):
    """The language-model stages of the pipeline; also the kind of a generation."""

    INTERESTS = "interests", "Interests"
    TAGS = "tags", "Item tags"
    EXPLANATIONS = "explanations", "Explanations"


class LanguageModelQuerySet(models.QuerySet["LanguageModel"]):
    def serving(self, role: str) -> LanguageModel:
        """The model that serves `role` now. Raises LanguageModel.DoesNotExist."""
        found = self.filter(role=role, state=LanguageModel.State.SERVING).order_by("-created_at").first()
        if found is None:
            raise LanguageModel.DoesNotExist(
                f"No language model serves the role '{role}'. "
                "Run `manage.py seed_studio`, or set one to serving in /admin/."
            )
        return found


class LanguageModel(models.Model):
    """A deployable model in one role; the only thing a generation points at."""

    class Role(models.TextChoices):
        INTERESTS = "interests", "Interests"
        TAGS = "tags", "Item tags"
        EXPLANATIONS = "explanations", "Explanations"
        JUDGE = "judge", "Judge"

    class State(models.TextChoices):
        CANDIDATE = "candidate", "Candidate"
        SERVING = "serving", "Serving"
        RETIRED = "retired", "Retired"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    name = models.CharField(max_length=200, help_text="The name that the engine's server knows.")
    role = models.CharField(max_length=12, choices=Role)
    engine = models.CharField(max_length=20, default="openai")
    base = models.CharField(max_length=200, blank=True)
    adapter = models.CharField(max_length=200, blank=True)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT)
    state = models.CharField(max_length=10, choices=State, default=State.CANDIDATE)
    history_tokens = models.PositiveIntegerField(
        default=448, help_text="Room for the compressed history in a prompt; what overflows is dropped oldest first."
    )
    n_interests = models.PositiveIntegerField(default=6, help_text="Interests asked for per shopper.")
    n_tags = models.PositiveIntegerField(default=10, help_text="Item tags asked for per shopper.")
    max_tokens = models.PositiveIntegerField(default=768, help_text="Longest answer; one cut there is an error.")
    request_options = models.JSONField(
        default=dict,
        blank=True,
        help_text="Sent with every request to this model, for what its server offers beyond the OpenAI format, such as "
        '{"chat_template_kwargs": {"enable_thinking": false}}.',
    )
    prompt_price = models.DecimalField(
        max_digits=12,
        decimal_places=6,
        null=True,
        blank=True,
        help_text="Of a million tokens read, in your currency. Empty: no cost in money is shown.",
    )
    completion_price = models.DecimalField(
        max_digits=12, decimal_places=6, null=True, blank=True, help_text="Of a million tokens written."
    )
    note = models.TextField(blank=True, help_text="What pages say beside outputs of this model.")

    objects = LanguageModelQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "role"], name="language_model_once_per_role"),
            models.CheckConstraint(
                condition=models.Q(prompt_price__isnull=True) | models.Q(prompt_price__gte=0),
                name="language_model_prompt_price_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(completion_price__isnull=True) | models.Q(completion_price__gte=0),
                name="language_model_completion_price_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class JobState(models.TextChoices):
    """Where a piece of work stands; the database, not the broker, is the truth."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


ACTIVE_STATES = (JobState.QUEUED, JobState.RUNNING)


class PipelineRun(models.Model):
    """One request through all stages for one shopper."""

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
    history = models.JSONField(default=dict, blank=True, help_text="The compressed history and what it left out.")
    error = models.TextField(blank=True)
    lease_until = models.DateTimeField(null=True, blank=True, help_text="A worker holds the run until then.")
    lease_token = models.UUIDField(null=True, blank=True)
    priority = models.PositiveSmallIntegerField(
        default=0, help_text="Of its tasks: 0 where somebody waits, 9 for work in the background."
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
        ]
        indexes = [models.Index(fields=["state", "lease_until"], name="pipeline_run_sweep")]

    def __str__(self) -> str:
        return f"{self.shopper} {self.created_at:%Y-%m-%d %H:%M}"

    def get_absolute_url(self) -> str:
        return reverse("recommend:run-detail", args=[self.pk])

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE_STATES

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

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    run = models.ForeignKey(PipelineRun, on_delete=models.CASCADE, related_name="recommendations")
    item = models.ForeignKey(Item, on_delete=models.PROTECT)
    rank = models.PositiveIntegerField()
    score = models.FloatField(help_text="beta * collaborative + (1 - beta) * semantic")
    collaborative = models.FloatField(help_text="0 to 1 within the run's candidates.")
    semantic = models.FloatField(help_text="0 to 1 within the run's candidates.")
    tag = models.ForeignKey(
        Output, null=True, blank=True, on_delete=models.SET_NULL, help_text="The tag nearest to the item."
    )

    class Meta:
        ordering = ["run_id", "rank"]
        constraints = [
            models.UniqueConstraint(fields=["run", "rank"], name="recommendation_rank_once"),
            models.UniqueConstraint(fields=["run", "item"], name="recommendation_item_once"),
        ]

    def __str__(self) -> str:
        return f"{self.rank}. {self.item}"


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
