"""What the demo page asks: which shoppers to show, and what to run."""

from django import forms
from django.db.models import Q, QuerySet

from recommend.models import Shopper
from recommend.services import MAX_ITEMS


class RunForm(forms.Form):
    """One run: for whom, and how the two retrieval arms are weighed."""

    shopper = forms.ModelChoiceField(
        Shopper.objects.known(),
        error_messages={"required": "Choose a shopper.", "invalid_choice": "There is no such shopper."},
    )
    beta = forms.FloatField(min_value=0.0, max_value=1.0, initial=0.5)
    n_items = forms.IntegerField(min_value=1, max_value=MAX_ITEMS, initial=6)


def matching_shoppers(query: str) -> QuerySet[Shopper]:
    """Shoppers whose id or attributes contain every word of `query`, those with most behaviours first."""
    wanted = Q()
    for word in query.split():
        wanted &= Q(external_id__icontains=word) | Q(attributes__icontains=word)
    return (
        Shopper.objects.known().filter(wanted, last_behavior_at__isnull=False).order_by("-n_behaviors", "external_id")
    )
