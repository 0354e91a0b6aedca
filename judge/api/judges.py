"""Judges by REST, for leads: how each model is asked, panels, and what an accepted output costs."""

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
from rest_framework.viewsets import ViewSet

from judge import costs, panels, services
from judge.api.serializers import RaterSerializer
from judge.costs import CostRow, Spent
from judge.models import JudgeProfile, Panel, PanelMember
from judge.panels import MAX_MEMBERS, MIN_MEMBERS, PanelError, Seat
from judge.ways import Way
from recommend.api.base import (
    FilteredViewSet,
    FiniteFloatField,
    IsLead,
    Parameters,
    Query,
    StrictSerializer,
    caller,
)
from recommend.api.serializers import LanguageModelReference
from recommend.models import LanguageModel, Output

JUDGE_MODELS = LanguageModel.objects.filter(role=LanguageModel.Role.JUDGE)


class WayRequest(StrictSerializer):
    """How a judge model is asked."""

    calls = serializers.ChoiceField(choices=JudgeProfile.Calls.choices, default=JudgeProfile.Calls.OUTPUT)
    rationale = serializers.ChoiceField(choices=JudgeProfile.Rationale.choices, default=JudgeProfile.Rationale.AFTER)


class JudgeModelSerializer(serializers.ModelSerializer[LanguageModel]):
    """A judge model and how it is asked today."""

    calls = serializers.SerializerMethodField()
    rationale = serializers.SerializerMethodField()
    prompt_version = serializers.SerializerMethodField(help_text="Of the rater that it is, asked so.")

    class Meta:
        model = LanguageModel
        fields = ("id", "name", "state", "calls", "rationale", "prompt_version")

    @extend_schema_field(serializers.ChoiceField(choices=JudgeProfile.Calls.choices))
    def get_calls(self, model: LanguageModel) -> str:
        return services.way_as_read(model).calls

    @extend_schema_field(serializers.ChoiceField(choices=JudgeProfile.Rationale.choices))
    def get_rationale(self, model: LanguageModel) -> str:
        return "before" if services.way_as_read(model).reasons_first else "after"

    def get_prompt_version(self, model: LanguageModel) -> str:
        return services.way_as_read(model).version


class JudgeModelQuery(Query):
    state = serializers.ChoiceField(required=False, choices=LanguageModel.State.choices)


@extend_schema_view(
    list=extend_schema(summary="List judge models, and how each is asked", parameters=[JudgeModelQuery]),
    retrieve=extend_schema(summary="One judge model"),
)
class JudgeModelViewSet(mixins.RetrieveModelMixin, FilteredViewSet[LanguageModel]):
    """Judge models (leads only). Another way of asking is another rater: labels and passports are never mixed."""

    query = JudgeModelQuery
    queryset = JUDGE_MODELS.select_related("judge_profile")
    serializer_class = JudgeModelSerializer
    permission_classes = [IsLead]

    def filtered(self, queryset: QuerySet[LanguageModel], wanted: Mapping[str, Any]) -> QuerySet[LanguageModel]:
        return queryset.filter(state=wanted["state"]) if "state" in wanted else queryset

    @extend_schema(summary="Ask a judge model in another way", request=WayRequest, responses=JudgeModelSerializer)
    @action(detail=True, methods=["put"])
    def way(self, request: Request, pk: UUID) -> Response:
        """From now on ask it so; what it said until now stays with the rater that it was then."""
        wanted = WayRequest.body_of(request)
        services.set_way(self.get_object(), **wanted)
        return Response(self.get_serializer(self.get_object()).data)


class PanelMemberSerializer(serializers.ModelSerializer[PanelMember]):
    judge = RaterSerializer(source="rater", read_only=True)
    measured = serializers.DictField(read_only=True, help_text="{kind: {criterion: [of a vote to pass, to fail]}}")

    class Meta:
        model = PanelMember
        fields = ("judge", "weight", "measured")


class PanelSerializer(serializers.ModelSerializer[Panel]):
    """A panel, and the rater that it is."""

    judge = RaterSerializer(source="rater", read_only=True)
    members = PanelMemberSerializer(many=True, read_only=True)

    class Meta:
        model = Panel
        fields = ("id", "name", "vote", "is_serving", "judge", "members", "created_at")


class SeatRequest(StrictSerializer):
    """A member: a judge model in a way."""

    language_model = serializers.PrimaryKeyRelatedField(queryset=JUDGE_MODELS)
    calls = serializers.ChoiceField(choices=JudgeProfile.Calls.choices, default=JudgeProfile.Calls.OUTPUT)
    rationale = serializers.ChoiceField(choices=JudgeProfile.Rationale.choices, default=JudgeProfile.Rationale.AFTER)
    weight = FiniteFloatField(default=1.0, help_text="Above 0; counts only where weights are given.")


