"""What the API says of how popular a run's items are, and how diverse."""

from __future__ import annotations

from rest_framework import serializers

from recommend.api.serializers import ItemReference
from recommend.exposure import Diversity, Exposed, Exposure, Placed


class DiversitySerializer(serializers.Serializer[Diversity]):
    n = serializers.IntegerField(help_text="Different categories, by the first two levels of the path.")
    effective = serializers.FloatField(help_text="As mixed as so many even ones: exp of the entropy.")


class PlacedSerializer(serializers.Serializer[Placed]):
    rank = serializers.IntegerField(help_text="In its list.")
    item = ItemReference()
    n_behaviors = serializers.IntegerField(source="item.n_behaviors", help_text="Counted by the last fit.")
    place = serializers.IntegerField(help_text="By popularity, 1 for the most popular.")
    is_tail = serializers.BooleanField(help_text="Outside the fewest items that have 80 % of all behaviours.")


class ExposedSerializer(serializers.Serializer[Exposed]):
    tail_share = serializers.FloatField(allow_null=True, help_text="Of the list, 0 to 1; null for an empty one.")
    median_place = serializers.IntegerField(allow_null=True)
    exposed = DiversitySerializer(help_text="Of the categories that are exposed.")
    items = PlacedSerializer(many=True)


class ExposureSerializer(serializers.Serializer[Exposure]):
    """A run's list beside the most popular items, of which there are as many."""

    run = ExposedSerializer()
    baseline = ExposedSerializer()
    n_items = serializers.IntegerField(help_text="Items with behaviours.")
    n_head = serializers.IntegerField(help_text="Those of them that are not the tail.")
    clicked = DiversitySerializer(
        allow_null=True,
        help_text="Of the listed items that the shopper did something with since; null where nothing is known since.",
    )
