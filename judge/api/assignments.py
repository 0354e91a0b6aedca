"""One screen of work by REST: save a draft, submit, skip; the same services as the review page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ValidationError
from rest_framework.viewsets import GenericViewSet

from judge import holding, queue, refusals, reveal, undo, visibility
from judge.api.screens import shown
from judge.api.serializers import (
    AssessmentSerializer,
    AssignmentSerializer,
    DraftRequest,
    DraftSerializer,
    FlagRequest,
    LeaseSerializer,
    ReviseRequest,
    SkipRequest,
    SubmitRequest,
)
from judge.api.views import IsReviewer
from judge.models import Assessment, Assignment
from recommend.api.base import EmptyRequest, caller
from recommend.api.errors import ConflictError
from recommend.models import Output

REFUSED = OpenApiResponse(description="The work is not yours any more, was submitted, or changed meanwhile.")


# What the queue refuses, as the types that a client may branch on. The first that fits names it.
CONFLICTS = {
    refusals.StaleDraft: "stale-draft",
    refusals.AlreadyResolved: "already-resolved",
    refusals.AlreadySubmitted: "already-submitted",
    refusals.CampaignClosed: "campaign-closed",
    refusals.NotSubmitted: "not-submitted",
    refusals.NotUndoable: "not-undoable",
    refusals.LeaseLost: "lease-lost",
}


@contextmanager
def refusing(where: str) -> Iterator[None]:
    """Turn what the queue refuses into the API's words; `where` is the field with the answers."""
    try:
        yield
    except refusals.Incomplete as error:
        missing = {
            output: {"labels": {name: ["Missing."] for name in names}} for output, names in error.missing.items()
        }
        raise ValidationError({where: missing}) from error
    except refusals.InvalidAnswer as error:
        raise ValidationError({where: [str(error)]}) from error
    except refusals.QueueError as error:
        code = next(code for kind, code in CONFLICTS.items() if isinstance(error, kind))
        raise ConflictError(str(error), code=code) from error


@contextmanager
def no_such_page() -> Iterator[None]:
    """Another person's assignment does not exist: a 404."""
    try:
        yield
    except Assignment.DoesNotExist as error:
        raise Http404 from error


