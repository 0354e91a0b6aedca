"""The query parameters of the lists, and how they become filters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Q
from rest_framework import serializers

from recommend.api.base import Parameters, Query
from recommend.models import JobState, LanguageModel, Stage


class ShopperQuery(Query):
    search = serializers.CharField(required=False, help_text="The beginning of an external id.")
    external_id = serializers.CharField(required=False)


class ItemQuery(Query):
    search = serializers.CharField(required=False, help_text="Words of the title or short text, or a sku.")
    sku = serializers.CharField(required=False)
    brand = serializers.CharField(required=False)
    category = serializers.CharField(required=False, help_text="One part of the category path.")


class LanguageModelQuery(Query):
    role = serializers.ChoiceField(required=False, choices=LanguageModel.Role.choices)
    state = serializers.ChoiceField(required=False, choices=LanguageModel.State.choices)


class GenerationQuery(Query):
    stage = serializers.ChoiceField(required=False, choices=Stage.choices)
    state = serializers.ChoiceField(required=False, choices=JobState.choices)
    run = serializers.UUIDField(required=False)
    model = serializers.UUIDField(required=False)
    shopper = serializers.CharField(required=False, help_text="External id or UUID.")


class RunFilters(Parameters):
    state = serializers.ChoiceField(required=False, choices=JobState.choices)
    population = serializers.UUIDField(required=False, help_text="Those of a population job.")
    shopper = serializers.CharField(required=False, help_text="External id or UUID.")
    batch = serializers.UUIDField(required=False, help_text="Started together, by one call.")


class RunQuery(RunFilters, Query):
    """The filters, and which page of them."""


class ResultsQuery(RunFilters):
    after = serializers.UUIDField(required=False, help_text="Go on after this run: `RecGPT-Next` of the last answer.")
    limit = serializers.IntegerField(default=100, min_value=1, max_value=1000)
    format = serializers.ChoiceField(default="ndjson", choices=["ndjson", "json"])


def exact(wanted: Mapping[str, Any], *names: str) -> Q:
    """The filter that keeps rows equal to those of `names` that were asked for."""
    return Q(**{name: wanted[name] for name in names if name in wanted})


def shopper(text: str) -> Q:
    """The filter that keeps the rows of one shopper, by external id or UUID."""
    try:
        uuid = serializers.UUIDField().to_internal_value(text)
    except serializers.ValidationError:
        return Q(shopper__external_id=text)
    return Q(shopper__external_id=text) | Q(shopper=uuid)
