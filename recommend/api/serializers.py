"""What the API says of the catalogue, of models, and of what was generated."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from recommend.api.quick import Quick
from recommend.models import Generation, Item, LanguageModel, Output, PipelineRun, Shopper
from recommend.selectors import CardView, StepView

STEP_STATES = ["waiting", "running", "done", "failed", "cancelled", "skipped"]


class ShopperSerializer(serializers.ModelSerializer[Shopper]):
    class Meta:
        model = Shopper
        fields = ("id", "external_id", "attributes", "n_behaviors", "last_behavior_at", "created_at")


class ShopperReference(Quick, serializers.ModelSerializer[Shopper]):
    class Meta:
        model = Shopper
        fields = ("id", "external_id")


class ItemSerializer(serializers.ModelSerializer[Item]):
    class Meta:
        model = Item
        fields = (
            "id",
            "sku",
            "title",
            "category",
            "brand",
            "price",
            "image_url",
            "attributes",
            "short_text",
            "n_behaviors",
            "created_at",
        )


class ItemReference(serializers.ModelSerializer[Item]):
    class Meta:
        model = Item
        fields = ("id", "sku", "title", "category", "brand", "price")


class LanguageModelSerializer(serializers.ModelSerializer[LanguageModel]):
    class Meta:
        model = LanguageModel
        fields = (
            "id",
            "name",
            "role",
            "engine",
            "base",
            "adapter",
            "parent",
            "state",
            "history_tokens",
            "n_interests",
            "n_tags",
            "tag_rounds",
            "max_tokens",
            "prompt_version",
            "guideline_apart",
            "request_options",
            "prompt_price",
            "completion_price",
            "note",
            "created_at",
        )


class LanguageModelReference(serializers.ModelSerializer[LanguageModel]):
    class Meta:
        model = LanguageModel
        fields = ("id", "name", "note")


class RejectionSerializer(serializers.Serializer[Output]):
    """Which rule rejected an output, and why."""

    rule = serializers.CharField(source="rejected_by")
    reason = serializers.CharField(source="rejected_because")


class OutputSerializer(Quick, serializers.ModelSerializer[Output]):
    """One interest, item tag or explanation."""

    interest = serializers.UUIDField(
        source="parent_id", read_only=True, allow_null=True, help_text="The interest that a tag or explanation serves."
    )
    item = serializers.UUIDField(source="item_id", read_only=True, allow_null=True)
    evidence = serializers.ListField(
        child=serializers.IntegerField(), help_text="Indexes of the history lines that the reason cites."
    )
    rejection = serializers.SerializerMethodField()

    class Meta:
        model = Output
        fields = (
            "id",
            "generation",
            "kind",
            "position",
            "text",
            "reason",
            "stage",
            "guideline",
            "interest",
            "item",
            "evidence",
            "rejection",
        )

    @extend_schema_field(RejectionSerializer(allow_null=True))
    def get_rejection(self, output: Output) -> dict[str, Any] | None:
        return dict(RejectionSerializer(output).data) if output.is_rejected else None


class GenerationSerializer(serializers.ModelSerializer[Generation]):
    """One call of a language model."""

    shopper = ShopperReference(read_only=True)
    model = LanguageModelReference(read_only=True)

    class Meta:
        model = Generation
        fields = (
            "id",
            "run",
            "shopper",
            "stage",
            "position",
            "model",
            "state",
            "prompt_version",
            "prompt_sha256",
            "input_sha256",
            "prompt_tokens",
            "completion_tokens",
            "latency_s",
            "error",
            "created_at",
            "finished_at",
        )


class GenerationDetailSerializer(GenerationSerializer):
    """A call with what went in and what came out."""

    outputs = OutputSerializer(many=True, read_only=True)
    input = serializers.JSONField(read_only=True, help_text="What the prompt was made from.")

    class Meta(GenerationSerializer.Meta):
        fields = (*GenerationSerializer.Meta.fields, "input", "raw_text", "outputs")  # type: ignore[assignment]


class RunSerializer(serializers.ModelSerializer[PipelineRun]):
    """A request through all stages, without its results."""

    url = serializers.HyperlinkedIdentityField(view_name="api:pipeline-run-detail", help_text="Poll this.")
    shopper = ShopperReference(read_only=True)
    created_by = serializers.CharField(source="created_by.username", default=None, read_only=True, allow_null=True)
    is_active = serializers.BooleanField(read_only=True, help_text="Queued or running: poll again.")
    rules = serializers.DictField(read_only=True, help_text="What may be offered, where the run says it.")

    class Meta:
        model = PipelineRun
        fields = (
            "id",
            "url",
            "shopper",
            "created_by",
            "state",
            "is_active",
            "step",
            "reference_at",
            "beta",
            "n_items",
            "steps",
            "rules",
            "language",
            "explanation_source",
            "tag_strategy",
            "batch",
            "priority",
            "error",
            "created_at",
            "started_at",
            "finished_at",
        )


class StepSerializer(serializers.Serializer[StepView]):
    name = serializers.CharField()
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=STEP_STATES)


class HistoryLineSerializer(Quick, serializers.Serializer[Any]):
    text = serializers.CharField(help_text="The line as the model reads it.")
    contexts = serializers.CharField(default="", help_text="When, and what was done.")
    items = serializers.JSONField(help_text="A list of [name, count].")


class DroppedSerializer(Quick, serializers.Serializer[Any]):
    period = serializers.CharField(help_text="As the lines say it, such as “2 years ago”.")
    n_events = serializers.IntegerField()


class HistorySerializer(Quick, serializers.Serializer[Any]):
    """The compressed history, and what it left out."""

    lines = HistoryLineSerializer(many=True)
    n_events = serializers.IntegerField()
    n_kept_events = serializers.IntegerField()
    n_dropped_events = serializers.IntegerField(help_text="Dropped, oldest first, to fit the model's context.")
    n_unknown_items = serializers.IntegerField(
        default=0, help_text="Behaviours that were left out, since the catalogue does not have their item."
    )
    dropped = DroppedSerializer(many=True, default=list, help_text="How many of each period, oldest first.")
    dropped_before = serializers.CharField(
        allow_null=True, help_text="First day of the oldest period that is wholly there; null where none is."
    )
    tokens = serializers.IntegerField()
    max_tokens = serializers.IntegerField(allow_null=True)

    def to_representation(self, instance: Any) -> Any:
        # A run has no history before its first step is done.
        return super().to_representation(instance) if instance else None


class InterestSerializer(OutputSerializer):
    """An interest with the tags that serve it; made from an InterestView."""

    tags = OutputSerializer(many=True, read_only=True)

    class Meta(OutputSerializer.Meta):
        fields = (*OutputSerializer.Meta.fields, "tags")  # type: ignore[assignment]

    def to_representation(self, instance: Any) -> Any:
        instance.output.tags = instance.tags  # beside the row's own columns, for the field above
        return super().to_representation(instance.output)


class TagReference(serializers.ModelSerializer[Output]):
    class Meta:
        model = Output
        fields = ("id", "text")


class RecommendationSerializer(serializers.Serializer[CardView]):
    """An item of the list with the parts of its score: beta * collaborative + (1 - beta) * semantic."""

    rank = serializers.IntegerField(source="recommendation.rank")
    item = ItemReference(source="recommendation.item")
    score = serializers.FloatField(source="recommendation.score")
    collaborative = serializers.FloatField(source="recommendation.collaborative")
    semantic = serializers.FloatField(source="recommendation.semantic")
    arm = serializers.CharField(
        source="recommendation.arm",
        help_text="Who brought the item: collaborative, semantic or both; user_tower or tag_tower where a tower alone "
        "of its side did; empty in runs from before that was kept.",
    )
    tag = TagReference(source="recommendation.tag", allow_null=True, help_text="The tag nearest to the item.")
    explanation = OutputSerializer(allow_null=True)


class FailedCallSerializer(serializers.ModelSerializer[Generation]):
    """A call whose answer could not be used, with that answer."""

    class Meta:
        model = Generation
        fields = ("id", "stage", "position", "error", "raw_text")


class RunDetailSerializer(RunSerializer):
    """A run with everything that is stored of it; made from a RunView."""

    progress = StepSerializer(source="steps", many=True, read_only=True)
    elapsed_s = serializers.FloatField(read_only=True)
    history = HistorySerializer(read_only=True, allow_null=True)
    interests = InterestSerializer(many=True, read_only=True)
    recommendations = RecommendationSerializer(source="cards", many=True, read_only=True)
    rejected = OutputSerializer(many=True, read_only=True, help_text="What a rule rejected, with the rule.")
    failed = FailedCallSerializer(many=True, read_only=True)
    models = LanguageModelReference(many=True, read_only=True, help_text="The models at work, with their owners' note.")

    class Meta(RunSerializer.Meta):
        fields = (  # type: ignore[assignment]
            *RunSerializer.Meta.fields,
            "progress",
            "elapsed_s",
            "history",
            "interests",
            "recommendations",
            "rejected",
            "failed",
            "models",
        )

    def to_representation(self, instance: Any) -> Any:
        run = instance.run
        for name in ("steps", "elapsed_s", "interests", "cards", "rejected", "failed", "models"):
            setattr(run, name, getattr(instance, name))
        return super().to_representation(run)


class BulkAnswer(serializers.Serializer[Any]):
    """What became of one line: `run`, or `problem` where it was refused."""

    line = serializers.IntegerField(help_text="From 1, empty lines counted.")
    status = serializers.IntegerField(help_text="That a single request would have been answered with.")
    run = RunSerializer(required=False)
    problem = serializers.DictField(required=False, help_text="As every refusal; see the schema of a problem.")
