"""The models that generate and judge."""

from __future__ import annotations

import uuid
from contextlib import suppress

from django.core.exceptions import ValidationError
from django.db import models

from recommend import prompts
from recommend.models.ids import new_id


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

    def named(self, role: str, text: str) -> LanguageModel:
        """The model of `role` with this name or id. Raises LanguageModel.DoesNotExist, naming those that there are."""
        of_role = self.filter(role=role)
        found = of_role.filter(name=text).first()
        if found is None:
            with suppress(ValueError):  # no id either
                found = of_role.filter(pk=uuid.UUID(text)).first()
        if found is None:
            usable = of_role.exclude(state=LanguageModel.State.RETIRED).order_by("name")
            known = ", ".join(usable.values_list("name", flat=True)[:20]) or "none"
            raise LanguageModel.DoesNotExist(f"No model of this role is called so. There are: {known}.")
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
    tag_rounds = models.PositiveSmallIntegerField(
        default=1,
        db_default=1,
        help_text="How often tags are asked for at most, until as many passed the rules as are asked for.",
    )
    max_tokens = models.PositiveIntegerField(default=768, help_text="Longest answer; one cut there is an error.")
    prompt_version = models.CharField(
        max_length=40,
        blank=True,
        db_default="",
        default="",
        help_text="Of its stage's prompt: for a model that was trained with one. Empty: the newest.",
    )
    guideline_apart = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Explanations: the style guideline is asked for in a call of its own, before the text. For a model "
        "that does not do both well in one answer.",
    )
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

    def clean(self) -> None:
        """Raises ValidationError for a prompt version that there is not."""
        if not self.prompt_version:
            return
        if self.role == self.Role.JUDGE:
            raise ValidationError({"prompt_version": "How a judge is asked is chosen on the page of judges."})
        try:
            prompts.load(self.role, self.prompt_version)
        except prompts.UnknownPromptError as error:
            raise ValidationError({"prompt_version": str(error)}) from error
