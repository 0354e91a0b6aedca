"""The consensus of people and judges by REST; for leads."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from judge import consensus, dashboard_figures
from judge.api.serializers import RaterSerializer, RubricReference
from judge.comparison import Filters
from judge.consensus import Found, Held, Overview
from judge.models import Rubric
from judge.statistics.report import OVERALL
from judge.stored import NotReadyError
from recommend.api.base import IsLead, Parameters, caller
from recommend.api.errors import UnavailableError
from recommend.api.serializers import OutputSerializer
from recommend.models import Output

ORDERS = ("doubtful", "differing")
COMPUTING = OpenApiResponse(description="It is being computed for the first time; `Retry-After` says when to ask.")


class ConsensusQuery(Parameters):
    kind = serializers.ChoiceField(default=Output.Kind.INTEREST, choices=Output.Kind.choices)
    campaign = serializers.UUIDField(required=False)
    model = serializers.UUIDField(required=False, help_text="The model that made the outputs.")
    judge = serializers.UUIDField(required=False, help_text="The one judge that counts; every one, if not given.")


class ConsensusOutputsQuery(ConsensusQuery):
    criterion = serializers.CharField(default=OVERALL, help_text="Its name; `overall` for passing altogether.")
    which = serializers.ChoiceField(
        default="doubtful",
        choices=ORDERS,
        help_text="Where the most probable label is below 80%, or where the judge says otherwise; the clearest first.",
    )
    limit = serializers.IntegerField(default=50, min_value=1, max_value=1000)


class RaterErrorsSerializer(serializers.Serializer[Any]):
    """How one rater labels."""

    rater = RaterSerializer()
    n = serializers.IntegerField(help_text="Labels given.")
    accuracy = serializers.FloatField(help_text="How often a label is right, 0 to 1.")
    reversed = serializers.BooleanField(help_text="Right less often than by chance.")
    expected = serializers.ListField(
        child=serializers.FloatField(), help_text="Outputs that probably deserve each label."
    )
    matrix = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField()),
        help_text="By probable label, the share of each given label; both in the order of `labels`.",
    )


class CriterionConsensusSerializer(serializers.Serializer[Any]):
    """The consensus on one criterion, or on passing altogether."""

    criterion = serializers.CharField(help_text="Its name; `overall` for passing altogether.")
    title = serializers.CharField()
    labels = serializers.ListField(child=serializers.CharField())
    note = serializers.CharField(help_text="Why there is none, or what to bear in mind; may be empty.")
    n_outputs = serializers.IntegerField(help_text="Outputs with a consensus.")
    n_shared = serializers.IntegerField(help_text="Outputs that two raters or more labelled.")
    n_doubtful = serializers.IntegerField()
    n_differing = serializers.IntegerField(help_text="Outputs on which the judge says otherwise.")
    converged = serializers.BooleanField()
    prevalence = serializers.DictField(child=serializers.FloatField(), help_text="{label: share of these outputs}")
    raters = RaterErrorsSerializer(many=True)


class ConsensusSerializer(serializers.Serializer[Any]):
    rubric = RubricReference()
    judge = RaterSerializer(allow_null=True, help_text="The one that is compared with the consensus.")
    criteria = CriterionConsensusSerializer(many=True)


class HeldSerializer(serializers.Serializer[Any]):
    """The consensus on one output."""

    output = OutputSerializer()
    consensus = serializers.CharField(help_text="The most probable label.")
    certainty = serializers.FloatField(help_text="Its probability, 0 to 1.")
    probabilities = serializers.DictField(child=serializers.FloatField(), help_text="{label: probability}")
    n_labels = serializers.IntegerField()
    judge_label = serializers.CharField(allow_null=True)


class ConsensusViewSet(ViewSet):
    """Consensus (leads only): what outputs probably deserve by everybody's labels, and how each rater errs."""

    permission_classes = [IsLead]

    @extend_schema(
        summary="The consensus of people and judges",
        parameters=[ConsensusQuery],
        responses={
            200: ConsensusSerializer,
            404: OpenApiResponse(description="There is no rubric for the kind."),
            503: COMPUTING,
        },
    )
    def list(self, request: Request) -> Response:
        """Every criterion with its raters' errors. People's first blind labels count, and judges' on the same outputs.

        Without outputs that you have in work in a blind campaign.
        """
        overview = _overview(request, ConsensusQuery.of(request))
        criteria = [_criterion(overview, found) for found in overview.found]
        return Response(
            ConsensusSerializer({"rubric": overview.rubric, "judge": overview.judge, "criteria": criteria}).data
        )

    @extend_schema(
        summary="Outputs where the consensus is doubtful, or the judge differs",
        parameters=[ConsensusOutputsQuery],
        responses={
            200: HeldSerializer(many=True),
            404: OpenApiResponse(description="No such rubric or criterion."),
            503: COMPUTING,
        },
    )
    @action(detail=False, methods=["get"])
    def outputs(self, request: Request) -> Response:
        """The least certain outputs of a criterion, or those where the judge is least probably right."""
        asked = ConsensusOutputsQuery.of(request)
        overview = _overview(request, asked)
        found = overview.of(asked["criterion"])
        if found.asked.name != asked["criterion"]:
            names = ", ".join(one.asked.name for one in overview.found)
            raise NotFound(f"There is no criterion “{asked['criterion']}”; there is {names}.")
        chosen = found.doubtful if asked["which"] == "doubtful" else found.differing
        rows = [_held(held, output) for held, output in consensus.outputs(chosen[: asked["limit"]])]
        return Response(HeldSerializer(rows, many=True).data)


def _overview(request: Request, asked: dict[str, Any]) -> Overview:
    filters = Filters(**{name: asked.get(name) for name in ("model", "campaign", "judge")}, kind=asked["kind"])
    try:
        found = dashboard_figures.consensus_on(filters).value
    except Rubric.DoesNotExist as error:
        raise NotFound(str(error)) from error
    except NotReadyError as error:
        raise UnavailableError(str(error)) from error
    return consensus.overview(filters, found, caller(request))


def _criterion(overview: Overview, found: Found) -> dict[str, Any]:
    result = found.consensus
    return {
        "criterion": found.asked.name,
        "title": found.asked.title,
        "labels": list(found.asked.labels),
        "note": result.note,
        "n_outputs": found.n,
        "n_shared": result.n_outputs,
        "n_doubtful": found.n_doubtful,
        "n_differing": found.n_differing,
        "converged": result.converged,
        "prevalence": result.prevalence,
        "raters": [
            {
                "rater": rater,
                "n": errors.n,
                "accuracy": errors.accuracy,
                "reversed": errors.reversed,
                "expected": errors.expected,
                "matrix": errors.matrix,
            }
            for rater, errors in consensus.errors_in_order(found, overview.raters)
        ],
    }


def _held(held: Held, output: Output) -> dict[str, Any]:
    return {
        "output": output,
        "consensus": held.agreed.label,
        "certainty": held.agreed.certainty,
        "probabilities": held.agreed.probabilities,
        "n_labels": held.agreed.n,
        "judge_label": held.judge or None,
    }
