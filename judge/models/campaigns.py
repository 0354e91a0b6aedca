"""What people review: campaigns, their units, and who has which in hand."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.urls import reverse
from django.utils.functional import cached_property

from judge.models.populations import ChosenPopulation
from judge.models.rubrics import Rubric
from recommend.models import Generation, LanguageModel, Output, new_id

if TYPE_CHECKING:
    from django.contrib.auth.models import User
else:
    User = get_user_model()


class Campaign(ChosenPopulation):
    """What is reviewed by people: a sample of generations, or of pairs of two populations' generations."""

    class Task(models.TextChoices):
        RATE = "rate", "Rate outputs"
        COMPARE = "compare", "Compare two answers"

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"
        CLOSED = "closed", "Closed"

    class Plan(models.TextChoices):
        UNIFORM = "uniform", "Uniform"
        STRATIFIED = "stratified", "Stratified"
        UNCERTAINTY = "uncertainty", "Uncertainty first"

    class StrataBy(models.TextChoices):
        MODEL = "model", "By model"
        ACTIVITY = "activity", "By shopper activity"
        CATEGORY = "category", "By category bought most"

    class Allocation(models.TextChoices):
        PROPORTIONAL = "proportional", "In proportion"
        EQUAL = "equal", "The same from each"

    class Uncertainty(models.TextChoices):
        MARGIN = "margin", "1 − its highest label probability"
        ENTROPY = "entropy", "Entropy of its label probabilities"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    name = models.CharField(max_length=200, unique=True)
    task = models.CharField(max_length=8, choices=Task, default=Task.RATE, db_default=Task.RATE)
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT, limit_choices_to={"version__gt": 0})
    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)
    sampling_rate = models.FloatField(
        default=1.0, help_text="Share of finished generations drawn, each independently: its inclusion probability."
    )
    plan = models.CharField(max_length=12, choices=Plan, default=Plan.UNIFORM)
    strata_by = models.CharField(max_length=12, choices=StrataBy, blank=True)
    allocation = models.CharField(max_length=12, choices=Allocation, default=Allocation.PROPORTIONAL)
    uncertainty = models.CharField(max_length=12, choices=Uncertainty, default=Uncertainty.MARGIN)
    uniform_floor = models.FloatField(
        default=0.2, help_text="Share of the probability that does not depend on the judge's uncertainty."
    )
    size = models.PositiveIntegerField(null=True, blank=True, help_text="Generations asked for; empty: by rate.")
    precision = models.FloatField(null=True, blank=True, help_text="The size was asked for as ± this, as a share.")
    rival_models = models.ManyToManyField(
        LanguageModel, blank=True, related_name="+", help_text="Comparing: whose are B. Empty: every model's."
    )
    rival_prompt_versions = ArrayField(
        models.CharField(max_length=40), default=list, blank=True, help_text="Comparing: those of B. Empty: every."
    )
    design = models.JSONField(
        default=dict, blank=True, editable=False, help_text="The plan's thresholds, as `sampling.Design` keeps them."
    )
    guidelines = models.TextField(
        blank=True, help_text="Markdown; shown beside the work, before the rubric's guideline."
    )
    overlap = models.PositiveIntegerField(default=1, help_text="People per generation.")
    blind = models.BooleanField(default=True, help_text="The judge's labels appear only after submitting.")
    lease_s = models.PositiveIntegerField(default=900, help_text="Seconds without a sign of life before work returns.")
    members = models.ManyToManyField(User, blank=True, help_text="Empty: every annotator.")
    gold_share = models.FloatField(default=0.0, help_text="Share of a person's screens that are gold units, 0 to 0.5.")
    gold_bar = models.FloatField(
        null=True, blank=True, help_text="Gold accuracy asked of annotators, 0 to 1. Empty: the site's."
    )
    deadline = models.DateField(null=True, blank=True)
    follows = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="followers",
        editable=False,
        help_text="Whose units are queued again here, under another version of the rubric.",
    )
    drawn_as = models.UUIDField(
        null=True, blank=True, editable=False, help_text="The first campaign of those that follow each other: its draw."
    )
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(sampling_rate__gt=0, sampling_rate__lte=1), name="campaign_rate_0_to_1"
            ),
            models.CheckConstraint(condition=models.Q(overlap__gte=1), name="campaign_overlap_positive"),
            models.CheckConstraint(
                condition=models.Q(uniform_floor__gt=0, uniform_floor__lte=1), name="campaign_floor_0_to_1"
            ),
            models.CheckConstraint(
                condition=models.Q(task="rate") | models.Q(task="compare", blind=True, gold_share=0),
                name="campaign_compares_blind_without_gold",
            ),
            models.CheckConstraint(
                condition=models.Q(gold_share__gte=0, gold_share__lte=0.5), name="campaign_gold_share_to_half"
            ),
            models.CheckConstraint(
                condition=models.Q(gold_bar__isnull=True) | models.Q(gold_bar__gt=0, gold_bar__lte=1),
                name="campaign_gold_bar_0_to_1",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("judge:campaign-next", args=[self.pk])

    @property
    def compares(self) -> bool:
        """Whether its units are pairs; else single generations."""
        return self.task == self.Task.COMPARE

    @property
    def draw(self) -> UUID:
        """What the lots of its generations are drawn with: one that follows another draws the same ones."""
        return self.drawn_as or self.pk


class CampaignUnitQuerySet(models.QuerySet["CampaignUnit"]):
    def sampled(self) -> CampaignUnitQuerySet:
        """What the plan drew: all that may be counted and estimated from."""
        return self.filter(is_gold=False)

    def gold(self) -> CampaignUnitQuerySet:
        """What a lead chose since its labels are known, mixed in to see how well people label."""
        return self.filter(is_gold=True)


class CampaignUnit(models.Model):
    """One generation of a campaign: drawn by the plan, with the probability of that, or a gold unit, without any.

    In a campaign that compares it is a pair: `generation` is A's, `rival` is B's.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="units")
    generation = models.ForeignKey(Generation, on_delete=models.PROTECT, related_name="campaign_units")
    rival = models.ForeignKey(Generation, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    is_gold = models.BooleanField(default=False, db_default=False)
    inclusion_probability = models.FloatField(null=True, blank=True, help_text="Empty for a gold unit: nobody drew it.")
    stratum = models.CharField(max_length=100, blank=True, help_text="As the plan names it; empty in a uniform one.")
    n_taken = models.PositiveIntegerField(
        default=0, help_text="Places leased or submitted: at most the overlap, of a gold unit any number."
    )
    n_submitted = models.PositiveIntegerField(default=0)

    objects = CampaignUnitQuerySet.as_manager()

    class Meta:
        constraints = [
            # A gold unit must not keep the plan from drawing the same generation: the sample would be biased.
            models.UniqueConstraint(fields=["campaign", "generation", "is_gold"], name="campaign_unit_once"),
            models.CheckConstraint(
                condition=models.Q(is_gold=True, inclusion_probability__isnull=True)
                | models.Q(
                    is_gold=False,
                    inclusion_probability__isnull=False,
                    inclusion_probability__gt=0,
                    inclusion_probability__lte=1,
                ),
                name="campaign_unit_probability_0_to_1",
            ),
            models.CheckConstraint(
                condition=models.Q(rival__isnull=True)
                | models.Q(is_gold=False) & ~models.Q(rival=models.F("generation")),
                name="campaign_unit_pairs_two",
            ),
        ]
        indexes = [models.Index(fields=["campaign", "n_taken", "created_at"], name="campaign_unit_queue")]

    def __str__(self) -> str:
        return f"{self.campaign}: {self.generation}"


class Assignment(models.Model):
    """One screen of work: a unit in the hands of one annotator."""

    class State(models.TextChoices):
        LEASED = "leased", "In work"
        SUBMITTED = "submitted", "Submitted"
        SKIPPED = "skipped", "Skipped"
        EXPIRED = "expired", "Lease expired"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    unit = models.ForeignKey(CampaignUnit, on_delete=models.CASCADE, related_name="assignments")
    annotator = models.ForeignKey(User, on_delete=models.PROTECT, related_name="assignments")
    state = models.CharField(max_length=10, choices=State, default=State.LEASED)
    lease_until = models.DateTimeField()
    draft = models.JSONField(default=dict, blank=True, help_text="{output id: {labels, comment}} not yet submitted.")
    draft_version = models.PositiveIntegerField(default=0, help_text="Rises with every save; a stale save is refused.")
    skip_reason = models.TextField(blank=True)
    flag = models.TextField(blank=True, help_text="What the annotator wants a lead to see.")
    seconds = models.FloatField(default=0.0, help_text="Time at work, by the browser's clock.")
    submitted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["unit", "annotator"], name="assignment_once_per_person")]
        indexes = [
            models.Index(fields=["annotator", "state"], name="assignment_annotator_state"),
            models.Index(fields=["annotator", "-created_at"], name="assignment_latest"),
            models.Index(
                fields=["annotator", "-submitted_at"], condition=models.Q(state="submitted"), name="assignment_submits"
            ),
            models.Index(fields=["lease_until"], condition=models.Q(state="leased"), name="assignment_leases"),
        ]

    def __str__(self) -> str:
        return f"{self.unit} / {self.annotator}"

    def get_absolute_url(self) -> str:
        return reverse("judge:assignment", args=[self.pk])

    @cached_property
    def kept_outputs(self) -> list[Output]:
        """What is rated: the outputs that no rule rejected, in their order. Those of a generation never change."""
        return Output.objects.rated(self.unit.generation_id)


class Tally(models.Model):
    """How much one person has submitted in a campaign; moved by the statements that submit and take back."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="tallies")
    annotator = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    n_submitted = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "tallies"
        constraints = [models.UniqueConstraint(fields=["campaign", "annotator"], name="tally_once")]

    def __str__(self) -> str:
        return f"{self.campaign}, {self.annotator}: {self.n_submitted}"
