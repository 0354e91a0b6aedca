"""What people chose between two answers."""

from django.db import models

from judge.models.campaigns import Assignment
from recommend.models import new_id


class Preference(models.Model):
    """A person's choice between the two answers of a pair, made before they could know whose is whose."""

    class Choice(models.TextChoices):
        A = "a", "A is better"
        B = "b", "B is better"
        BOTH = "both", "Both good"
        NEITHER = "neither", "Both bad"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    assignment = models.OneToOneField(Assignment, on_delete=models.PROTECT, related_name="preference")
    choice = models.CharField(max_length=8, choices=Choice)
    a_was_left = models.BooleanField(help_text="The side that A stood on, for this person.")
    comment = models.TextField(blank=True)
    seconds = models.FloatField(default=0.0)
    revealed_at = models.DateTimeField(
        null=True, blank=True, help_text="When the person asked whose answers they were: the choice stays since then."
    )

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return f"{self.assignment}: {self.get_choice_display()}"
