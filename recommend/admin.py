"""The tables of the pipeline in the admin pages. What a run or an import stored is read there, not edited."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from recommend.admin_base import LargeTableAdmin, ReadOnlyAdmin, StudioAdmin, TabularInline, short
from recommend.models import (
    Behavior,
    ExplanationFill,
    Generation,
    GuestHistory,
    Item,
    ItemShortForm,
    LanguageModel,
    Output,
    PipelineRun,
    PopulationChunk,
    PopulationJob,
    PopulationShopper,
    Recommendation,
    RetrievalIndex,
    Shopper,
    ShortFormFill,
    StoredExplanation,
    TextEmbedding,
    Vector,
    VectorAlias,
    VectorVersion,
)


@admin.register(Item)
class ItemAdmin(LargeTableAdmin[Item]):
    list_display = ("sku", "title", "path", "brand", "price", "n_behaviors", "short_text")
    search_fields = ("sku__exact", "title", "short_text")
    exclude = ("text_embedding",)
    readonly_fields = ("text_embedding_text",)

    @admin.display(description="category")
    def path(self, item: Item) -> str:
        return " › ".join(item.category)

    @admin.display(description="text that is embedded")
    def text_embedding_text(self, item: Item) -> str:
        return item.text_embedding.text if item.text_embedding else "not embedded yet"


@admin.register(TextEmbedding)
class TextEmbeddingAdmin(LargeTableAdmin[TextEmbedding]):
    list_display = ("text", "model", "created_at")
    list_filter = ("model",)
    search_fields = ("text",)
    exclude = ("embedding",)  # 384 numbers say nothing to a reader

    def get_queryset(self, request: HttpRequest) -> QuerySet[TextEmbedding]:
        return super().get_queryset(request).defer("embedding")


@admin.register(Shopper)
class ShopperAdmin(LargeTableAdmin[Shopper]):
    list_display = ("external_id", "attributes", "n_behaviors", "last_behavior_at", "created_at")
    list_filter = ("is_guest", "last_behavior_at")
    search_fields = ("external_id__istartswith",)


@admin.register(GuestHistory)
class GuestHistoryAdmin(LargeTableAdmin[GuestHistory]):
    list_display = ("shopper", "created_at")
    list_select_related = ("shopper",)
    search_fields = ("shopper__external_id__exact",)
    exclude = ("behaviors",)  # up to 50,000
    readonly_fields = ("newest",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[GuestHistory]:
        return super().get_queryset(request).defer("behaviors")

    @admin.display(description="newest behaviours")
    def newest(self, history: GuestHistory) -> str:
        return "; ".join(f"{one['occurred_at']} {one['kind']}" for one in reversed(history.behaviors[-50:]))


@admin.register(Behavior)
class BehaviorAdmin(LargeTableAdmin[Behavior]):
    list_display = ("occurred_at", "shopper", "kind", "item", "query", "quantity", "dwell_s")
    list_filter = ("kind",)
    list_select_related = ("shopper", "item")
    search_fields = ("shopper__external_id__exact",)
    search_help_text = "A shopper's whole external id."


@admin.register(LanguageModel)
class LanguageModelAdmin(StudioAdmin[LanguageModel]):
    list_display = ("name", "role", "state", "engine", "base", "adapter", "parent", "created_at")
    list_filter = ("role", "state", "engine")
    list_select_related = ("parent",)
    search_fields = ("name", "base", "adapter")
    autocomplete_fields = ("parent",)
    ordering = ("role", "-created_at")


@admin.register(PipelineRun)
class PipelineRunAdmin(LargeTableAdmin[PipelineRun]):
    list_display = ("created_at", "shopper", "state", "step", "created_by", "reference_at", "finished_at", "problem")
    list_filter = ("state", "step", "created_at")
    list_select_related = ("shopper", "created_by")
    search_fields = ("shopper__external_id__exact", "id__exact", "idempotency_key__exact")
    search_help_text = "A shopper's external id, a run's id, or an idempotency key; each whole."
    exclude = ("lease_token",)

    @admin.display(description="error")
    def problem(self, run: PipelineRun) -> str:
        return short(run.error)


@admin.register(PopulationJob)
class PopulationJobAdmin(ReadOnlyAdmin[PopulationJob]):
    list_display = ("query", "steps", "state", "n_shoppers", "attempt", "created_by", "created_at", "finished_at")
    list_filter = ("state",)
    list_select_related = ("created_by",)
    search_fields = ("query", "error", "id__exact")
    exclude = ("lease_token",)


@admin.register(ExplanationFill)
class ExplanationFillAdmin(ReadOnlyAdmin[ExplanationFill]):
    list_display = ("created_at", "language", "state", "n_wanted", "n_made", "n_rejected", "n_failed", "created_by")
    list_filter = ("state", "language")
    list_select_related = ("created_by",)
    search_fields = ("error", "id__exact")
    exclude = ("lease_token",)


@admin.register(ShortFormFill)
class ShortFormFillAdmin(ReadOnlyAdmin[ShortFormFill]):
    list_display = ("created_at", "model", "state", "n_wanted", "n_made", "n_rejected", "n_failed", "error")
    list_filter = ("state",)
    list_select_related = ("model",)
    search_fields = ("error", "id__exact")
    exclude = ("lease_token",)


@admin.register(ItemShortForm)
class ItemShortFormAdmin(LargeTableAdmin[ItemShortForm]):
    list_display = ("item", "text", "model", "prompt_version", "stored_at")
    list_select_related = ("item", "model")
    search_fields = ("item__sku__exact",)
    search_help_text = "An item's whole sku."


@admin.register(StoredExplanation)
class StoredExplanationAdmin(LargeTableAdmin[StoredExplanation]):
    list_display = ("interest", "item", "language", "output", "stored_at")
    list_filter = ("language",)
    list_select_related = ("item", "output")
    search_fields = ("interest__exact", "item__sku__exact")
    search_help_text = "An interest as it is stored, lower case, or an item's sku; each whole."


@admin.register(PopulationChunk)
class PopulationChunkAdmin(LargeTableAdmin[PopulationChunk]):
    list_display = ("created_at", "population", "state", "attempt", "n_calls", "money", "lease_until", "error")
    list_filter = ("state",)
    list_select_related = ("population",)
    search_fields = ("population__id__exact", "id__exact")
    search_help_text = "The id of a population job or of a chunk; each whole."
    exclude = ("lease_token",)


@admin.register(PopulationShopper)
class PopulationShopperAdmin(LargeTableAdmin[PopulationShopper]):
    list_display = ("shopper", "population", "state", "reason", "tokens", "ended_at")
    list_filter = ("state", "reason")
    list_select_related = ("shopper", "population")
    search_fields = ("population__id__exact", "shopper__external_id__exact")
    search_help_text = "The id of a population job or a shopper's external id; each whole."


class OutputInline(TabularInline[Output, Generation]):
    model = Output
    fields = ("position", "text", "reason", "evidence", "rejected_by", "rejected_because")
    readonly_fields = fields
    extra = 0
    can_delete = False
    show_change_link = True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True  # whoever may see the generation

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Generation)
class GenerationAdmin(LargeTableAdmin[Generation]):
    list_display = ("created_at", "shopper", "stage", "state", "model", "n_outputs", "completion_tokens", "problem")
    list_filter = ("stage", "state", "model")
    list_select_related = ("shopper", "model")
    search_fields = ("shopper__external_id__exact", "id__exact", "run__id__exact")
    search_help_text = "A shopper's external id, or the id of a generation or its run; each whole."
    inlines = (OutputInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Generation]:
        return super().get_queryset(request).annotate(outputs_made=Count("outputs"))

    @admin.display(description="outputs")
    def n_outputs(self, generation: Any) -> int:
        return int(generation.outputs_made)

    @admin.display(description="error")
    def problem(self, generation: Generation) -> str:
        return short(generation.error)


@admin.register(Output)
class OutputAdmin(LargeTableAdmin[Output]):
    list_display = ("text", "kind", "because", "parent", "item", "rejected_by", "created_at")
    list_filter = ("kind", "rejected_by", "created_at")
    list_select_related = ("parent", "item")
    search_fields = ("text", "id__exact", "generation__id__exact")
    search_help_text = "Words of the text, or the whole id of an output or its generation."

    @admin.display(description="reason")
    def because(self, output: Output) -> str:
        return short(output.reason)


@admin.register(Recommendation)
class RecommendationAdmin(LargeTableAdmin[Recommendation]):
    list_display = ("run", "rank", "item", "score", "collaborative", "semantic", "arm", "tag", "created_at")
    list_select_related = ("run__shopper", "item", "tag")
    search_fields = ("run__id__exact", "run__shopper__external_id__exact")
    search_help_text = "A run's id or a shopper's external id; each whole."


@admin.register(RetrievalIndex)
class RetrievalIndexAdmin(ReadOnlyAdmin[RetrievalIndex]):
    list_display = ("created_at", "kind", "n_items", "n_behaviors")
    list_filter = ("kind",)
    search_fields = ("kind",)
    exclude = ("data",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[RetrievalIndex]:
        return super().get_queryset(request).defer("data")


@admin.register(VectorVersion)
class VectorVersionAdmin(ReadOnlyAdmin[VectorVersion]):
    list_display = ("created_at", "model", "kind", "n_vectors", "recall", "n_probes", "probed_at", "changed_at")
    list_filter = ("kind", "model")
    search_fields = ("model",)


@admin.register(Vector)
class VectorAdmin(LargeTableAdmin[Vector]):
    list_display = ("key", "version", "labels", "created_at")
    list_select_related = ("version",)
    search_fields = ("key__exact",)
    exclude = ("vector",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Vector]:
        return super().get_queryset(request).defer("vector")


@admin.register(VectorAlias)
class VectorAliasAdmin(ReadOnlyAdmin[VectorAlias]):
    list_display = ("name", "version", "previous", "switched_at")
    list_select_related = ("version", "previous")
    search_fields = ("name",)
