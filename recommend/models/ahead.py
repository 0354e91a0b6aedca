"""What is made ahead of any run: explanations for pairs of interest and item, and the jobs that fill the table."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from recommend import languages
from recommend.models.catalogue import Item
from recommend.models.jobs import PausableJob
from recommend.models.language_models import LanguageModel
from recommend.models.runs import ACTIVE_STATES, Output

MAX_INTEREST = 100


class Fill(PausableJob):
    """A job that has a model make what runs look up later; `recommend.ahead` has the rules."""

    n_wanted = models.PositiveIntegerField(null=True, blank=True, help_text="Empty until it was written down.")
    n_made = models.PositiveIntegerField(default=0)
    n_rejected = models.PositiveIntegerField(default=0, help_text="Made, and rejected by a rule.")
    n_failed = models.PositiveIntegerField(default=0, help_text="The model gave no answer of use.")
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    completion_tokens = models.PositiveBigIntegerField(default=0)

    class Meta:
        abstract = True

    @property
    def n_left(self) -> int:
        return (self.n_wanted or 0) - self.n_made - self.n_rejected - self.n_failed


class ExplanationFill(Fill):
    """Explanations for the most common interests and the most popular items that each of them leads to.

    Its calls are generations of runs of its own, one run for each interest.
    """

    language = models.CharField(max_length=8, choices=languages.CHOICES, default=languages.ENGLISH)
    n_interests = models.PositiveIntegerField(help_text="The most common of so many shoppers' interests.")
    n_items = models.PositiveIntegerField(help_text="Of each interest, the most popular.")
    days = models.PositiveIntegerField(help_text="Interests that were found so many days ago at most.")
    max_age_days = models.PositiveIntegerField(help_text="What is older is made anew.")

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["language"],
                condition=models.Q(state__in=ACTIVE_STATES),
                name="explanation_fill_one_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"Explanations ahead, {self.get_language_display()}, {self.created_at:%Y-%m-%d %H:%M}"


class StoredExplanation(models.Model):
    """The explanation of one item to everybody with one interest, as runs look it up.

    Which model and prompt made it, when, and by which guideline: its output and that one's generation say it.
    """

    id = models.BigAutoField(primary_key=True)
    stored_at = models.DateTimeField(default=timezone.now, help_text="When it was made, or last made anew.")
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="+", db_index=False)
    interest = models.CharField(max_length=MAX_INTEREST, help_text="As `rules.normal_form` writes it.")
    language = models.CharField(max_length=8, choices=languages.CHOICES)
    item_version = models.CharField(max_length=32, help_text="Of the item that it was made for.")
    output = models.ForeignKey(Output, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            # Also what a look-up goes by: a run asks for some items, each with all interests of its shopper.
            models.UniqueConstraint(fields=["item", "interest", "language"], name="stored_explanation_once")
        ]

    def __str__(self) -> str:
        return f"{self.interest} · {self.item_id}"


class ShortFormFill(Fill):
    """Short forms by a model for all items that have none of their present version by it and its prompt."""

    model = models.ForeignKey(LanguageModel, on_delete=models.PROTECT, related_name="+")
    cursor = models.UUIDField(null=True, blank=True, help_text="The last item that was asked about.")

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["model"], condition=models.Q(state__in=ACTIVE_STATES), name="short_form_fill_one_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"Short forms by {self.model}, {self.created_at:%Y-%m-%d %H:%M}"


class ItemShortForm(models.Model):
    """How a model shortened an item: what histories call it, as long as the item is of that version."""

    item = models.OneToOneField(Item, primary_key=True, on_delete=models.CASCADE, related_name="short_form")
    stored_at = models.DateTimeField(default=timezone.now)
    text = models.CharField(max_length=60)
    item_version = models.CharField(max_length=32, help_text="Of the item that it was made for.")
    model = models.ForeignKey(LanguageModel, on_delete=models.PROTECT, related_name="+")
    prompt_version = models.CharField(max_length=40)
    prompt_sha256 = models.CharField(max_length=64)

    def __str__(self) -> str:
        return self.text
