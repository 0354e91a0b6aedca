"""What the demo page asks: for whom, and what to run."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone

from recommend import guests, handwritten
from recommend.models import Shopper, TagStrategy
from recommend.services import MAX_ITEMS

STORED, BY_HAND = "stored", "hand"


class RunForm(forms.Form):
    """One run: for a stored shopper or a history by hand, and how the two retrieval arms are weighed.

    `cleaned_data["shopper"]` is what `services.start_run` takes, whichever it is.
    """

    source = forms.ChoiceField(choices=[(STORED, "A stored shopper"), (BY_HAND, "By hand")], required=False)
    shopper = forms.ModelChoiceField(
        Shopper.objects.known(), required=False, error_messages={"invalid_choice": "There is no such shopper."}
    )
    history = forms.CharField(required=False, max_length=1_000_000)
    beta = forms.FloatField(min_value=0.0, max_value=1.0, initial=0.5)
    tag_strategy = forms.ChoiceField(choices=TagStrategy.choices, initial=TagStrategy.DIRECT, required=False)
    n_items = forms.IntegerField(min_value=1, max_value=MAX_ITEMS, initial=6)

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        if found.get("source") == BY_HAND:
            found["shopper"] = self._by_hand(found.get("history") or "")
        elif found.get("shopper") is None and "shopper" not in self.errors:
            self.add_error("shopper", "Choose a shopper.")
        return found

    def _by_hand(self, text: str) -> guests.GivenHistory | None:
        lines = handwritten.read(text)
        numbers = list(lines)
        try:
            return guests.check(list(lines.values()), {}, now=timezone.now())
        except guests.InvalidHistoryError as error:
            for number, words in error.faults.items():
                self.add_error("history", words if number is None else f"Line {numbers[number]}: {words}")
            return None


class RankingForm(forms.Form):
    """Another weight of the arms."""

    beta = forms.FloatField(min_value=0.0, max_value=1.0)


def asked_beta(values: Mapping[str, Any]) -> float | None:
    """The weight that an address asks for; None where it asks for none that there is."""
    form = RankingForm(values)
    return form.cleaned_data["beta"] if form.is_valid() else None


def matching_shoppers(query: str) -> QuerySet[Shopper]:
    """Shoppers whose id or attributes contain every word of `query`, those with most behaviours first."""
    wanted = Q()
    for word in query.split():
        wanted &= Q(external_id__icontains=word) | Q(attributes__icontains=word)
    return (
        Shopper.objects.known().filter(wanted, last_behavior_at__isnull=False).order_by("-n_behaviors", "external_id")
    )