class PanelRequest(StrictSerializer):
    name = serializers.CharField(max_length=100)
    vote = serializers.ChoiceField(choices=Panel.Vote.choices, default=Panel.Vote.MAJORITY)
    members = SeatRequest(many=True, help_text=f"{MIN_MEMBERS} to {MAX_MEMBERS} of them.")


class ServingRequest(StrictSerializer):
    is_serving = serializers.BooleanField()


class PanelQuery(Query):
    is_serving = serializers.BooleanField(required=False, allow_null=True, default=None)


@extend_schema_view(
    list=extend_schema(summary="List panels of judges", parameters=[PanelQuery]),
    retrieve=extend_schema(summary="One panel, with its members"),
)
class PanelViewSet(mixins.RetrieveModelMixin, FilteredViewSet[Panel]):
    """Panels (leads only): judges made of several. A panel never changes, but for whether it serves."""

    query = PanelQuery
    queryset = Panel.objects.select_related("rater__language_model", "rater__user").prefetch_related(
        "members__rater__language_model", "members__rater__panel", "members__rater__user"
    )
    serializer_class = PanelSerializer
    permission_classes = [IsLead]

    def filtered(self, queryset: QuerySet[Panel], wanted: Mapping[str, Any]) -> QuerySet[Panel]:
        return queryset if wanted["is_serving"] is None else queryset.filter(is_serving=wanted["is_serving"])

    @extend_schema(summary="Make a panel", request=PanelRequest, responses={201: PanelSerializer})
    def create(self, request: Request) -> Response:
        """Make a panel of judge models, each asked in one way."""
        given = PanelRequest.body_of(request)
        seats = [
            Seat(one["language_model"], Way(one["rationale"] == "before", one["calls"]), one["weight"])
            for one in given["members"]
        ]
        try:
            made = panels.make(given["name"], vote=given["vote"], seats=seats, by=caller(request))
        except PanelError as error:
            raise serializers.ValidationError({error.field: [str(error)]}) from error
        return Response(self.get_serializer(self.get_queryset().get(pk=made.pk)).data, status.HTTP_201_CREATED)

    @extend_schema(summary="Have a panel judge, or not", request=ServingRequest, responses=PanelSerializer)
    @action(detail=True, methods=["put"])
    def serving(self, request: Request, pk: UUID) -> Response:
        """Whether it judges what is made from now on, in the place of any other and of the model that serves."""
        wanted = ServingRequest.body_of(request)
        panels.set_serving(self.get_object(), wanted["is_serving"])
        return Response(self.get_serializer(self.get_object()).data)


class SpentSerializer(serializers.Serializer[Spent]):
    prompt_tokens = serializers.IntegerField()
    completion_tokens = serializers.IntegerField()
    seconds = serializers.FloatField()
    money = serializers.DecimalField(
        None, 9, allow_null=True, help_text="In the currency of the models' prices; null where one has none."
    )


class CostSerializer(serializers.Serializer[CostRow]):
    """One judge on the outputs of one model, whole and by output that it passed."""

    judge = RaterSerializer()
    model = LanguageModelReference()
    n_judged = serializers.IntegerField()
    n_unusable = serializers.IntegerField()
    n_accepted = serializers.IntegerField()
    judging = SpentSerializer(help_text="Of the judge; a panel's calls are those of its members, too.")
    making = SpentSerializer(help_text="Of the generations whose outputs it judged.")
    judging_per_accepted = serializers.SerializerMethodField(help_text="Null where it accepted none.")
    making_per_accepted = serializers.SerializerMethodField(help_text="Null where it accepted none.")

    @extend_schema_field(SpentSerializer(allow_null=True))
    def get_judging_per_accepted(self, row: CostRow) -> Any:
        return SpentSerializer(row.per_accepted[0]).data if row.per_accepted else None

    @extend_schema_field(SpentSerializer(allow_null=True))
    def get_making_per_accepted(self, row: CostRow) -> Any:
        return SpentSerializer(row.per_accepted[1]).data if row.per_accepted else None


class CostsSerializer(serializers.Serializer[Any]):
    results = CostSerializer(many=True)


class CostQuery(Parameters):
    kind = serializers.ChoiceField(default=Output.Kind.INTEREST, choices=Output.Kind.choices)
    days = serializers.IntegerField(default=costs.DAYS, min_value=1, max_value=costs.MAX_DAYS)


class JudgeCostViewSet(ViewSet):
    """What judging and making an accepted output takes (leads only)."""

    permission_classes = [IsLead]

    @extend_schema(summary="What an accepted output costs", parameters=[CostQuery], responses=CostsSerializer)
    def list(self, request: Request) -> Response:
        """By judge and generating model, over the last days. A panel's rows hold its members' calls: do not sum."""
        wanted = CostQuery.of(request)
        found = costs.costs(wanted["kind"], days=wanted["days"])
        return Response(CostsSerializer({"results": found}).data)
