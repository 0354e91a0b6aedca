"""Backfills: a judge is asked, within a budget, about what is stored already."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.urls import reverse

from judge.models.populations import ChosenPopulation
from judge.models.raters import Rater
from judge.models.rubrics import Rubric
from recommend.models.jobs import PausableJob


class Backfill(PausableJob, ChosenPopulation):
    """One judge on a population under one rubric: how much may be spent, how far it is, and what came of it.

    The population is what was finished when it began. Workers go through its generations in the order of their ids,
    which is that of time; `cursor` is the last one that is done with.
    """

    rater = models.ForeignKey(Rater, on_delete=models.PROTECT, related_name="backfills")
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT, related_name="backfills")
    again = models.BooleanField(default=False, help_text="Ask again where an earlier answer was of no use.")
    max_calls = models.PositiveIntegerField(null=True, blank=True, help_text="Most calls to the judge. Empty: any.")
    max_money = models.DecimalField(
        max_digits=14,
        decimal_places=6,
        null=True,
        blank=True,
        help_text="Most money, in the currency of the models' prices. Empty: any.",
    )
    is_spent = models.BooleanField(default=False, help_text="It ended since the budget was used up.")
    cursor = models.UUIDField(null=True, blank=True, help_text="The last generation that is done with.")
    n_outputs = models.PositiveIntegerField(help_text="Kept outputs of the population.")
    n_to_ask = models.PositiveIntegerField(help_text="Of these, not judged when it began, or to be asked again.")
    n_asked = models.PositiveIntegerField(default=0, help_text="Outputs with an answer of this job, usable or not.")
    n_accepted = models.PositiveIntegerField(default=0, help_text="Of these, passed.")
    failures = models.JSONField(default=dict, blank=True, help_text="{reason: outputs whose answer was of no use}")
    n_calls = models.PositiveIntegerField(default=0)
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    completion_tokens = models.PositiveBigIntegerField(default=0)
    money = models.DecimalField(
        max_digits=14, decimal_places=6, null=True, blank=True, help_text="Empty where a model has no price."
    )
    busy_s = models.FloatField(default=0.0, help_text="Time that workers were at it.")

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["rater", "rubric"],
                condition=models.Q(state__in=["queued", "running"]),
                name="backfill_one_at_a_time",
            ),
            models.CheckConstraint(
                condition=models.Q(max_calls__isnull=False) | models.Q(max_money__isnull=False),
                name="backfill_has_a_budget",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rater}, {self.rubric}, {self.created_at:%Y-%m-%d %H:%M}"

    def get_absolute_url(self) -> str:
        return reverse("judge:backfill", args=[self.pk])

    @property
    def n_failed(self) -> int:
        """Outputs whose answer was of no use."""
        return sum(self.failures.values())

    @property
    def n_left(self) -> int:
        """Outputs still to be asked about, as far as nobody else asks."""
        return max(0, self.n_to_ask - self.n_asked) if self.is_active or self.is_cut_short else 0

    @property
    def n_skipped(self) -> int:
        """Outputs that had been judged already, before it began or before it came to them."""
        return self.n_outputs - self.n_asked - self.n_left

    @property
    def is_cut_short(self) -> bool:
        """Whether it ended before its population was through."""
        return not self.is_active and (self.is_spent or self.state != "done")

    @property
    def minutes_left(self) -> float | None:
        """How long the rest takes at the pace so far; the budget may end it sooner. None before the first answer."""
        pace = self.asked_per_minute
        return None if pace is None else self.n_left / pace

    @property
    def money_per_accepted(self) -> Decimal | None:
        """What the calls cost for each output that passed; None without prices or without any."""
        return None if self.money is None or not self.n_accepted else self.money / self.n_accepted

    @property
    def tokens_per_accepted(self) -> int | None:
        """Tokens read and written for each output that passed; None without any."""
        total = self.prompt_tokens + self.completion_tokens
        return round(total / self.n_accepted) if self.n_accepted else None

    @property
    def asked_per_minute(self) -> float | None:
        """Outputs answered in a minute of work; None before the first."""
        return 60 * self.n_asked / self.busy_s if self.n_asked and self.busy_s else None