class AssignmentViewSet(GenericViewSet[Assignment]):
    """Assignments: screens of work. Everybody sees their own; `POST campaigns/{id}/next/` gives one."""

    lookup_value_converter = "uuid"
    queryset = Assignment.objects.none()
    serializer_class = AssignmentSerializer
    permission_classes = [IsReviewer]

    def get_object(self) -> Assignment:
        """The caller's own; those of others do not exist for them. Raises Http404."""
        with no_such_page():
            return holding.own_screen(self.kwargs["pk"], caller(self.request))

    @extend_schema(summary="One screen of work", responses=AssignmentSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """Evidence, outputs and questions; after submitting, the judge's labels too."""
        assignment = self.get_object()
        visibility.note_opened(assignment)
        return Response(shown(assignment, caller(request)))

    @extend_schema(summary="Read the draft", responses=DraftSerializer)
    @action(detail=True, methods=["get"])
    def draft(self, request: Request, pk: UUID) -> Response:
        """The answers saved so far."""
        assignment = self.get_object()
        return Response({"draft": assignment.draft, "version": assignment.draft_version})

    @extend_schema(summary="Save the draft", request=DraftRequest, responses={200: DraftSerializer, 409: REFUSED})
    @draft.mapping.put
    def save_draft(self, request: Request, pk: UUID) -> Response:
        """Save answers that are not complete yet, and renew the lease."""
        assignment, body = self.get_object(), DraftRequest.body_of(request)
        with refusing("draft"):
            version = queue.save_draft(assignment, caller(request), body["draft"], body["version"], body["seconds"])
        return Response({"draft": body["draft"], "version": version})

    @extend_schema(
        summary="Submit the labels",
        request=SubmitRequest,
        responses={200: AssignmentSerializer, 409: REFUSED},
    )
    @action(detail=True, methods=["post"])
    def submit(self, request: Request, pk: UUID) -> Response:
        """Store the labels of every output, once; the answer shows the judge's beside them. Repeating it is safe."""
        body = SubmitRequest.body_of(request)
        with refusing("answers"), no_such_page():
            assignment = queue.submit_screen(pk, caller(request), body["answers"], body["seconds"])
        return Response(shown(assignment, caller(request)))

    @extend_schema(
        summary="Take the submit back", request=EmptyRequest, responses={200: AssignmentSerializer, 409: REFUSED}
    )
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: UUID) -> Response:
        """Make your last submission a draft again, with its labels, as long as nothing rests on them and you could not
        yet see the judge's. Repeating it is safe."""
        EmptyRequest.body_of(request)
        assignment = self.get_object()
        with refusing("non_field_errors"):
            undo.undo(assignment, caller(request))
        return Response(shown(assignment, caller(request)))

    @extend_schema(summary="Be told whose", request=EmptyRequest, responses={200: AssignmentSerializer, 409: REFUSED})
    @action(detail=True, methods=["post"])
    def reveal(self, request: Request, pk: UUID) -> Response:
        """Be told whose the two answers of a pair are, after submitting; your choice stays from then on."""
        EmptyRequest.body_of(request)
        assignment = self.get_object()
        with refusing("non_field_errors"):
            reveal.reveal(assignment, caller(request))
        return Response(shown(assignment, caller(request)))

    @extend_schema(summary="Skip", request=SkipRequest, responses={204: None, 409: REFUSED})
    @action(detail=True, methods=["post"])
    def skip(self, request: Request, pk: UUID) -> Response:
        """Leave the screen to others for good, saying why."""
        assignment, body = self.get_object(), SkipRequest.body_of(request)
        with refusing("non_field_errors"):
            queue.skip(assignment, caller(request), body["reason"])
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(summary="Flag for a lead", request=FlagRequest, responses={204: None})
    @action(detail=True, methods=["post"])
    def flag(self, request: Request, pk: UUID) -> Response:
        """Show a lead that something is wrong here; the work stays with you."""
        assignment, body = self.get_object(), FlagRequest.body_of(request)
        queue.flag(assignment, caller(request), body["text"])
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(summary="Keep the lease", request=EmptyRequest, responses={200: LeaseSerializer, 409: REFUSED})
    @action(detail=True, methods=["post"])
    def heartbeat(self, request: Request, pk: UUID) -> Response:
        """Say that you are still at work."""
        EmptyRequest.body_of(request)
        assignment = self.get_object()
        with refusing("non_field_errors"):
            until = queue.heartbeat(assignment, caller(request))
        return Response(LeaseSerializer({"lease_until": until}).data)

    @extend_schema(summary="Put down", request=EmptyRequest, responses={204: None, 409: REFUSED})
    @action(detail=True, methods=["post"])
    def release(self, request: Request, pk: UUID) -> Response:
        """Give the screen back for now; the draft is kept."""
        EmptyRequest.body_of(request)
        assignment = self.get_object()
        with refusing("non_field_errors"):
            queue.release(assignment, caller(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(summary="Revise", request=ReviseRequest, responses={200: AssessmentSerializer, 409: REFUSED})
    @action(detail=True, methods=["post"])
    def revise(self, request: Request, pk: UUID) -> Response:
        """Correct the labels of one output after submitting: a second revision; the first one stays and counts."""
        assignment, body = self.get_object(), ReviseRequest.body_of(request)
        output = Output.objects.filter(pk=body["output"], generation=assignment.unit.generation_id).kept().first()
        if output is None:
            raise ValidationError({"output": ["Not an output of this assignment. GET it to see its outputs."]})
        with refusing("labels"):
            revised: Assessment = queue.revise(assignment, caller(request), output, body["labels"], body["comment"])
        return Response(AssessmentSerializer(revised).data)
