"""Proposed edits of a judge's prompt and their trials, by REST; for leads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from judge.answers import MAX_TEXT
from judge.api.serializers import RaterSerializer, RubricReference
from judge.models import Proposal, Rater, Trial
from judge.proposals import pages, plugins, results, services, switching, trials
from judge.proposals.optimizers import ProposalError
from judge.proposals.proposing import propose
from judge.proposals.trials import BUDGET, MAX_BUDGET, MIN_BUDGET, TrialRunningError
from recommend.api import queries
from recommend.api.base import EmptyRequest, FilteredViewSet, IsLead, Query, StrictSerializer, caller
from recommend.api.errors import ConflictError
from recommend.models import JobState, Output


class OptimizerSerializer(serializers.Serializer[Any]):
    path = serializers.CharField(help_text="What a proposal names it by.")
    title = serializers.CharField()


class ReasonSerializer(serializers.Serializer[Any]):
    criterion = serializers.CharField()
    why = serializers.CharField(help_text="In the optimiser's words.")


class EstimateSerializer(serializers.Serializer[Any]):
    """A figure with its interval at 95%, by shopper; `note` says why a part of it is null."""

    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField()
    n_clusters = serializers.IntegerField(help_text="Shoppers.")
    note = serializers.CharField()


class PairedFigureSerializer(serializers.Serializer[Any]):
    """One figure under both prompts, 0 to 1, and the difference: proposed less current."""

    name = serializers.ChoiceField(choices=["agreement", "tpr", "tnr"])
    title = serializers.CharField()
    current = EstimateSerializer(source="first")
    proposed = EstimateSerializer(source="second")
    difference = EstimateSerializer()
    standing = serializers.ChoiceField(choices=["better", "worse", "alike", "undecided"])
    labels_needed = serializers.IntegerField(allow_null=True, help_text="About how many would tell them apart.")
    sentence = serializers.CharField()


class ResultRowSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="Of the criterion; “overall” for all together, which comes first.")
    title = serializers.CharField()
    figures = PairedFigureSerializer(many=True)


class ResultSerializer(serializers.Serializer[Any]):
    """What a finished trial found."""

    rows = ResultRowSerializer(many=True)
    n_compared = serializers.IntegerField(help_text="Outputs with a usable answer under both prompts.")
    n_decided = serializers.IntegerField(help_text="Of these, decided by a lead.")
    n_earlier = serializers.IntegerField(help_text="Other proposals tried against the same prompt before.")
    warnings = serializers.ListField(child=serializers.CharField())


class TrialSerializer(serializers.ModelSerializer[Trial]):
    """A trial, how far it is, and what it found."""

    state = serializers.ChoiceField(choices=JobState.choices, read_only=True)
    is_active = serializers.BooleanField(read_only=True)
    n_questions = serializers.IntegerField(read_only=True)
    n_answered = serializers.IntegerField(read_only=True)
    held_out = serializers.DictField(
        child=serializers.IntegerField(), read_only=True, help_text="How many outputs there are, and are left out why."
    )
    result = serializers.SerializerMethodField(help_text="null until it is done.")

    class Meta:
        model = Trial
        fields = (
            "id",
            "proposal",
            "state",
            "is_active",
            "budget",
            "seed",
            "n_questions",
            "n_answered",
            "held_out",
            "result",
            "error",
            "created_at",
            "finished_at",
        )

    @extend_schema_field(ResultSerializer(allow_null=True))
    def get_result(self, trial: Trial) -> dict[str, Any] | None:
        found = results.result(trial)
        return dict(ResultSerializer(found).data) if found else None


class ProposalSerializer(serializers.ModelSerializer[Proposal]):
    """A proposed edit: a draft of a rubric, which `rubrics/` has in full, with what changed."""

    judge = RaterSerializer(source="rater", read_only=True)
    current = RubricReference(read_only=True)
    draft = RubricReference(read_only=True)
    reasons = ReasonSerializer(many=True, read_only=True)
    n_fed_shoppers = serializers.SerializerMethodField(help_text="Whose corrections the optimiser saw.")

    class Meta:
        model = Proposal
        fields = (
            "id",
            "judge",
            "current",
            "draft",
            "optimizer",
            "reasons",
            "n_corrections",
            "n_fed_shoppers",
            "switched_on_at",
            "without_trial",
            "created_at",
        )

    def get_n_fed_shoppers(self, proposal: Proposal) -> int:
        return len(proposal.fed_shoppers)


class ProposalDetailSerializer(ProposalSerializer):
    """A proposed edit, and whether it may be switched on."""

    obstacle = serializers.SerializerMethodField(
        help_text="Why only an admin may switch it on, with a reason; empty where a trial allows it, or it is on."
    )

    class Meta(ProposalSerializer.Meta):
        fields = (*ProposalSerializer.Meta.fields, "obstacle")  # type: ignore[assignment]  # one more than the base's tuple

    def get_obstacle(self, proposal: Proposal) -> str:
        return "" if proposal.switched_on_at else switching.obstacle(proposal)


class ProposalRequest(StrictSerializer):
    kind = serializers.ChoiceField(choices=Output.Kind.choices)
    judge = serializers.PrimaryKeyRelatedField(
        queryset=Rater.objects.filter(user__isnull=True),
        required=False,
        help_text="A judge's id; the one that serves if not given.",
    )
    optimizer = serializers.CharField(required=False, help_text="Its path; the first of `optimizers/` if not given.")
    seed = serializers.IntegerField(
        required=False, min_value=0, max_value=2**31 - 1, help_text="Of which shoppers' corrections feed it."
    )


class SwitchOnRequest(StrictSerializer):
    reason = serializers.CharField(
        default="", allow_blank=True, max_length=MAX_TEXT, help_text="Of an admin, where no trial allows it."
    )


class TrialRequest(StrictSerializer):
    proposal = serializers.PrimaryKeyRelatedField(queryset=Proposal.objects.select_related(*pages.READ_ALONG))
    budget = serializers.IntegerField(
        default=BUDGET, min_value=MIN_BUDGET, max_value=MAX_BUDGET, help_text="Most questions: two for each output."
    )
    seed = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)


class ProposalQuery(Query):
    kind = serializers.ChoiceField(required=False, choices=Output.Kind.choices)


class TrialQuery(Query):
    proposal = serializers.UUIDField(required=False)
    state = serializers.ChoiceField(required=False, choices=JobState.choices)


@contextmanager
def refusing(field: str) -> Iterator[None]:
    """Turns a proposal's refusals into those of the API; `field` is at fault where a refusal names none."""
    try:
        yield
    except TrialRunningError as running:
        raise ConflictError(str(running), "trial-running") from running
    except ProposalError as error:
        raise serializers.ValidationError({error.field or field: [str(error)]}) from error


