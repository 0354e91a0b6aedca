"""Webhooks and their deliveries by REST: the same services and refusals as on the pages, for leads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from recgpt_site.models import Delivery, Event, Webhook
from recgpt_site.webhooks import services
from recgpt_site.webhooks.services import InvalidWebhookError
from recommend.api import queries
from recommend.api.base import EmptyRequest, FilteredViewSet, IsLead, Query, StrictSerializer, caller


class WebhookSerializer(serializers.ModelSerializer[Webhook]):
    """A webhook; its secret is not in it."""

    events = serializers.ListField(child=serializers.ChoiceField(choices=Event.choices), read_only=True)

    class Meta:
        model = Webhook
        fields = ("id", "url", "events", "is_active", "disabled_because", "created_at")
        read_only_fields = fields


class NewWebhookSerializer(WebhookSerializer):
    """A webhook with its secret, which is shown only now."""

    secret = serializers.CharField(read_only=True)

    class Meta(WebhookSerializer.Meta):
        fields = (*WebhookSerializer.Meta.fields, "secret")  # type: ignore[assignment]
        read_only_fields = fields  # type: ignore[assignment]


class WebhookRequest(StrictSerializer):
    url = serializers.URLField(max_length=500, help_text="https://, leading to a public address.")
    events = serializers.ListField(child=serializers.ChoiceField(choices=Event.choices), min_length=1)


class WebhookChange(StrictSerializer):
    url = serializers.URLField(required=False, max_length=500)
    events = serializers.ListField(required=False, child=serializers.ChoiceField(choices=Event.choices), min_length=1)
    is_active = serializers.BooleanField(required=False, help_text="true delivers what has waited.")


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    """One event on its way to one webhook, with what came of the last attempt."""

    state = serializers.ChoiceField(choices=Delivery.State.choices, read_only=True)
    data = serializers.DictField(read_only=True)  # type: ignore[assignment]  # the field, not the serializer's data

    class Meta:
        model = Delivery
        fields = (
            "id",
            "webhook",
            "event",
            "data",
            "state",
            "n_attempts",
            "next_attempt_at",
            "last_attempt_at",
            "status",
            "seconds",
            "excerpt",
            "error",
            "created_at",
        )
        read_only_fields = fields


class DeliveryQuery(Query):
    webhook = serializers.UUIDField(required=False)
    state = serializers.ChoiceField(required=False, choices=Delivery.State.choices)
    event = serializers.CharField(required=False)


@contextmanager
def refusing() -> Iterator[None]:
    """Turn what the service refuses into the API's words."""
    try:
        yield
    except InvalidWebhookError as error:
        raise serializers.ValidationError({error.field: [str(error)]}) from error


@extend_schema_view(
    list=extend_schema(summary="List webhooks", parameters=[Query]),
    retrieve=extend_schema(summary="One webhook"),
)
class WebhookViewSet(mixins.RetrieveModelMixin, FilteredViewSet[Webhook]):
    """Webhooks (leads only): addresses of other systems that are told of events, signed."""

    query = Query
    queryset = Webhook.objects.all()
    serializer_class = WebhookSerializer
    permission_classes = [IsLead]

    def filtered(self, queryset: QuerySet[Webhook], wanted: Mapping[str, Any]) -> QuerySet[Webhook]:
        return queryset

    @extend_schema(summary="Register a webhook", request=WebhookRequest, responses={201: NewWebhookSerializer})
    def create(self, request: Request) -> Response:
        """The answer has the secret that every call is signed with; it is shown only now."""
        wanted = WebhookRequest.body_of(request)
        with refusing():
            made, _ = services.register(by=caller(request), **wanted)
        return Response(NewWebhookSerializer(made).data, status.HTTP_201_CREATED)

    @extend_schema(summary="Change a webhook", request=WebhookChange, responses=WebhookSerializer)
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Another address, other events, or disable and enable; what is not named stays."""
        wanted = WebhookChange.body_of(request)
        with refusing():
            changed = services.change(self.get_object(), **wanted)
        return Response(WebhookSerializer(changed).data)

    @extend_schema(summary="Delete a webhook", responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Forget it, and its deliveries with it."""
        services.delete(self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(summary="Make a new secret", request=EmptyRequest, responses=NewWebhookSerializer)
    @action(detail=True, methods=["post"])
    def secret(self, request: Request, pk: UUID) -> Response:
        """The old one is of no use from now on; the new one is shown only now."""
        EmptyRequest.body_of(request)
        webhook = self.get_object()
        services.renew_secret(webhook)
        return Response(NewWebhookSerializer(webhook).data)

    @extend_schema(summary="Send a test", request=EmptyRequest, responses={202: DeliverySerializer})
    @action(detail=True, methods=["post"])
    def ping(self, request: Request, pk: UUID) -> Response:
        """Send the event `ping`, which tells nothing; ask for the delivery to see whether it arrived."""
        EmptyRequest.body_of(request)
        return Response(DeliverySerializer(services.ping(self.get_object())).data, status.HTTP_202_ACCEPTED)


@extend_schema_view(
    list=extend_schema(summary="List deliveries", parameters=[DeliveryQuery]),
    retrieve=extend_schema(summary="One delivery"),
)
class DeliveryViewSet(mixins.RetrieveModelMixin, FilteredViewSet[Delivery]):
    """Deliveries (leads only): what was sent to webhooks, and what came back."""

    query = DeliveryQuery
    queryset = Delivery.objects.all()
    serializer_class = DeliverySerializer
    permission_classes = [IsLead]

    def filtered(self, queryset: QuerySet[Delivery], wanted: Mapping[str, Any]) -> QuerySet[Delivery]:
        return queryset.filter(queries.exact(wanted, "webhook", "state", "event"))

    @extend_schema(summary="Send again", request=EmptyRequest, responses={202: DeliverySerializer})
    @action(detail=True, methods=["post"])
    def resend(self, request: Request, pk: UUID) -> Response:
        """Make it due now, with all its attempts before it. Its id stays, so a receiver knows it again."""
        EmptyRequest.body_of(request)
        return Response(DeliverySerializer(services.resend(self.get_object())).data, status.HTTP_202_ACCEPTED)
