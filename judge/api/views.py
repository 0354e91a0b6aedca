"""Campaigns and assessments by REST."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from django.http import Http404, HttpResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from judge import campaigns, pace, plans, preferences, queue, requeue, tables, visibility
from judge.api.pair_serializers import PreferencesSerializer
from judge.api.screens import shown, with_raters
from judge.api.serializers import (
    AgainRequest,
    AssessmentSerializer,
    AssignmentSerializer,
    CampaignDetailSerializer,
    CampaignRequest,
    CampaignSerializer,
    CloneRequest,
    ExtendRequest,
    PaceSerializer,
    PlanRequest,
    PreviewSerializer,
)
from judge.comparison import Filters
from judge.exchange.downloads import attachment
from judge.exchange.formats import FORMATS
from judge.exchange.selection import Selection
from judge.frames import Population
from judge.models import Assessment, Campaign, Rater, Rubric
from judge.services import KIND_OF_STAGE
from recommend import audit, roles
from recommend.api import queries
from recommend.api.base import EmptyRequest, FilteredViewSet, FormatIsOurs, HasRole, IsLead, Parameters, Query, caller
from recommend.audit import Verb
from recommend.models import LanguageModel, Output, Stage
from recommend.prepared import Prepared


class IsReviewer(HasRole):
    roles = (roles.ANNOTATOR, roles.LEAD)


@contextmanager
def planning() -> Iterator[None]:
    """Turns the refusal of a sampling plan into one of its field."""
    try:
        yield
    except plans.PlanError as error:
        raise serializers.ValidationError({error.field: [str(error)]}) from error


class PreferencesQuery(Parameters):
    format = serializers.ChoiceField(choices=("json", "csv"), default="json")


class CampaignQuery(Query):
    task = serializers.ChoiceField(required=False, choices=Campaign.Task.choices)
    stage = serializers.ChoiceField(required=False, choices=Stage.choices)
    state = serializers.ChoiceField(required=False, choices=Campaign.State.choices)


class AssessmentQuery(Query):
    run = serializers.UUIDField(required=False)
    generation = serializers.UUIDField(required=False)
    output = serializers.UUIDField(required=False)


class KnownField(serializers.PrimaryKeyRelatedField[Model]):
    """The id of a row that there is; the refusal says where to look for one."""

    def __init__(self, where: str, **options: Any) -> None:
        message = f"There is none with the id {{pk_value}}. {where} lists those that there are."
        super().__init__(
            pk_field=serializers.UUIDField(), required=False, error_messages={"does_not_exist": message}, **options
        )


class ExportQuery(Parameters):
    format = serializers.ChoiceField(choices=tuple(FORMATS), default="jsonl")
    kind = serializers.ChoiceField(choices=Output.Kind.choices, default=Output.Kind.INTEREST)
    model = KnownField("language-models/", queryset=LanguageModel.objects.all(), help_text="That made the outputs.")
    campaign = KnownField(
        "campaigns/", queryset=Campaign.objects.all(), help_text="Its people's labels, and the judges' by its rubric."
    )
    judge = KnownField(
        "assessments/", queryset=Rater.objects.filter(user__isnull=True), help_text="The rater; not given: every judge."
    )
    reviewed = serializers.BooleanField(default=False, help_text="Only outputs that people have labelled.")


BY_ID = Prepared(lambda pk: Campaign.objects.filter(pk=pk), pk=UUID)
OPEN = Prepared(lambda pk, user: campaigns.open_to(User(pk=user)).select_related(None).filter(pk=pk), pk=UUID, user=int)


@extend_schema_view(
    list=extend_schema(summary="List campaigns", parameters=[CampaignQuery]),
    retrieve=extend_schema(summary="One campaign, with its progress"),
)
class CampaignViewSet(mixins.RetrieveModelMixin, FilteredViewSet[Campaign]):
    """Campaigns: what is reviewed by people. Leads see all, annotators those that they may work in."""

    query = CampaignQuery
    queryset = Campaign.objects.select_related("rubric").prefetch_related("population_models")
    permission_classes = [IsReviewer]

    def get_permissions(self) -> Any:
        return super().get_permissions() if self.action in {"list", "retrieve", "next", "pace"} else [IsLead()]

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        return CampaignDetailSerializer if self.action == "retrieve" else CampaignSerializer

    def get_queryset(self) -> QuerySet[Campaign]:
        user = caller(self.request)
        found = super().get_queryset()
        return found if roles.has_role(user, roles.LEAD) else found.filter(pk__in=campaigns.open_to(user))

    def filtered(self, queryset: QuerySet[Campaign], wanted: Mapping[str, Any]) -> QuerySet[Campaign]:
        return queryset.filter(queries.exact(wanted, "stage", "state", "task"))

    @extend_schema(summary="Start a campaign", request=CampaignRequest, responses={201: CampaignSerializer})
    def create(self, request: Request) -> Response:
        """Start a campaign (leads only): it draws from what is finished, and from what will be."""
        wanted = CampaignRequest.body_of(request)
        with planning():
            campaign = campaigns.start(by=caller(request), **wanted)
        return Response(CampaignSerializer(campaign).data, status.HTTP_201_CREATED)

    @extend_schema(summary="Preview a sampling plan", request=PlanRequest, responses=PreviewSerializer)
    @action(detail=False, methods=["post"])
    def preview(self, request: Request) -> Response:
        """How many generations a plan would draw, before anything is started (leads only)."""
        given = PlanRequest.body_of(request)
        models, rivals = given.pop("population_models", []), given.pop("rival_models", [])
        stage = Stage(given["stage"])
        rubric = given.pop("rubric", None) or Rubric.objects.current(KIND_OF_STAGE[stage])
        campaign = Campaign(rubric=rubric, **given)
        population = Population.of(campaign, models, rivals)
        with planning():
            plans.check_task(campaign)
            return Response(PreviewSerializer(plans.preview(plans.Plan.of(campaign, population))).data)

    @extend_schema(summary="Extend", request=ExtendRequest, responses=CampaignDetailSerializer)
    @action(detail=True, methods=["post"])
    def extend(self, request: Request, pk: UUID) -> Response:
        """Ask for more people, time or generations (leads only); what was drawn stays."""
        wanted = ExtendRequest.body_of(request)
        with planning():
            campaign = campaigns.extend(self.get_object(), **wanted)
        return Response(CampaignDetailSerializer(campaign, context={"request": request}).data)

    @extend_schema(summary="Clone", request=CloneRequest, responses={201: CampaignSerializer})
    @action(detail=True, methods=["post"])
    def clone(self, request: Request, pk: UUID) -> Response:
        """Start another campaign with the same settings (leads only): it draws anew."""
        wanted = CloneRequest.body_of(request)
        with planning():
            campaign = campaigns.clone(self.get_object(), wanted["name"], by=caller(request))
        return Response(CampaignSerializer(campaign).data, status.HTTP_201_CREATED)

    @extend_schema(summary="Queue again", request=AgainRequest, responses={201: CampaignSerializer})
    @action(detail=True, methods=["post"])
    def again(self, request: Request, pk: UUID) -> Response:
        """Queue its units again under another version of the rubric (leads only): a campaign that follows it.

        The labels of now stay, marked by their version, and do not count under the new one.
        """
        wanted = AgainRequest.body_of(request)
        with planning():
            campaign = requeue.again(self.get_object(), by=caller(request), **wanted)
        return Response(CampaignSerializer(campaign).data, status.HTTP_201_CREATED)

    @extend_schema(summary="Pause", request=EmptyRequest, responses=CampaignDetailSerializer)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: UUID) -> Response:
        """Give nobody new work (leads only); what is in hand can still be submitted."""
        return self._set_state(request, Campaign.State.PAUSED)

    @extend_schema(summary="Open", request=EmptyRequest, responses=CampaignDetailSerializer)
    @action(detail=True, methods=["post"])
    def open(self, request: Request, pk: UUID) -> Response:
        """Give work from it again (leads only); what finished meanwhile is drawn from as well."""
        return self._set_state(request, Campaign.State.ACTIVE)

    @extend_schema(summary="Close", request=EmptyRequest, responses=CampaignDetailSerializer)
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: UUID) -> Response:
        """Take no more answers (leads only); drafts are kept, and it can be opened again."""
        return self._set_state(request, Campaign.State.CLOSED)

    def _set_state(self, request: Request, state: Campaign.State) -> Response:
        EmptyRequest.body_of(request)
        campaign = campaigns.set_state(self.get_object(), state)
        return Response(CampaignDetailSerializer(campaign, context={"request": request}).data)

    @extend_schema(
        summary="What people preferred",
        parameters=[PreferencesQuery],
        responses={(200, "application/json"): PreferencesSerializer, (200, "text/csv"): OpenApiTypes.STR},
    )
    @action(detail=True, methods=["get"], permission_classes=[IsLead], content_negotiation_class=FormatIsOurs)
    def preferences(self, request: Request, pk: UUID) -> HttpResponse:
        """How often A is preferred to B in a campaign that compares, with intervals (leads only); as JSON or CSV."""
        form, campaign = PreferencesQuery.of(request)["format"], self.get_object()
        if not campaign.compares:
            raise NotFound(f"“{campaign}” rates outputs. `figures/` has what it found.")
        found = preferences.of(campaign)
        table = preferences.table(found)
        if form == "csv":
            return tables.download("preferences", Filters(kind=campaign.rubric.kind, campaign=campaign.pk), table)
        counted = {name: getattr(found, name) for name in ("n_pairs", "n_choices", "n_shoppers", "n_raters", "counts")}
        return Response(PreferencesSerializer(counted | {"figures": table.as_records()}).data)

    @extend_schema(summary="Your pace", responses=PaceSerializer)
    @action(detail=True, methods=["get"])
    def pace(self, request: Request, pk: UUID) -> Response:
        """How far the campaign is, how much of it is yours and how long a screen takes you; cheap to ask."""
        return Response(PaceSerializer(pace.pace(self.get_object(), caller(request))).data)

    def _to_work_in(self, pk: UUID, user: User) -> Campaign:
        """The campaign without what is shown of it. Raises Http404."""
        found = BY_ID(pk=pk) if roles.has_role(user, roles.LEAD) else OPEN(pk=pk, user=user.pk)
        if not found:
            raise Http404
        return found[0]

    @extend_schema(
        summary="Take the next screen of work",
        request=EmptyRequest,
        responses={
            200: AssignmentSerializer,
            204: OpenApiResponse(description="Nothing to review here for you now; `X-Reason` says why."),
        },
    )
    @action(detail=True, methods=["post"])
    def next(self, request: Request, pk: UUID) -> Response:
        """The screen that you hold, or else a new one, leased to you for the campaign's `lease_s`."""
        EmptyRequest.body_of(request)
        campaign = self._to_work_in(pk, caller(request))
        assignment = queue.next_assignment(campaign, caller(request))
        if assignment is None:
            reason = queue.empty_reason(campaign, caller(request))
            return Response(status=status.HTTP_204_NO_CONTENT, headers={"X-Reason": reason})
        visibility.note_opened(assignment)
        return Response(shown(assignment, caller(request)))


