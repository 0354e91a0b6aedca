"""The views that join the layers, and the answer to a path that is none."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NoReturn
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.urls import is_valid_path
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from judge import visibility
from judge.api.screens import with_raters
from judge.models import Assessment
from recgpt_site.api.serializers import JudgedGenerationSerializer, JudgedRunSerializer
from recommend.api import run_views, views
from recommend.api.base import caller
from recommend.models import Output
from recommend.selectors import RunView


def assessments_by_output(user: User, outputs: QuerySet[Output]) -> dict[UUID, list[Assessment]]:
    """What `user` may see of the assessments of `outputs`."""
    found: dict[UUID, list[Assessment]] = defaultdict(list)
    for assessment in with_raters(visibility.visible_assessments(user, outputs)):
        found[assessment.output_id].append(assessment)
    return found


class PipelineRunViewSet(run_views.PipelineRunViewSet):
    """Pipeline runs: one request through all stages for one shopper. Leads see all, others their own."""

    detail_serializer_class = JudgedRunSerializer

    @extend_schema(summary="One run, with all its results", responses=JudgedRunSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """What is stored of a run so far; while it works, `Retry-After` says when to ask again."""
        return super().retrieve(request, pk)

    def result_context(self, view: RunView) -> dict[str, Any]:
        outputs = Output.objects.filter(generation__run=view.run)
        return {"assessments": assessments_by_output(caller(self.request), outputs)}


class GenerationViewSet(views.GenerationViewSet):
    """Generations: one call of a language model for one shopper and stage."""

    detail_serializer_class = JudgedGenerationSerializer

    def get_serializer_context(self) -> dict[str, Any]:
        context = dict(super().get_serializer_context())
        if self.action == "retrieve" and "pk" in self.kwargs:
            outputs = Output.objects.filter(generation=self.kwargs["pk"])
            context["assessments"] = assessments_by_output(caller(self.request), outputs)
        return context


class NoSuchPath(APIView):
    """A path below /api/ that leads nowhere is a problem like any other, not a page."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> NoReturn:
        with_slash = request.path + "/"
        if not request.path.endswith("/") and is_valid_path(with_slash):
            # No redirect: it would turn a POST into a GET.
            raise NotFound(f"Paths end with a slash here: {with_slash}")
        raise NotFound(f"{request.path} is no path of this API. /api/docs/ lists them all.")
