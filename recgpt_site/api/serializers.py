"""Outputs together with what people and judges said of them: the answers that join `recommend` and `judge`."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework.serializers import SerializerMethodField

from judge.api.serializers import AssessmentSerializer
from recommend.api import serializers
from recommend.models import Output


class JudgedOutputSerializer(serializers.OutputSerializer):
    """An output with the assessments that the caller may see: context["assessments"] has them by output id."""

    assessments = SerializerMethodField()

    class Meta(serializers.OutputSerializer.Meta):
        fields = (*serializers.OutputSerializer.Meta.fields, "assessments")  # type: ignore[assignment]

    @extend_schema_field(AssessmentSerializer(many=True))
    def get_assessments(self, output: Output) -> list[dict[str, Any]]:
        return list(AssessmentSerializer(self.context["assessments"].get(output.pk, []), many=True).data)


class JudgedInterestSerializer(serializers.InterestSerializer, JudgedOutputSerializer):
    tags = JudgedOutputSerializer(many=True, read_only=True)

    class Meta(JudgedOutputSerializer.Meta):
        fields = (*JudgedOutputSerializer.Meta.fields, "tags")  # type: ignore[assignment]


class JudgedRecommendationSerializer(serializers.RecommendationSerializer):
    explanation = JudgedOutputSerializer(allow_null=True)


class JudgedRunSerializer(serializers.RunDetailSerializer):
    """A run with everything that is stored of it, assessments included."""

    interests = JudgedInterestSerializer(many=True, read_only=True)
    recommendations = JudgedRecommendationSerializer(source="cards", many=True, read_only=True)


class JudgedGenerationSerializer(serializers.GenerationDetailSerializer):
    """A call with what went in, what came out, and what was said of it."""

    outputs = JudgedOutputSerializer(many=True, read_only=True)
