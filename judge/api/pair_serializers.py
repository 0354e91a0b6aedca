"""What the API says of pairs to compare, and of what people preferred."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from recommend.api.quick import Quick
from recommend.models import Output


class PairOutputSerializer(Quick, serializers.ModelSerializer[Output]):
    """One output of an answer, without what would tell whose it is."""

    interest = serializers.CharField(source="parent.text", read_only=True, default=None, allow_null=True)
    item = serializers.CharField(source="item.title", read_only=True, default=None, allow_null=True)

    class Meta:
        model = Output
        fields = ("kind", "position", "text", "reason", "stage", "interest", "item", "evidence")


class WhoseSerializer(serializers.Serializer[Any]):
    population = serializers.ChoiceField(choices=("A", "B"))
    model = serializers.CharField()
    prompt_version = serializers.CharField()


class SideSerializer(serializers.Serializer[Any]):
    outputs = PairOutputSerializer(many=True)
    whose = WhoseSerializer(allow_null=True, help_text="Once you were told: `reveal/`, after submitting.")


class ChoiceOptionSerializer(serializers.Serializer[Any]):
    value = serializers.CharField()
    title = serializers.CharField()


class PairSerializer(serializers.Serializer[Any]):
    """Two answers, by side; answer with {assignment id: {"labels": {"preference": value}, "comment": text}}."""

    left = SideSerializer()
    right = SideSerializer()
    question = serializers.CharField()
    options = ChoiceOptionSerializer(many=True)
    chosen = ChoiceOptionSerializer(allow_null=True, help_text="Your choice, or that of your draft.")


class PreferenceFigure(serializers.Serializer[Any]):
    figure = serializers.CharField()
    title = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    pairs = serializers.IntegerField()
    shoppers = serializers.IntegerField()
    note = serializers.CharField(help_text="Why a part is null.")


class PreferencesSerializer(serializers.Serializer[Any]):
    """What the choices of a campaign come to; shares from 0 to 1."""

    n_pairs = serializers.IntegerField()
    n_choices = serializers.IntegerField()
    n_shoppers = serializers.IntegerField()
    n_raters = serializers.IntegerField()
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="{a, b, both, neither: choices}")
    figures = PreferenceFigure(many=True)
