"""Passports of judges and the checks behind them, by REST; for leads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from judge import passports
from judge.api.serializers import RaterSerializer, RubricReference
from judge.checks import runner, services
from judge.checks.planning import MAX_BUDGET, MIN_BUDGET
from judge.checks.runner import CheckError, CheckRunningError
from judge.models import JudgeCheck, Passport, Rater
from recommend.api import queries
from recommend.api.base import EmptyRequest, FilteredViewSet, IsLead, Query, StrictSerializer, caller
from recommend.api.errors import ConflictError
from recommend.models import JobState, Output

JUDGES = Rater.objects.filter(user__isnull=True)


class JudgeCheckSerializer(serializers.ModelSerializer[JudgeCheck]):
    """A check and how far it is."""

    judge = RaterSerializer(source="rater", read_only=True)
    rubric = RubricReference(read_only=True)
    state = serializers.ChoiceField(choices=JobState.choices, read_only=True)
    is_active = serializers.BooleanField(read_only=True)
    n_questions = serializers.IntegerField(read_only=True)
    n_answered = serializers.IntegerField(read_only=True)
    passport = serializers.SerializerMethodField(help_text="Id of the passport that it gave; null before.")

    class Meta:
        model = JudgeCheck
        fields = (
            "id",
            "judge",
            "rubric",
            "state",
            "is_active",
            "budget",
            "seed",
            "n_questions",
            "n_answered",
            "error",
            "passport",
            "created_at",
            "finished_at",
        )

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_passport(self, check: JudgeCheck) -> UUID | None:
        passport: Passport | None = getattr(check, "passport", None)
        return passport.pk if passport else None


class JudgeCheckRequest(StrictSerializer):
    kind = serializers.ChoiceField(choices=Output.Kind.choices)
    judge = serializers.PrimaryKeyRelatedField(
        queryset=JUDGES, required=False, help_text="A judge's id; the one that serves if not given."
    )
    budget = serializers.IntegerField(
        required=False, min_value=MIN_BUDGET, max_value=MAX_BUDGET, help_text="Most questions that the judge is asked."
    )
    seed = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)


class PassportSerializer(serializers.ModelSerializer[Passport]):
    """What was measured of a judge, and whether that still holds."""

    judge = RaterSerializer(source="rater", read_only=True)
    rubric = RubricReference(read_only=True)
    check_id = serializers.UUIDField(source="judge_check_id", read_only=True)
    standing = serializers.SerializerMethodField()
    reason = serializers.SerializerMethodField(help_text="Why it holds or does not, in words.")
    version = serializers.DictField(child=serializers.CharField(), read_only=True)
    figures = serializers.DictField(read_only=True, help_text="Each with value, low, high, n, n_clusters and note.")
    measured_on = serializers.DictField(read_only=True)

    class Meta:
        model = Passport
        fields = (
            "id",
            "judge",
            "rubric",
            "check_id",
            "standing",
            "reason",
            "version",
            "figures",
            "measured_on",
            "created_at",
        )

    def to_representation(self, instance: Passport) -> dict[str, Any]:
        # Asked once for each passport: it takes queries of its own.
        self._validity = passports.validity_of(instance)
        return super().to_representation(instance)

    @extend_schema_field(serializers.ChoiceField(choices=[passports.Standing.VALID, passports.Standing.EXPIRED]))
    def get_standing(self, passport: Passport) -> str:
        return self._validity.standing.value

    def get_reason(self, passport: Passport) -> str:
        return self._validity.reason


class JudgeCheckQuery(Query):
    kind = serializers.ChoiceField(required=False, choices=Output.Kind.choices)
    state = serializers.ChoiceField(required=False, choices=JobState.choices)


class PassportQuery(Query):
    kind = serializers.ChoiceField(required=False, choices=Output.Kind.choices)
    judge = serializers.UUIDField(required=False)


@extend_schema_view(
    list=extend_schema(summary="List checks of judges", parameters=[JudgeCheckQuery]),
    retrieve=extend_schema(summary="One check, with its progress"),
)
class JudgeCheckViewSet(mixins.RetrieveModelMixin, FilteredViewSet[JudgeCheck]):
    """Automatic checks of judges (leads only): planted defects, repeats, order, length, orders to the judge."""

    query = JudgeCheckQuery
    queryset = JudgeCheck.objects.with_progress().select_related("passport")
    serializer_class = JudgeCheckSerializer
    permission_classes = [IsLead]

    def filtered(self, queryset: QuerySet[JudgeCheck], wanted: Mapping[str, Any]) -> QuerySet[JudgeCheck]:
        kind = {"rubric__kind": wanted["kind"]} if "kind" in wanted else {}
        return queryset.filter(queries.exact(wanted, "state"), **kind)

    @extend_schema(summary="Start a check", request=JudgeCheckRequest, responses={202: JudgeCheckSerializer})
    def create(self, request: Request) -> Response:
        """Start a check; ask its address for the progress. One runs at a time for a judge and kind."""
        wanted = JudgeCheckRequest.body_of(request)
        try:
            check = services.start(by=caller(request), **wanted)
        except CheckRunningError as running:
            raise ConflictError(str(running), "check-running") from running
        except CheckError as error:
            raise serializers.ValidationError({error.field or "kind": [str(error)]}) from error
        return Response(self.get_serializer(self.get_queryset().get(pk=check.pk)).data, status.HTTP_202_ACCEPTED)

    @extend_schema(summary="Cancel a check", request=EmptyRequest, responses={200: JudgeCheckSerializer})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Stop a check: answers stay, no more is asked."""
        EmptyRequest.body_of(request)
        runner.cancel(self.get_object())
        return Response(self.get_serializer(self.get_object()).data)


@extend_schema_view(
    list=extend_schema(summary="List passports of judges", parameters=[PassportQuery]),
    retrieve=extend_schema(summary="One passport"),
)
class PassportViewSet(mixins.RetrieveModelMixin, FilteredViewSet[Passport]):
    """Passports (leads only): what was measured of a judge for a kind of output, and whether that still holds."""

    query = PassportQuery
    queryset = Passport.objects.select_related("rater__language_model", "rater__panel", "rater__user", "rubric")
    serializer_class = PassportSerializer
    permission_classes = [IsLead]

    def filtered(self, queryset: QuerySet[Passport], wanted: Mapping[str, Any]) -> QuerySet[Passport]:
        names = {"kind": "rubric__kind", "judge": "rater"}
        return queryset.filter(**{names[name]: wanted[name] for name in names if name in wanted})
