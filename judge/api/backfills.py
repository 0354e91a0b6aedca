"""Backfills by REST, for leads: a judge is asked, within a budget, about what is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from judge import services as judges
from judge.api.judges import JUDGE_MODELS
from judge.api.serializers import RaterSerializer, RubricReference
from judge.backfill_forms import MAX_CALLS, MAX_MONEY
from judge.backfills import estimates, runner, services
from judge.backfills.estimates import Estimate
from judge.backfills.runner import BackfillError, BackfillRunningError
from judge.frames import Population
from judge.models import Backfill, JudgeProfile, Rater, Rubric
from judge.services import KIND_OF_STAGE
from judge.ways import Way
from recommend.api import queries
from recommend.api.base import EmptyRequest, FilteredViewSet, IsLead, Query, StrictSerializer, caller
from recommend.api.errors import ConflictError
from recommend.models import JobState, LanguageModel, Output, Stage


class BackfillSerializer(serializers.ModelSerializer[Backfill]):
    """A backfill, how far it is, and what came of it so far."""

    judge = RaterSerializer(source="rater", read_only=True)
    rubric = RubricReference(read_only=True)
    state = serializers.ChoiceField(choices=JobState.choices, read_only=True)
    is_active = serializers.BooleanField(read_only=True)
    is_paused = serializers.BooleanField(read_only=True)
    n_skipped = serializers.IntegerField(read_only=True, help_text="Outputs that had been judged already.")
    n_left = serializers.IntegerField(read_only=True, help_text="Outputs still to be asked about, or never asked.")
    n_failed = serializers.IntegerField(read_only=True, help_text="Answers of no use.")
    failures = serializers.DictField(child=serializers.IntegerField(), read_only=True, help_text="{reason: outputs}")
    asked_per_minute = serializers.FloatField(read_only=True, allow_null=True, help_text="While workers were at it.")
    tokens_per_accepted = serializers.IntegerField(read_only=True, allow_null=True)
    money_per_accepted = serializers.DecimalField(
        None, 9, read_only=True, allow_null=True, help_text="In the currency of the models' prices; null without."
    )

    class Meta:
        model = Backfill
        fields = (
            *("id", "judge", "rubric", "state", "is_active", "is_paused", "is_spent", "error"),
            *("stage", "population_models", "prompt_versions", "created_from", "created_until"),
            *("again", "max_calls", "max_money"),
            *("n_outputs", "n_to_ask", "n_asked", "n_accepted", "n_failed", "failures", "n_skipped", "n_left"),
            *("n_calls", "prompt_tokens", "completion_tokens", "money", "asked_per_minute"),
            *("tokens_per_accepted", "money_per_accepted", "created_at", "finished_at"),
        )
        read_only_fields = fields


class BackfillRequest(StrictSerializer):
    """Who is asked about what, and for how much. Of the judge give an id, or a model and a way; neither: who serves."""

    judge = serializers.PrimaryKeyRelatedField(
        queryset=Rater.objects.filter(user__isnull=True).select_related("language_model", "panel"),
        required=False,
        help_text="The id of a judge that has been one before, such as a panel's.",
    )
    language_model = serializers.PrimaryKeyRelatedField(queryset=JUDGE_MODELS, required=False)
    calls = serializers.ChoiceField(choices=JudgeProfile.Calls.choices, default=JudgeProfile.Calls.OUTPUT)
    rationale = serializers.ChoiceField(choices=JudgeProfile.Rationale.choices, default=JudgeProfile.Rationale.AFTER)
    stage = serializers.ChoiceField(choices=Stage.choices)
    rubric = serializers.PrimaryKeyRelatedField(
        required=False, queryset=Rubric.objects.fixed(), help_text="A fixed one. Default: the one in use."
    )
    population_models = serializers.PrimaryKeyRelatedField(
        queryset=LanguageModel.objects.all(), many=True, required=False, help_text="None: every model's generations."
    )
    prompt_versions = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, help_text="None: every one."
    )
    created_from = serializers.DateField(required=False, allow_null=True)
    created_until = serializers.DateField(required=False, allow_null=True)
    again = serializers.BooleanField(default=False, help_text="Ask again where an earlier answer was of no use.")
    max_calls = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=MAX_CALLS, help_text="Most calls to the judge."
    )
    max_money = serializers.DecimalField(
        14, 6, required=False, allow_null=True, min_value=0, max_value=MAX_MONEY, help_text="Most money."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "judge" in attrs and "language_model" in attrs:
            raise serializers.ValidationError({"language_model": ["Give either this or judge, not both."]})
        first, last = attrs.get("created_from"), attrs.get("created_until")
        if first and last and last < first:
            raise serializers.ValidationError({"created_until": [f"{last} is before {first}, the first day."]})
        return attrs

    def asked(self) -> dict[str, Any]:
        """What `estimates.estimate` and `services.start` take. Raises ValidationError where nobody can be asked."""
        given = self.validated_data
        models = given.get("population_models", [])
        return {
            "judge": self._judge(),
            "rubric": given.get("rubric") or Rubric.objects.current(KIND_OF_STAGE[Stage(given["stage"])]),
            "population": Population(
                given["stage"],
                tuple(model.pk for model in models),
                tuple(given.get("prompt_versions", [])),
                given.get("created_from"),
                given.get("created_until"),
            ),
            **{name: given.get(name) for name in ("max_calls", "max_money")},
            "again": given["again"],
        }

    def _judge(self) -> Rater:
        given = self.validated_data
        if "judge" in given:
            judge: Rater = given["judge"]
            return judge
        if "language_model" in given:
            way = Way(given["rationale"] == JudgeProfile.Rationale.BEFORE, given["calls"])
            return judges.rater_for_model(given["language_model"], way.version)
        try:
            return judges.serving_judge()
        except LanguageModel.DoesNotExist as missing:
            raise serializers.ValidationError({"judge": [str(missing)]}) from missing


class BackfillEstimateSerializer(serializers.Serializer[Estimate]):
    """What it would come to now."""

    n_outputs = serializers.IntegerField(help_text="Kept outputs of the population.")
    n_judged = serializers.IntegerField(help_text="Of these, skipped, as they are judged already.")
    n_to_ask = serializers.IntegerField()
    n_again = serializers.IntegerField(help_text="Of these, asked again, as the earlier answer was of no use.")
    n_calls = serializers.IntegerField(help_text="Most calls for all of them.")
    tokens = serializers.IntegerField(allow_null=True, help_text="As its last answers took; null before the first.")
    money = serializers.DecimalField(None, 9, allow_null=True)
    affordable = serializers.IntegerField(allow_null=True, help_text="Outputs that the budget buys by this.")


class BackfillQuery(Query):
    kind = serializers.ChoiceField(required=False, choices=Output.Kind.choices)
    state = serializers.ChoiceField(required=False, choices=JobState.choices)
    judge = serializers.UUIDField(required=False)


@extend_schema_view(
    list=extend_schema(summary="List backfills", parameters=[BackfillQuery]),
    retrieve=extend_schema(summary="One backfill, with its progress or report"),
)
class BackfillViewSet(mixins.RetrieveModelMixin, FilteredViewSet[Backfill]):
    """Backfills (leads only): a judge is asked about what is stored, within a budget, and nothing twice."""

    query = BackfillQuery
    queryset = Backfill.objects.select_related(
        "rater__language_model", "rater__panel", "rater__user", "rubric"
    ).prefetch_related("population_models")
    serializer_class = BackfillSerializer
    permission_classes = [IsLead]

    def filtered(self, queryset: QuerySet[Backfill], wanted: Mapping[str, Any]) -> QuerySet[Backfill]:
        names = {"kind": "rubric__kind", "judge": "rater"}
        by = {names[name]: wanted[name] for name in names if name in wanted}
        return queryset.filter(queries.exact(wanted, "state"), **by)

    @extend_schema(
        summary="Start a backfill",
        request=BackfillRequest,
        responses={
            202: BackfillSerializer,
            409: OpenApiResponse(description="One of its models is being asked already."),
        },
    )
    def create(self, request: Request) -> Response:
        """Start it; ask its address for the progress. It takes a budget: calls, money or both."""
        wanted = BackfillRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        try:
            made = services.start(by=caller(request), **wanted.asked())
        except BackfillRunningError as running:
            raise ConflictError(str(running), "backfill-running") from running
        except BackfillError as error:
            raise serializers.ValidationError({error.field or "stage": [str(error)]}) from error
        return Response(self.get_serializer(self.get_queryset().get(pk=made.pk)).data, status.HTTP_202_ACCEPTED)

    @extend_schema(summary="Estimate a backfill", request=BackfillRequest, responses=BackfillEstimateSerializer)
    @action(detail=False, methods=["post"])
    def estimate(self, request: Request) -> Response:
        """What it would ask and take, before anything is started; the budget may be left out."""
        wanted = BackfillRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        return Response(BackfillEstimateSerializer(estimates.estimate(**wanted.asked())).data)

    @extend_schema(summary="Pause a backfill", request=EmptyRequest, responses={200: BackfillSerializer})
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: UUID) -> Response:
        """Ask no more for now: answers stay."""
        return self._steered(request, runner.pause)

    @extend_schema(summary="Resume a backfill", request=EmptyRequest, responses={200: BackfillSerializer})
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: UUID) -> Response:
        """Go on; one that is not paused stays as it is."""
        return self._steered(request, services.resume)

    @extend_schema(summary="Cancel a backfill", request=EmptyRequest, responses={200: BackfillSerializer})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Stop it for good: answers stay, no more is asked."""
        return self._steered(request, runner.cancel)

    def _steered(self, request: Request, steer: Callable[[Backfill], Backfill]) -> Response:
        EmptyRequest.body_of(request)
        steer(self.get_object())
        return Response(self.get_serializer(self.get_object()).data)