@extend_schema_view(
    list=extend_schema(summary="List proposed edits", parameters=[ProposalQuery]),
    retrieve=extend_schema(summary="One proposed edit", responses=ProposalDetailSerializer),
)
class ProposalViewSet(mixins.RetrieveModelMixin, FilteredViewSet[Proposal]):
    """Proposed edits of a judge's prompt (leads only), made from what leads decided."""

    query = ProposalQuery
    queryset = Proposal.objects.select_related(*pages.READ_ALONG)
    permission_classes = [IsLead]

    def get_serializer_class(self) -> type[ProposalSerializer]:
        # What stands in the way takes queries of its own for each.
        return ProposalSerializer if self.action == "list" else ProposalDetailSerializer

    def filtered(self, queryset: QuerySet[Proposal], wanted: Mapping[str, Any]) -> QuerySet[Proposal]:
        return queryset.filter(current__kind=wanted["kind"]) if "kind" in wanted else queryset

    @extend_schema(summary="Propose an edit", request=ProposalRequest, responses={201: ProposalDetailSerializer})
    def create(self, request: Request) -> Response:
        """Have an optimiser propose an edit; half of the shoppers with decided outputs feed it."""
        wanted = ProposalRequest.body_of(request)
        with refusing("kind"):
            made = propose(by=caller(request), **wanted)
        return Response(self.get_serializer(made).data, status.HTTP_201_CREATED)

    @extend_schema(
        summary="Switch it on",
        request=SwitchOnRequest,
        responses={200: ProposalDetailSerializer, 409: OpenApiResponse(description="No trial allows it, or it is on.")},
    )
    @action(detail=True, methods=["post"], url_path="switch-on")
    def switch_on(self, request: Request, pk: UUID) -> Response:
        """Fix the draft and have judges go by it, after a trial that allows it; else an admin gives a reason."""
        wanted = SwitchOnRequest.body_of(request)
        try:
            switching.switch_on(self.get_object(), by=caller(request), **wanted)
        except ProposalError as error:
            raise ConflictError(str(error), "not-tried") from error
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(summary="List optimisers", responses=OptimizerSerializer(many=True))
    @action(detail=False, pagination_class=None, filter_backends=[])
    def optimizers(self, request: Request) -> Response:
        """The optimisers that this site has, the usual one first."""
        found = [{"path": path, "title": title} for path, title in plugins.choices()]
        return Response(OptimizerSerializer(found, many=True).data)


@extend_schema_view(
    list=extend_schema(summary="List trials of proposed edits", parameters=[TrialQuery]),
    retrieve=extend_schema(summary="One trial, with its progress and what it found"),
)
class TrialViewSet(mixins.RetrieveModelMixin, FilteredViewSet[Trial]):
    """Trials of proposed edits (leads only): the judge under both prompts, on labels that the proposal has not seen."""

    query = TrialQuery
    queryset = Trial.objects.with_progress()
    serializer_class = TrialSerializer
    permission_classes = [IsLead]

    def filtered(self, queryset: QuerySet[Trial], wanted: Mapping[str, Any]) -> QuerySet[Trial]:
        return queryset.filter(queries.exact(wanted, "proposal", "state"))

    @extend_schema(
        summary="Start a trial",
        request=TrialRequest,
        responses={202: TrialSerializer, 409: OpenApiResponse(description="It is being tried already.")},
    )
    def create(self, request: Request) -> Response:
        """Start a trial; ask its address for the progress. One runs at a time for a proposal."""
        wanted = TrialRequest.body_of(request)
        with refusing("proposal"):
            trial = services.start_trial(by=caller(request), **wanted)
        return Response(self.get_serializer(self.get_queryset().get(pk=trial.pk)).data, status.HTTP_202_ACCEPTED)

    @extend_schema(summary="Cancel a trial", request=EmptyRequest, responses={200: TrialSerializer})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Stop a trial: answers stay, no more is asked."""
        EmptyRequest.body_of(request)
        trials.cancel(self.get_object())
        return Response(self.get_serializer(self.get_object()).data)
