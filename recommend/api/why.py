"""What the API says of why an item is in a run's list."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from recommend.api.serializers import ItemReference, OutputSerializer
from recommend.reasons import Evidence, Voter, Why


class VoterSerializer(serializers.Serializer[Voter]):
    """An item of the shopper's history that votes for the recommended one."""

    item = ItemReference()
    share = serializers.FloatField(help_text="Of all votes for the recommended item, 0 to 1.")
    n_times = serializers.IntegerField(help_text="How often the history has it.")
    last_at = serializers.DateTimeField(allow_null=True)
    line = serializers.IntegerField(allow_null=True, help_text="Index of the history line that names it; null: none.")


class EvidenceSerializer(serializers.Serializer[Evidence]):
    """A line of the history that the tag or its interest cites."""

    text = serializers.CharField(help_text="As the model read it.")
    named = serializers.ListField(child=serializers.CharField(), help_text="Its items that the reasons name.")
    line = serializers.IntegerField(
        allow_null=True, help_text="Its index in the run's history; null where the run keeps other lines."
    )


class WhySerializer(serializers.Serializer[Why]):
    """Why an item is in a run's list: score = collaborative_part + semantic_part."""

    item = ItemReference(source="recommendation.item")
    rank = serializers.IntegerField(source="recommendation.rank")
    arm = serializers.CharField(source="recommendation.arm", help_text="Who brought it; empty in older runs.")
    beta = serializers.FloatField(help_text="Weight of the collaborative arm.")
    score = serializers.FloatField(source="recommendation.score")
    collaborative_part = serializers.FloatField()
    semantic_part = serializers.FloatField()
    voters = VoterSerializer(many=True, help_text="The loudest of the history, in the collaborative arm of now.")
    other_share = serializers.FloatField(help_text="What all other items of the history have of the votes, 0 to 1.")
    tag = OutputSerializer(allow_null=True, help_text="The tag nearest to the item; null: only the history speaks.")
    interest = serializers.SerializerMethodField()
    evidence = EvidenceSerializer(many=True)
    is_fitted_again = serializers.BooleanField(help_text="Retrieval was fitted since: the run saw other votes.")

    @extend_schema_field(OutputSerializer(allow_null=True))
    def get_interest(self, found: Why) -> dict[str, Any] | None:
        """The interest that the tag serves."""
        return dict(OutputSerializer(found.interest).data) if found.interest else None
