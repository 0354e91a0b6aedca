"""What runs are made from, and what was generated, by REST."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins
from rest_framework.serializers import BaseSerializer

from recommend.api import queries
from recommend.api.base import FilteredViewSet, IsLead
from recommend.api.serializers import (
    GenerationDetailSerializer,
    GenerationSerializer,
    ItemSerializer,
    LanguageModelSerializer,
    ShopperSerializer,
)
from recommend.models import Generation, Item, LanguageModel, Shopper


@extend_schema_view(
    list=extend_schema(summary="List shoppers", parameters=[queries.ShopperQuery]),
    retrieve=extend_schema(summary="One shopper"),
)
class ShopperViewSet(mixins.RetrieveModelMixin, FilteredViewSet[Shopper]):
    """Shoppers: whose behaviour is known. Not login users."""

    query = queries.ShopperQuery
    queryset = Shopper.objects.known()
    serializer_class = ShopperSerializer

    def filtered(self, queryset: QuerySet[Shopper], wanted: Mapping[str, Any]) -> QuerySet[Shopper]:
        if "search" in wanted:
            queryset = queryset.filter(external_id__istartswith=wanted["search"])
        return queryset.filter(queries.exact(wanted, "external_id"))


@extend_schema_view(
    list=extend_schema(summary="List items", parameters=[queries.ItemQuery]),
    retrieve=extend_schema(summary="One item"),
)
class ItemViewSet(mixins.RetrieveModelMixin, FilteredViewSet[Item]):
    """Items: the catalogue."""

    query = queries.ItemQuery
    queryset = Item.objects.all()
    serializer_class = ItemSerializer

    def filtered(self, queryset: QuerySet[Item], wanted: Mapping[str, Any]) -> QuerySet[Item]:
        if "search" in wanted:
            words = wanted["search"]
            queryset = queryset.filter(Q(title__icontains=words) | Q(short_text__icontains=words) | Q(sku=words))
        if "category" in wanted:
            queryset = queryset.filter(category__contains=[wanted["category"]])
        return queryset.filter(queries.exact(wanted, "sku", "brand"))


@extend_schema_view(
    list=extend_schema(summary="List language models", parameters=[queries.LanguageModelQuery]),
    retrieve=extend_schema(summary="One language model"),
)
class LanguageModelViewSet(mixins.RetrieveModelMixin, FilteredViewSet[LanguageModel]):
    """Language models: each in one role; the one that is `serving` does the work."""

    query = queries.LanguageModelQuery
    queryset = LanguageModel.objects.all()
    serializer_class = LanguageModelSerializer
    permission_classes = [IsLead]

    def filtered(self, queryset: QuerySet[LanguageModel], wanted: Mapping[str, Any]) -> QuerySet[LanguageModel]:
        return queryset.filter(queries.exact(wanted, "role", "state"))


@extend_schema_view(
    list=extend_schema(summary="List generations", parameters=[queries.GenerationQuery]),
    retrieve=extend_schema(summary="One generation, with its outputs"),
)
class GenerationViewSet(mixins.RetrieveModelMixin, FilteredViewSet[Generation]):
    """Generations: one call of a language model for one shopper and stage."""

    query = queries.GenerationQuery
    queryset = Generation.objects.select_related("shopper", "model")
    detail_serializer_class: type[GenerationDetailSerializer] = GenerationDetailSerializer
    permission_classes = [IsLead]

    def get_queryset(self) -> QuerySet[Generation]:
        found = super().get_queryset()
        return found if self.action == "list" else found.prefetch_related("outputs")

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        return GenerationSerializer if self.action == "list" else self.detail_serializer_class

    def filtered(self, queryset: QuerySet[Generation], wanted: Mapping[str, Any]) -> QuerySet[Generation]:
        if "shopper" in wanted:
            queryset = queryset.filter(queries.shopper(wanted["shopper"]))
        return queryset.filter(queries.exact(wanted, "stage", "state", "run", "model"))
