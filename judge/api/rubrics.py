"""Rubrics by REST: reading them, and for leads writing drafts, fixing them and putting them in use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from judge import rubric_editing, services
from judge.api.serializers import RubricSerializer
from judge.fixed import RubricFixedError
from judge.models import Rubric
from judge.rubric_changes import changes
from judge.rubric_editing import MAX_EXAMPLE, MAX_TEXT, RubricError, StaleEditionError
from judge.rubrics import CriterionDef, ExampleDef, LabelDef, RubricDef
from recommend import roles
from recommend.api import queries
from recommend.api.base import (
    EmptyRequest,
    FilteredViewSet,
    HasRole,
    IsLead,
    Parameters,
    Query,
    StrictSerializer,
    caller,
)
from recommend.api.errors import ConflictError
from recommend.models import Output


class RubricQuery(Query):
    kind = serializers.ChoiceField(required=False, choices=Output.Kind.choices)


class ExampleSerializer(StrictSerializer):
    """An output with the label that is right for it: what judges are shown."""

    text = serializers.CharField(max_length=MAX_EXAMPLE, help_text="Of the output.")
    label = serializers.CharField(max_length=30)  # type: ignore[assignment]  # the example's label, not the field's
    reason = serializers.CharField(default="", allow_blank=True, max_length=MAX_EXAMPLE)


class LabelWords(StrictSerializer):
    value = serializers.CharField(max_length=30, help_text="What is stored, exported and asked of the judge.")
    title = serializers.CharField(
        default="", allow_blank=True, max_length=40, help_text="On the button; else the value."
    )
    passes = serializers.BooleanField()
    help = serializers.CharField(default="", allow_blank=True, max_length=300)


class CriterionWords(StrictSerializer):
    """One question; labels run from best to worst."""

    name = serializers.CharField(max_length=40)
    title = serializers.CharField(default="", allow_blank=True, max_length=100)
    question = serializers.CharField(default="", allow_blank=True, max_length=1_000)
    guideline = serializers.CharField(default="", allow_blank=True, max_length=MAX_TEXT, help_text="Markdown.")
    labels = LabelWords(many=True, default=list)
    examples = ExampleSerializer(many=True, default=list)


class RubricWords(StrictSerializer):
    """All that a draft is to say: what is left out is empty afterwards."""

    title = serializers.CharField(max_length=200)
    guideline = serializers.CharField(default="", allow_blank=True, max_length=MAX_TEXT, help_text="Markdown.")
    criteria = CriterionWords(many=True, default=list, help_text="In their order.")
    edition = serializers.IntegerField(min_value=0, help_text="The one that you changed.")


class RubricDraftRequest(StrictSerializer):
    """A new draft, from a rubric or from nothing: then give its kind."""

    kind = serializers.ChoiceField(required=False, choices=Output.Kind.choices)
    made_from = serializers.PrimaryKeyRelatedField(required=False, queryset=Rubric.objects.all())


class FixRequest(StrictSerializer):
    in_use = serializers.BooleanField(default=False, help_text="Judges go by it from now on.")


class RubricDetailSerializer(RubricSerializer):
    """A rubric with where it stands; needs the caller as `user`."""

    is_draft = serializers.BooleanField(read_only=True)
    examples = serializers.SerializerMethodField(
        help_text="{criterion: examples}, for leads: an annotator may have the same output to label."
    )
    open_points = serializers.SerializerMethodField(help_text="What is missing before a draft can be fixed.")

    class Meta(RubricSerializer.Meta):
        fields = (  # type: ignore[assignment]
            *RubricSerializer.Meta.fields,
            "is_draft",
            "edition",
            "made_from",
            "fixed_at",
            "in_use_since",
            "examples",
            "open_points",
        )

    @extend_schema_field(serializers.DictField(child=ExampleSerializer(many=True)))
    def get_examples(self, rubric: Rubric) -> dict[str, list[dict[str, Any]]]:
        if not roles.has_role(self.context["user"], roles.LEAD):
            return {}
        rules = services.definition(rubric)
        return {one.name: list(ExampleSerializer(one.examples, many=True).data) for one in rules.criteria}

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_open_points(self, rubric: Rubric) -> list[str]:
        return rubric_editing.open_points(services.definition(rubric)) if rubric.is_draft else []


class ChangesQuery(Parameters):
    against = serializers.PrimaryKeyRelatedField(
        queryset=Rubric.objects.all(), pk_field=serializers.UUIDField(), help_text="Another rubric of the kind."
    )


class ChangeSerializer(serializers.Serializer[Any]):
    """One text that differs; a side without it is empty."""

    where = serializers.CharField()
    before = serializers.CharField(source="before_text")
    after = serializers.CharField(source="after_text")


@contextmanager
def writing() -> Iterator[None]:
    """Turns a rubric's refusals into those of the API."""
    try:
        yield
    except (RubricFixedError, StaleEditionError) as error:
        raise ConflictError(str(error)) from error
    except RubricError as error:
        raise serializers.ValidationError({error.where or "rubric": [str(error)]}) from error


