"""Runs by REST: start one or many, follow them, read what they made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextvars import copy_context
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ParseError, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from recommend import access, reasons, selectors, services
from recommend.api import bulk, queries, run_events
from recommend.api.base import EmptyRequest, FilteredViewSet, FormatIsOurs, caller
from recommend.api.errors import ConflictError, InvalidParametersError, UnavailableError
from recommend.api.exposure import ExposureSerializer
from recommend.api.run_requests import KEY_LENGTH, BulkLine, RunRequest
from recommend.api.serializers import BulkAnswer, RunDetailSerializer, RunSerializer
from recommend.api.why import WhySerializer
from recommend.exposure import exposure_of
from recommend.models import PipelineRun
from recommend.retrieval.errors import NotFittedError
from recommend.sources import SourceError

POLL_AFTER_S = "1"
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Your name for this request: sent twice, it starts one run. The same key with another body is a 409.",
)
LAST_EVENT_ID = OpenApiParameter(
    "Last-Event-ID", str, OpenApiParameter.HEADER, description="Of the last event that you have; it is not told again."
)


@extend_schema_view(
    list=extend_schema(summary="List runs", parameters=[queries.RunQuery]),
)
class PipelineRunViewSet(FilteredViewSet[PipelineRun]):
    """Pipeline runs: one request through all stages for one shopper. Leads see all, others their own."""

    query = queries.RunQuery
    queryset = PipelineRun.objects.none()
    serializer_class = RunSerializer
    detail_serializer_class: type[RunDetailSerializer] = RunDetailSerializer

    def get_queryset(self) -> QuerySet[PipelineRun]:
        return access.visible_runs(caller(self.request)).select_related("shopper", "created_by")

    def filtered(self, queryset: QuerySet[PipelineRun], wanted: Mapping[str, Any]) -> QuerySet[PipelineRun]:
        if "shopper" in wanted:
            queryset = queryset.filter(queries.shopper(wanted["shopper"]))
        return queryset.filter(queries.exact(wanted, "state", "batch", "population"))

    @extend_schema(
        summary="Start a run",
        request=RunRequest,
        parameters=[IDEMPOTENCY_KEY],
        responses={
            202: OpenApiResponse(RunSerializer, "Accepted; poll `url`, which `Location` names too."),
            200: OpenApiResponse(RunSerializer, "This key started this run before."),
            409: OpenApiResponse(description="The key was used with another body."),
        },
    )
    def create(self, request: Request) -> Response:
        """Queue a run. The answer comes at once; its `url` gives the results as they are made."""
        run, created = start(
            RunRequest(data=request.data), by=caller(request), idempotency_key=idempotency_key(request)
        )
        body = self.get_serializer(run).data
        headers = {"Location": body["url"], "Retry-After": POLL_AFTER_S}
        return Response(body, status.HTTP_202_ACCEPTED if created else status.HTTP_200_OK, headers=headers)

    @extend_schema(summary="One run, with all its results", responses=RunDetailSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """What is stored of a run so far; while it works, `Retry-After` says when to ask again."""
        body = self.result(self.get_object().pk)
        return Response(body, headers={"Retry-After": POLL_AFTER_S} if body["is_active"] else {})

    def result(self, pk: UUID) -> dict[str, Any]:
        """A run with everything that the caller may see of it."""
        view: Any = selectors.run_for_display(pk)  # the serializer makes a run of it
        context = {**self.get_serializer_context(), **self.result_context(view)}
        return dict(self.detail_serializer_class(view, context=context).data)

    def result_context(self, view: selectors.RunView) -> dict[str, Any]:
        """What a layer above adds for its own detail serializer."""
        return {}

    @extend_schema(summary="Why an item is in the list of a run", responses=WhySerializer)
    @action(detail=True, url_path="why/<uuid:item>")
    def why(self, request: Request, pk: UUID, item: UUID) -> Response:
        """What each arm says of it, whose votes of the history brought it, and what the language model cites."""
        run = self.get_object()
        found = reasons.recommendation_of(run, item, beta=run.beta)
        if found is None:
            raise NotFound("The run did not recommend this item; its `recommendations` have the ids of those it did.")
        try:
            return Response(WhySerializer(reasons.why(run, found, beta=run.beta)).data)
        except SourceError as error:
            raise UnavailableError(str(error)) from error

    @extend_schema(summary="How popular the items of a run are, and how diverse", responses=ExposureSerializer)
    @action(detail=True)
    def exposure(self, request: Request, pk: UUID) -> Response:
        """The run's list beside as many of the most popular items: places by popularity, and categories."""
        try:
            return Response(ExposureSerializer(exposure_of(self.get_object())).data)
        except (NotFittedError, SourceError) as error:
            raise UnavailableError(str(error)) from error

    @extend_schema(summary="Cancel a run", request=EmptyRequest, responses=RunSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Stop a run: what it made stays. A run that has ended stays as it is."""
        EmptyRequest.body_of(request)
        run = services.cancel_run(self.get_object())
        return Response(self.get_serializer(run).data)

    @extend_schema(
        summary="Progress of a run, as it is made",
        parameters=[LAST_EVENT_ID],
        responses={
            (200, run_events.MEDIA_TYPE): OpenApiResponse(OpenApiTypes.STR, "`progress` events, at last `end`."),
            204: OpenApiResponse(description="The run has ended, and you have been told: do not come back."),
        },
    )
    @action(detail=True, content_negotiation_class=FormatIsOurs)
    def events(self, request: Request, pk: UUID) -> Response | StreamingHttpResponse:
        """Server-sent events: each has the run's state, steps and calls. A stream ends after 25 s at the latest, or at
        once where all places are taken; `EventSource` comes back by itself with the id of the last event.
        """
        run = self.get_object()
        seen = request.headers.get("Last-Event-ID", "")
        if not run.is_active and selectors.progress_of(run.pk).version == seen:
            return Response(status=status.HTTP_204_NO_CONTENT)
        response = StreamingHttpResponse(run_events.stream(run.pk, seen), content_type=run_events.MEDIA_TYPE)
        response["Cache-Control"] = "no-store"
        response["X-Accel-Buffering"] = "no"  # nginx would keep events until it has a page full of them
        return response

    @extend_schema(
        summary="Start many runs",
        request={bulk.MEDIA_TYPE: BulkLine},
        responses={
            (200, bulk.MEDIA_TYPE): OpenApiResponse(BulkAnswer, "A line for each; `RecGPT-Batch` names them together."),
            413: OpenApiResponse(description="Too many lines or bytes; none was taken."),
            503: OpenApiResponse(description="Another file is being taken; `Retry-After` says when to try again."),
        },
    )
    @action(
        detail=False,
        methods=["post"],
        url_path="bulk",
        parser_classes=[bulk.NdjsonParser],
        content_negotiation_class=FormatIsOurs,
    )
    def start_many(self, request: Request) -> StreamingHttpResponse:
        """A request a line, an answer a line as soon as it is queued: `run`, or the `problem` of that line alone."""
        body = request.data
        if not hasattr(body, "read"):
            raise ParseError("The body is empty. Send a JSON object a line, with a Content-Length.")
        if not bulk.places.take():
            raise UnavailableError("Another file is being taken here; try again in a moment.")
        try:
            file = bulk.receive(body, int(request.META.get("CONTENT_LENGTH") or 0))
        except BaseException:
            bulk.places.leave()
            raise
        batch = uuid4()
        # Answers are made after the middleware has gone; the audit log still wants to know who asked, and from where.
        asked = copy_context()
        answers = bulk.Answers(file, lambda row: asked.run(self.line_answer, row, batch))
        response = StreamingHttpResponse(answers, content_type=bulk.MEDIA_TYPE)
        response["RecGPT-Batch"] = str(batch)
        response["X-Accel-Buffering"] = "no"
        return response

    def line_answer(self, row: dict[str, Any] | str, batch: UUID) -> dict[str, Any]:
        """What became of one line of many: the run that it started, or its problem."""
        try:
            if isinstance(row, str):
                raise ParseError(row)
            run, created = start(BulkLine(data=row), by=caller(self.request), batch=batch)
        except Exception as error:  # of this line alone; the handler logs what nobody foresaw
            refusal = self.get_exception_handler()(error, self.get_exception_handler_context())
            assert refusal is not None
            return {"status": refusal.status_code, "problem": refusal.data}
        known = status.HTTP_202_ACCEPTED if created else status.HTTP_200_OK
        return {"status": known, "run": self.get_serializer(run).data}

    @extend_schema(
        summary="The results of many runs",
        parameters=[queries.ResultsQuery],
        responses={
            (200, bulk.MEDIA_TYPE): OpenApiResponse(RunDetailSerializer, "A run a line, the oldest first."),
            (200, "application/json"): OpenApiResponse(RunDetailSerializer(many=True), "With `format=json`."),
        },
    )
    @action(detail=False, content_negotiation_class=FormatIsOurs)
    def results(self, request: Request) -> StreamingHttpResponse:
        """Runs as `GET …/{id}/` has them, up to `limit`; of more, `RecGPT-Next` is the `after` to go on with."""
        wanted = queries.ResultsQuery.of(request)
        found = self.filtered(self.get_queryset(), wanted).order_by("pk")
        if "after" in wanted:
            found = found.filter(pk__gt=wanted["after"])
        ids = list(found.values_list("pk", flat=True)[: wanted["limit"] + 1])
        has_more = len(ids) > wanted["limit"]
        ids = ids[: wanted["limit"]]
        lines = (JSONRenderer().render(self.result(pk)) for pk in ids)
        if wanted["format"] == "ndjson":
            response = StreamingHttpResponse((line + b"\n" for line in lines), content_type=bulk.MEDIA_TYPE)
        else:
            response = StreamingHttpResponse(as_array(lines), content_type="application/json")
        if has_more:
            response["RecGPT-Next"] = str(ids[-1])
        return response


def start(wanted: RunRequest, *, by: User, **more: Any) -> tuple[PipelineRun, bool]:
    """Start the run that a request asks for. Raises ValidationError or ConflictError."""
    wanted.is_valid(raise_exception=True)
    try:
        return services.start_run(by=by, **wanted.validated_data, **more)
    except services.InvalidRunError as error:
        raise ValidationError(nested(error.field, [str(error)])) from error
    except services.IdempotencyConflictError as error:
        raise ConflictError(str(error), code="idempotency-key-reused") from error


def as_array(rows: Iterable[bytes]) -> Iterator[bytes]:
    """Rows of JSON as one array, written as they come."""
    yield b"["
    for number, row in enumerate(rows):
        yield b",\n" + row if number else row
    yield b"]\n"


def nested(field: str, words: list[str]) -> dict[str, Any]:
    """The detail of an error in a field that may lie in another.

    >>> nested("models.tags", ["No."])
    {'models': {'tags': ['No.']}}
    """
    first, _, rest = field.partition(".")
    return {first: nested(rest, words) if rest else words}


def idempotency_key(request: Request) -> str:
    """The caller's name for the request, or "". Raises InvalidParametersError."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > KEY_LENGTH:
        raise InvalidParametersError({"Idempotency-Key": [f"{len(key)} characters; at most {KEY_LENGTH} are kept."]})
    return key
