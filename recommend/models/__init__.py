"""Tables of the pipeline: catalogue, shoppers, behaviours, models, and what the models generated."""

from recommend.models.ahead import MAX_INTEREST, ExplanationFill, ItemShortForm, ShortFormFill, StoredExplanation
from recommend.models.audit import AuditEntry
from recommend.models.behaviors import Behavior, GuestHistory
from recommend.models.catalogue import EMBEDDING_DIMENSIONS, ITEM_NAME, Item, Shopper, ShopperQuerySet, TextEmbedding
from recommend.models.ids import new_id
from recommend.models.language_models import LanguageModel, LanguageModelQuerySet
from recommend.models.populations import PopulationChunk, PopulationJob, PopulationShopper
from recommend.models.retrieval import RetrievalIndex
from recommend.models.runs import (
    ACTIVE_STATES,
    FINISHED,
    STEPS,
    ExplanationSource,
    Generation,
    JobState,
    Output,
    OutputQuerySet,
    PipelineRun,
    Recommendation,
    Stage,
    TagStrategy,
)
from recommend.models.vectors import Vector, VectorAlias, VectorVersion

__all__ = [
    "ACTIVE_STATES",
    "EMBEDDING_DIMENSIONS",
    "FINISHED",
    "ITEM_NAME",
    "MAX_INTEREST",
    "STEPS",
    "AuditEntry",
    "Behavior",
    "ExplanationFill",
    "ExplanationSource",
    "Generation",
    "GuestHistory",
    "Item",
    "ItemShortForm",
    "JobState",
    "LanguageModel",
    "LanguageModelQuerySet",
    "Output",
    "OutputQuerySet",
    "PipelineRun",
    "PopulationChunk",
    "PopulationJob",
    "PopulationShopper",
    "Recommendation",
    "RetrievalIndex",
    "Shopper",
    "ShopperQuerySet",
    "ShortFormFill",
    "Stage",
    "StoredExplanation",
    "TagStrategy",
    "TextEmbedding",
    "Vector",
    "VectorAlias",
    "VectorVersion",
    "new_id",
]