@extend_schema_view(
    list=extend_schema(summary="List assessments", parameters=[AssessmentQuery]),
    retrieve=extend_schema(summary="One assessment"),
)
class AssessmentViewSet(mixins.RetrieveModelMixin, FilteredViewSet[Assessment]):
    """Assessments: what people and judges said of an output; only those that you may see now."""

    query = AssessmentQuery
    queryset = Assessment.objects.none()
    serializer_class = AssessmentSerializer
    permission_classes = [HasRole]

    def get_queryset(self) -> QuerySet[Assessment]:
        return with_raters(visibility.visible_assessments(caller(self.request), Output.objects.all()))

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        if self.action in ("list", "retrieve") and response.status_code == status.HTTP_200_OK:
            asked = {**request.query_params.dict(), "assessment": self.kwargs.get("pk")}
            names = ("run", "generation", "output", "assessment")
            audit.record(Verb.LABELS_SEEN, detail={name: str(asked[name]) for name in names if asked.get(name)})
        return super().finalize_response(request, response, *args, **kwargs)

    def filtered(self, queryset: QuerySet[Assessment], wanted: Mapping[str, Any]) -> QuerySet[Assessment]:
        names = {"run": "output__generation__run", "generation": "output__generation", "output": "output"}
        return queryset.filter(**{names[name]: wanted[name] for name in names if name in wanted})

    @extend_schema(
        summary="Export assessments with their outputs",
        parameters=[ExportQuery],
        responses={(200, form.content_type.partition(";")[0]): OpenApiTypes.BINARY for form in FORMATS.values()},
    )
    @action(detail=False, permission_classes=[IsLead], content_negotiation_class=FormatIsOurs)
    def export(self, request: Request) -> StreamingHttpResponse:
        """All assessments of one kind of output as a file that is written while it is sent (leads only)."""
        wanted = ExportQuery.of(request)
        rows = {name: wanted[name].pk for name in ("model", "campaign", "judge") if name in wanted}
        filters = Filters(kind=wanted["kind"], **rows)
        selection = Selection(filters, reviewed_only=wanted["reviewed"], by=caller(request))
        return attachment(FORMATS[wanted["format"]], selection)