@extend_schema_view(
    list=extend_schema(summary="List rubrics", parameters=[RubricQuery]),
    retrieve=extend_schema(summary="One rubric"),
)
class RubricViewSet(mixins.RetrieveModelMixin, FilteredViewSet[Rubric]):
    """Rubrics: what is asked of one kind of output. A fixed version never changes; leads write drafts."""

    query = RubricQuery
    queryset = Rubric.objects.prefetch_related("criteria")
    serializer_class = RubricDetailSerializer

    def get_permissions(self) -> Any:
        return [HasRole()] if self.action in {"list", "retrieve"} else [IsLead()]

    def get_queryset(self) -> QuerySet[Rubric]:
        found = super().get_queryset()
        is_lead = roles.has_role(caller(self.request), roles.LEAD)
        return found if is_lead else found.filter(version__gt=0)

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "user": self.request.user if self.request else AnonymousUser()}

    def filtered(self, queryset: QuerySet[Rubric], wanted: Mapping[str, Any]) -> QuerySet[Rubric]:
        return queryset.filter(queries.exact(wanted, "kind"))

    @extend_schema(summary="Make a draft", request=RubricDraftRequest, responses={201: RubricDetailSerializer})
    def create(self, request: Request) -> Response:
        """Make a draft from a rubric, or an empty one of a kind (leads only)."""
        wanted = RubricDraftRequest.body_of(request)
        with writing():
            draft = rubric_editing.new_draft(by=caller(request), **wanted)
        return self._said(draft, status.HTTP_201_CREATED)

    @extend_schema(
        summary="Write a draft",
        request=RubricWords,
        responses={
            200: RubricDetailSerializer,
            409: OpenApiResponse(description="It is fixed, or somebody saved it since the edition that you name."),
        },
    )
    def update(self, request: Request, pk: UUID) -> Response:
        """Say all that a draft is to say (leads only). A fixed rubric is refused: make a draft from it."""
        wanted = RubricWords.body_of(request)
        draft = self.get_object()
        with writing():
            saved = rubric_editing.save(draft, _words(wanted, draft), wanted["edition"])
        return self._said(saved)

    @extend_schema(summary="Delete a draft", responses={204: None, 409: OpenApiResponse(description="It is fixed.")})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Delete a draft (leads only)."""
        with writing():
            rubric_editing.discard(self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Fix a draft",
        request=FixRequest,
        responses={200: RubricDetailSerializer, 409: OpenApiResponse(description="It is fixed already.")},
    )
    @action(detail=True, methods=["post"])
    def fix(self, request: Request, pk: UUID) -> Response:
        """Give a draft its version (leads only): from then on it never changes."""
        wanted = FixRequest.body_of(request)
        with writing():
            return self._said(rubric_editing.fix(self.get_object(), by=caller(request), **wanted))

    @extend_schema(summary="Put in use", request=EmptyRequest, responses=RubricDetailSerializer)
    @action(detail=True, methods=["post"])
    def use(self, request: Request, pk: UUID) -> Response:
        """Have judges go by a version from now on (leads only); campaigns that run keep theirs."""
        EmptyRequest.body_of(request)
        with writing():
            return self._said(rubric_editing.put_in_use(self.get_object(), by=caller(request)))

    @extend_schema(summary="What changed", parameters=[ChangesQuery], responses=ChangeSerializer(many=True))
    @action(detail=True, pagination_class=None)
    def changes(self, request: Request, pk: UUID) -> Response:
        """Every text that differs from another rubric's (leads only)."""
        found, other = self.get_object(), ChangesQuery.of(request)["against"]
        differing = changes(services.definition(other), services.definition(found))
        return Response(ChangeSerializer(differing, many=True).data)

    def _said(self, rubric: Rubric, code: int = status.HTTP_200_OK) -> Response:
        fresh = Rubric.objects.prefetch_related("criteria").get(pk=rubric.pk)
        return Response(RubricDetailSerializer(fresh, context=self.get_serializer_context()).data, code)


def _words(given: Mapping[str, Any], draft: Rubric) -> RubricDef:
    return RubricDef(
        kind=draft.kind,  # type: ignore[arg-type]  # the field's choices are the kinds
        title=given["title"],
        guideline=given["guideline"],
        criteria=tuple(
            CriterionDef(
                name=one["name"],
                title=one["title"],
                question=one["question"],
                guideline=one["guideline"],
                labels=tuple(LabelDef(**label) for label in one["labels"]),
                examples=tuple(ExampleDef(**example) for example in one["examples"]),
            )
            for one in given["criteria"]
        ),
    )
