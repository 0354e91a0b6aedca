"""Adjudication by REST: the same list, the same decision and the same refusals as on the lead's pages."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from judge import adjudication, dashboard_figures, disagreements
from judge.adjudication import Disagreement
from judge.answers import MAX_TEXT
from judge.api.assignments import refusing
from judge.api.serializers import AssessmentSerializer, RubricReference
from judge.comparison import Filters
from judge.disagreements import PAGE_SIZE, Place, State, Wanted
from judge.models import Resolution, Rubric
from judge.stored import NotReadyError
from judge.worth_reading import worth_reading
from recommend import audit
from recommend.api.base import IsLead, Parameters, Query, StrictSerializer, caller
from recommend.api.errors import InvalidParametersError, UnavailableError
from recommend.api.serializers import OutputSerializer
from recommend.audit import Verb
from recommend.models import Output


class DisagreementQuery(Query):
    kind = serializers.ChoiceField(default=Output.Kind.INTEREST, choices=Output.Kind.choices)
    state = serializers.ChoiceField(default=State.OPEN, choices=State.choices)
    criterion = serializers.CharField(required=False, help_text="Its name; any, if not given.")
    campaign = serializers.UUIDField(required=False)
    model = serializers.UUIDField(required=False, help_text="The model that made the outputs.")
    judge = serializers.UUIDField(required=False, help_text="A rater; the judge that serves now, if not given.")
    rubric = serializers.UUIDField(required=False, help_text="The campaign's, else the newest, if not given.")


class OneDisagreementQuery(StrictSerializer):
    judge = serializers.UUIDField(required=False, help_text="A rater; the judge that serves now, if not given.")
    rubric = serializers.UUIDField(required=False, help_text="The newest of the output's kind, if not given.")


class ResolutionSerializer(serializers.ModelSerializer[Resolution]):
    """The labels that a lead decided on; the highest revision is in force."""

    rubric = RubricReference(read_only=True)
    labels = serializers.DictField(child=serializers.CharField(), read_only=True, help_text="{criterion: label}")
    by = serializers.CharField(source="by.username", read_only=True)

    class Meta:
        model = Resolution
        fields = ("id", "output", "rubric", "revision", "labels", "passed", "reason", "by", "by_rater", "created_at")


class DisagreementRow(serializers.Serializer[Any]):
    """A contested output: where raters differ, and whether a lead has decided."""

    output = OutputSerializer()
    rubric = RubricReference()
    n_pairs = serializers.IntegerField(help_text="Pairs of raters with different labels, summed over the criteria.")
    contested = serializers.ListField(child=serializers.CharField(), help_text="Names of the criteria.")
    resolution = ResolutionSerializer(allow_null=True)


class WorthReadingQuery(Parameters):
    kind = serializers.ChoiceField(choices=Output.Kind.choices, default=Output.Kind.INTEREST)
    model = serializers.UUIDField(required=False)
    campaign = serializers.UUIDField(required=False)
    judge = serializers.UUIDField(required=False, help_text="A judge's id; the one that serves if not given.")


class WorthReadingRow(serializers.Serializer[Any]):
    """An output on which everybody who labelled it says the opposite of the judge."""

    output = OutputSerializer()
    judge_passed = serializers.BooleanField(source="surprise.judge_passed")
    confidence = serializers.FloatField(source="surprise.confidence", allow_null=True, help_text="The judge's, 0 to 1.")
    n_people = serializers.IntegerField(source="surprise.n_people")
    bits = serializers.FloatField(source="surprise.bits", help_text="−n_people · log2(1 − confidence).")
    sentence = serializers.CharField()


class DisagreementPage(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    results = DisagreementRow(many=True)


class DisagreementSerializer(serializers.Serializer[Disagreement]):
    """One output with everything that was said of it, and every decision, the newest first."""

    output = OutputSerializer()
    rubric = RubricReference()
    contested = serializers.SerializerMethodField(help_text="Names of the criteria on which first labels differ.")
    assessments = serializers.SerializerMethodField(help_text="People first; each rater's first labels and the latest.")
    revision = serializers.IntegerField(help_text="Of the resolution in force, 0 before the first. Send it to resolve.")
    resolutions = ResolutionSerializer(many=True)
    rated_by_you = serializers.SerializerMethodField(help_text="You labelled it; a resolution of yours will say so.")

    def get_contested(self, found: Disagreement) -> list[str]:
        return _contested(found)

    @extend_schema_field(AssessmentSerializer(many=True))
    def get_assessments(self, found: Disagreement) -> Any:
        said = [one for voice in found.voices for one in (voice.first, voice.revised) if one is not None]
        return AssessmentSerializer(said, many=True).data

    def get_rated_by_you(self, found: Disagreement) -> bool:
        return found.rated_by(self.context["user"])


class ResolveRequest(StrictSerializer):
    labels = serializers.DictField(child=serializers.CharField(), help_text="{criterion: label} for every criterion.")
    reason = serializers.CharField(max_length=MAX_TEXT, help_text="Why; it is kept with the labels.")
    revision = serializers.IntegerField(min_value=0, help_text="The one that you saw; 0 before the first.")
    rubric = serializers.PrimaryKeyRelatedField(
        required=False, queryset=Rubric.objects.fixed(), help_text="The one in use for the output's kind, if not given."
    )


class DisagreementViewSet(GenericViewSet[Output]):
    """Disagreements: outputs that raters label differently, for leads to decide on. An id is the output's."""

    lookup_value_converter = "uuid"
    queryset = Output.objects.none()
    permission_classes = [IsLead]
    pagination_class = None

    @extend_schema(summary="List disagreements", parameters=[DisagreementQuery], responses=DisagreementPage)
    def list(self, request: Request) -> Response:
        """The most contested first: people among each other, or a person and the judge, by their first labels.

        Without outputs that you have in work in a blind campaign.
        """
        asked = DisagreementQuery.of(request)
        filters = Filters(
            kind=asked["kind"], model=asked.get("model"), campaign=asked.get("campaign"), judge=asked.get("judge")
        )
        wanted = Wanted(filters, asked.get("rubric"), asked.get("criterion", "").replace("\x00", ""), asked["state"])
        after = Place.read(asked.get("cursor", ""))
        if "cursor" in asked and after is None:
            raise InvalidParametersError({"cursor": ["Not a cursor of this list. Take it from `next`."]})
        try:
            found = disagreements.find(wanted, caller(request), after=after, limit=asked.get("page_size", PAGE_SIZE))
            rows = adjudication.disagreements(wanted, caller(request), [place.output for place in found.places])
        except Rubric.DoesNotExist as error:
            raise NotFound(str(error)) from error
        pairs = {place.output: place.n_pairs for place in found.places}
        results = [
            {
                "output": row.output,
                "rubric": row.rubric,
                "n_pairs": pairs[row.output.pk],
                "contested": _contested(row),
                "resolution": row.resolution,
            }
            for row in rows
        ]
        return Response(DisagreementPage({"next": _next(request, found.next_place), "results": results}).data)

    @extend_schema(
        summary="Disagreements worth reading", parameters=[WorthReadingQuery], responses=WorthReadingRow(many=True)
    )
    @action(detail=False, url_path="worth-reading")
    def worth_reading(self, request: Request) -> Response:
        """Open ones on which everybody says the opposite of the judge, the most surprising first; five at most."""
        filters = Filters(**WorthReadingQuery.of(request))
        try:
            found = dashboard_figures.quality(filters).value
        except Rubric.DoesNotExist as error:
            raise NotFound(str(error)) from error
        except NotReadyError as error:
            raise UnavailableError(str(error)) from error
        rows = worth_reading(found.surprises, found.rubric, caller(request))
        return Response(WorthReadingRow(rows, many=True).data)

    @extend_schema(summary="One disagreement", parameters=[OneDisagreementQuery], responses=DisagreementSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """Every rater's labels with comments and reasons, and what was decided. Any output that is rated has one."""
        asked = OneDisagreementQuery(data=request.query_params.dict())
        if not asked.is_valid():
            raise InvalidParametersError(asked.errors)
        found = self._found(request, pk, asked.validated_data.get("rubric"), asked.validated_data.get("judge"))
        audit.record(Verb.LABELS_SEEN, found.output)
        return Response(DisagreementSerializer(found, context={"user": caller(request)}).data)

    @extend_schema(
        summary="Resolve",
        request=ResolveRequest,
        responses={
            200: ResolutionSerializer,
            409: OpenApiResponse(description="Somebody decided since the revision that you name."),
        },
    )
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, pk: UUID) -> Response:
        """Decide on the labels, saying why. An earlier decision is kept below; what people said is not touched."""
        asked = ResolveRequest.body_of(request)
        rubric = asked.pop("rubric", None)
        found = self._found(request, pk, rubric.pk if rubric else None, None)
        with refusing("labels"):
            resolution = adjudication.resolve(output=found.output, rubric=found.rubric, by=caller(request), **asked)
        return Response(ResolutionSerializer(resolution).data, status.HTTP_200_OK)

    def _found(self, request: Request, pk: UUID, rubric: UUID | None, judge: UUID | None) -> Disagreement:
        kind = Output.objects.filter(pk=pk).values_list("kind", flat=True).first()
        if kind is None:
            raise NotFound
        try:
            found = adjudication.disagreement(Wanted(Filters(kind=kind, judge=judge), rubric), caller(request), pk)
        except Rubric.DoesNotExist as error:
            raise NotFound(str(error)) from error
        if found is None:
            raise NotFound
        return found


def _contested(found: Disagreement) -> list[str]:
    return [question.criterion.name for question in found.questions if question.is_contested]


def _next(request: Request, place: Place | None) -> str | None:
    if place is None:
        return None
    parameters = request.query_params.copy()
    parameters["cursor"] = str(place)
    return request.build_absolute_uri(f"{request.path}?{parameters.urlencode()}")
