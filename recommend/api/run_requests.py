"""What a caller may ask of the pipeline, checked until it is what `services.start_run` takes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from recommend import guests, languages
from recommend.api.base import FiniteFloatField, StrictSerializer
from recommend.imports import values
from recommend.imports.problems import RowError
from recommend.models import Behavior, ExplanationSource, LanguageModel, Shopper, Stage, TagStrategy
from recommend.retrieval.selection import TAKEN
from recommend.services import CHOOSABLE_STEPS, MAX_ITEMS

KEY_LENGTH = 200


class GivenBehavior(serializers.Serializer[Any]):
    """One behaviour of a history that comes with the request; the names and rules are those of an import."""

    kind = serializers.ChoiceField(choices=Behavior.Kind.choices)
    sku = serializers.CharField(required=False, help_text="Of an item of the catalogue; only a search may lack it.")
    query = serializers.CharField(required=False, help_text="The words of a search.")
    occurred_at = serializers.CharField(help_text="ISO 8601 date or time; UTC where it names no offset.")
    quantity = serializers.IntegerField(required=False, min_value=1)
    dwell_s = serializers.FloatField(required=False, min_value=0)


@extend_schema_field(GivenBehavior(many=True))
class HistoryField(serializers.Field[Any, Any, Any, Any]):
    """A history as it came: `guests.check` looks at all of it at once, field by field would take many times as long."""

    def to_internal_value(self, data: Any) -> list[Any]:
        if not isinstance(data, list):
            raise serializers.ValidationError("A history is a list of behaviours.")
        return data


class ChosenModels(StrictSerializer):
    """Which language models are to do a run's stages; the serving one does what is not named."""

    interests = serializers.CharField(required=False, help_text="A model of this role, by name or UUID.")
    tags = serializers.CharField(required=False)
    explanations = serializers.CharField(required=False)

    def validate(self, attrs: dict[str, str]) -> dict[Stage, LanguageModel]:
        found = {}
        for name, text in attrs.items():
            try:
                found[Stage(name)] = LanguageModel.objects.named(name, text)
            except LanguageModel.DoesNotExist as error:
                raise serializers.ValidationError({name: [str(error)]}) from error
        return found


class ChosenPrompts(StrictSerializer):
    """Which version of its prompt a stage is asked with; the model's own, or the newest, where none is named."""

    interests = serializers.CharField(required=False, help_text="A version of its prompt, such as 1.")
    tags = serializers.CharField(required=False)
    explanations = serializers.CharField(required=False)

    def validate(self, attrs: dict[str, str]) -> dict[Stage, str]:
        return {Stage(name): version for name, version in attrs.items()}


class ListRules(StrictSerializer):
    """What may be offered; what is not named is as RETRIEVAL_RULES of the server says."""

    categories = serializers.ListField(
        child=serializers.CharField(max_length=200),
        required=False,
        max_length=100,
        help_text="Names of any level; only items in one of them.",
    )
    taken = serializers.ChoiceField(
        required=False,
        choices=TAKEN,
        help_text="What the shopper took already: left out if of the past month, if ever, or offered again.",
    )
    in_stock_only = serializers.BooleanField(required=False)
    diversity = FiniteFloatField(
        required=False, min_value=0, max_value=1, help_text="How much likeness to what is higher in the list costs."
    )


class RunRequest(StrictSerializer):
    """What a caller asks of the pipeline: for a stored shopper, or for a history that comes with it."""

    shopper = serializers.CharField(
        max_length=200, required=False, help_text="The shopper's external id, or its UUID; else give a `history`."
    )
    history = HistoryField(required=False, help_text="What somebody did, who is not stored. At most 50,000 behaviours.")
    attributes = serializers.DictField(
        required=False, help_text="With a `history`: of its shopper, such as age; they go into the prompts."
    )
    steps = serializers.ListField(
        child=serializers.ChoiceField(choices=CHOOSABLE_STEPS),
        default=CHOOSABLE_STEPS,
        help_text="What is done, with all that it is made from. Items alone need no language model.",
    )
    models = ChosenModels(required=False)
    prompts = ChosenPrompts(required=False)
    rules = ListRules(required=False)
    language = serializers.ChoiceField(choices=languages.CHOICES, default=languages.ENGLISH)
    explanation_source = serializers.ChoiceField(
        choices=ExplanationSource.choices,
        default=ExplanationSource.MADE,
        help_text="Stored ones were made ahead for pairs of interest and item; a look-up asks no model.",
    )
    tag_strategy = serializers.ChoiceField(
        choices=TagStrategy.choices,
        default=TagStrategy.DIRECT,
        help_text="How item tags are made: by one model, or by a planner, its experts and an arbiter.",
    )
    reference_at = serializers.DateTimeField(
        required=False,
        help_text="Look from this moment; later behaviours are unseen. Default: after the last behaviour.",
    )
    beta = FiniteFloatField(
        default=0.5,
        min_value=0,
        max_value=1,
        help_text="Weight of the collaborative arm; the rest is semantic.",
    )
    n_items = serializers.IntegerField(default=6, min_value=1, max_value=MAX_ITEMS)
    priority = serializers.IntegerField(
        default=0, min_value=0, max_value=9, help_text="0: somebody waits for the result; up to 9: in the background."
    )

    def validate_shopper(self, value: str) -> Shopper:
        """The stored shopper that `value` names. Raises ValidationError."""
        found = Shopper.objects.known().filter(external_id=value).first()
        if found is None and is_uuid(value):
            found = Shopper.objects.known().filter(pk=value).first()
        if found is None:
            raise serializers.ValidationError("No shopper has this id. GET /api/v1/shoppers/?search=… finds them.")
        return found

    def validate_attributes(self, value: dict[str, Any]) -> dict[str, Any]:
        try:
            return values.attributes({"attributes": value})
        except RowError as error:
            raise serializers.ValidationError(error.reason) from error

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """What `services.start_run` takes: a history becomes the shopper that it is of."""
        history, attributes = attrs.pop("history", None), attrs.pop("attributes", None)
        if (history is None) == ("shopper" not in attrs):
            raise serializers.ValidationError("Name a stored `shopper`, or give a `history`: one of the two.")
        if history is None:
            if attributes is not None:
                raise serializers.ValidationError({"attributes": "A stored shopper has its own; leave them out."})
            return attrs
        try:
            return attrs | {"shopper": guests.check(history, attributes or {}, now=timezone.now())}
        except guests.InvalidHistoryError as error:
            # Numbers as text: a pointer is made of names. What concerns all of it is of no number.
            faults = {
                "non_field_errors" if number is None else str(number): [why] for number, why in error.faults.items()
            }
            raise serializers.ValidationError({"history": faults}) from error


class BulkLine(RunRequest):
    """One line of many: a request with a name of its own, in the background if it does not say otherwise."""

    idempotency_key = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=KEY_LENGTH,
        help_text="As the header of a single request: the line sent twice is one run.",
    )
    priority = serializers.IntegerField(default=9, min_value=0, max_value=9)


def is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
