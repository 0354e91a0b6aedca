"""What the API says of rubrics, campaigns, screens of work and assessments, and what it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from judge import campaigns, plans
from judge.answers import MAX_TEXT
from judge.api.pair_serializers import PairSerializer
from judge.gold import MAX_SHARE
from judge.models import Assessment, Assignment, Campaign, Criterion, Rater, Rubric
from judge.pace import Pace
from judge.services import KIND_OF_STAGE
from recommend import roles
from recommend.api.base import FiniteFloatField, StrictSerializer
from recommend.api.quick import Quick
from recommend.api.serializers import HistorySerializer, OutputSerializer, ShopperReference
from recommend.models import LanguageModel, Stage

SHORTEST_LEASE_S = 60
LONGEST_LEASE_S = 86_400


class LabelSerializer(Quick, serializers.Serializer[Any]):
    value = serializers.CharField()
    title = serializers.CharField()
    passes = serializers.BooleanField()
    help = serializers.CharField(default="")


class CriterionSerializer(Quick, serializers.ModelSerializer[Criterion]):
    labels = LabelSerializer(many=True, read_only=True)

    class Meta:
        model = Criterion
        fields = ("name", "title", "question", "guideline", "labels")


class RubricReference(Quick, serializers.ModelSerializer[Rubric]):
    class Meta:
        model = Rubric
        fields = ("id", "kind", "version", "title")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return _written(instance, "referred_to", super().to_representation)


class RubricSerializer(Quick, serializers.ModelSerializer[Rubric]):
    """What is asked of one kind of output."""

    criteria = CriterionSerializer(many=True, read_only=True)

    class Meta:
        model = Rubric
        fields = ("id", "kind", "version", "title", "guideline", "criteria", "created_at")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return _written(instance, "written", super().to_representation)


def _written(rubric: Any, where: str, write: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """A rubric as it is shown. Fixed, it never changes: the one that a process keeps is written once."""
    if rubric.is_draft:
        return write(rubric)
    if not hasattr(rubric, where):
        setattr(rubric, where, write(rubric))
    return cast("dict[str, Any]", getattr(rubric, where))


class RaterSerializer(Quick, serializers.ModelSerializer[Rater]):
    """Who rated: a person, a judge model with its prompt, or a panel of these."""

    is_person = serializers.BooleanField(read_only=True)
    name = serializers.CharField(read_only=True, help_text="The user's, the model's or the panel's name.")

    class Meta:
        model = Rater
        fields = ("id", "is_person", "name", "prompt_version")


class AssessmentSerializer(Quick, serializers.ModelSerializer[Assessment]):
    """A rater's labels for one output."""

    rater = RaterSerializer(read_only=True)
    rubric = RubricReference(read_only=True)
    labels = serializers.DictField(child=serializers.CharField(), read_only=True, help_text="{criterion: label}")
    probabilities = serializers.DictField(
        child=serializers.DictField(child=serializers.FloatField()),
        read_only=True,
        help_text="{criterion: {label: probability}} where the judge's engine gives them.",
    )

    class Meta:
        model = Assessment
        fields = (
            "id",
            "output",
            "rater",
            "rubric",
            "revision",
            "labels",
            "passed",
            "rationale",
            "probabilities",
            "seconds",
            "blind",
            "error",
            "created_at",
        )


class CampaignSerializer(serializers.ModelSerializer[Campaign]):
    """What is reviewed by people: a sample of generations, under one rubric."""

    rubric = RubricReference(read_only=True)

    class Meta:
        model = Campaign
        fields = (
            "id",
            "name",
            "stage",
            "task",
            "rubric",
            "state",
            "plan",
            "strata_by",
            "allocation",
            "uncertainty",
            "uniform_floor",
            "sampling_rate",
            "size",
            "precision",
            "population_models",
            "prompt_versions",
            "rival_models",
            "rival_prompt_versions",
            "created_from",
            "created_until",
            "overlap",
            "blind",
            "lease_s",
            "deadline",
            "guidelines",
            "gold_share",
            "gold_bar",
            "follows",
            "created_at",
        )

    def to_representation(self, campaign: Campaign) -> dict[str, Any]:
        found = super().to_representation(campaign)
        request = self.context.get("request")
        if campaign.compares and request is not None and not roles.has_role(request.user, roles.LEAD):
            # Who compares does so without knowing between whom.
            found |= {name: [] for name in self.WHOSE}
        return found

    WHOSE = ("population_models", "prompt_versions", "rival_models", "rival_prompt_versions")


class ProgressSerializer(serializers.Serializer[campaigns.Progress]):
    """A unit is one generation; a place is one person's review of it.

    Gold units stand apart for leads; for others they count among the rest, so that no figure gives one away.
    """

    n_units = serializers.IntegerField()
    n_units_done = serializers.IntegerField()
    n_places = serializers.IntegerField()
    n_submitted = serializers.IntegerField()
    n_in_work = serializers.IntegerField()
    n_waiting = serializers.IntegerField()
    n_skipped = serializers.IntegerField()
    n_flagged = serializers.IntegerField()
    n_gold_places = serializers.IntegerField(help_text="Reviews of gold units that are planned; for leads.")
    n_gold_submitted = serializers.IntegerField(help_text="For leads.")
    n_gold_in_work = serializers.IntegerField(help_text="For leads.")


class PaceSerializer(serializers.Serializer[Pace]):
    """How far a campaign is, and how fast you go in it."""

    n_places = serializers.IntegerField()
    n_submitted = serializers.IntegerField(help_text="By everybody.")
    n_own = serializers.IntegerField(help_text="By you.")
    seconds = serializers.FloatField(allow_null=True, help_text="Median time at work on your latest screens in it.")


class CampaignDetailSerializer(CampaignSerializer):
    progress = serializers.SerializerMethodField()

    class Meta(CampaignSerializer.Meta):
        fields = (*CampaignSerializer.Meta.fields, "progress")  # type: ignore[assignment]

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, campaign: Campaign) -> dict[str, int]:
        found = campaigns.progress(campaign)
        if not roles.has_role(self.context["request"].user, roles.LEAD):
            found = found.as_worked_on()
        return dict(ProgressSerializer(found).data)


class PlanRequest(StrictSerializer):
    """How a campaign draws; `sampling_rate`, `size` and `precision` are three ways to say how much: give one."""

    stage = serializers.ChoiceField(choices=Stage.choices)
    task = serializers.ChoiceField(
        choices=Campaign.Task.choices,
        default=Campaign.Task.RATE,
        help_text="compare: pairs of A, the population, and B, the rivals, for one shopper and one reference day.",
    )
    rubric = serializers.PrimaryKeyRelatedField(
        required=False,
        queryset=Rubric.objects.fixed(),
        help_text="A fixed one. Default: the one in use for the stage's outputs.",
    )
    population_models = serializers.PrimaryKeyRelatedField(
        queryset=LanguageModel.objects.all(),
        many=True,
        required=False,
        help_text="Whose generations are drawn from; none: every model's.",
    )
    prompt_versions = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, help_text="None: every one."
    )
    rival_models = serializers.PrimaryKeyRelatedField(
        queryset=LanguageModel.objects.all(), many=True, required=False, help_text="B, if comparing; none: every."
    )
    rival_prompt_versions = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, help_text="B, if comparing; none: every one."
    )
    created_from = serializers.DateField(required=False, allow_null=True)
    created_until = serializers.DateField(required=False, allow_null=True)
    plan = serializers.ChoiceField(choices=Campaign.Plan.choices, default=Campaign.Plan.UNIFORM)
    strata_by = serializers.ChoiceField(
        choices=Campaign.StrataBy.choices,
        required=False,
        help_text="If stratified; category is the one in which the shopper had bought most when the run was made.",
    )
    allocation = serializers.ChoiceField(
        choices=Campaign.Allocation.choices, default=Campaign.Allocation.PROPORTIONAL, help_text="If stratified."
    )
    uncertainty = serializers.ChoiceField(
        choices=Campaign.Uncertainty.choices, default=Campaign.Uncertainty.MARGIN, help_text="If uncertainty first."
    )
    uniform_floor = FiniteFloatField(
        default=0.2, min_value=0.01, max_value=1, help_text="Share of the probability that is the same for all."
    )
    sampling_rate = FiniteFloatField(
        required=False, min_value=1e-6, max_value=1, help_text="Share of generations drawn. Default: all."
    )
    size = serializers.IntegerField(required=False, min_value=1, help_text="Generations drawn.")
    precision = FiniteFloatField(
        required=False, min_value=0.005, max_value=0.5, help_text="Half width wished for: 0.03 is ±3 points."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        rubric, stage = attrs.get("rubric"), Stage(attrs["stage"])
        if rubric is not None and rubric.kind != KIND_OF_STAGE[stage]:
            message = (
                f"This rubric is for outputs of kind {rubric.kind}; the stage {stage} makes {KIND_OF_STAGE[stage]}."
            )
            raise serializers.ValidationError({"rubric": [message]})
        if attrs["task"] == Campaign.Task.RATE and (attrs.get("rival_models") or attrs.get("rival_prompt_versions")):
            at_fault = "rival_models" if attrs.get("rival_models") else "rival_prompt_versions"
            raise serializers.ValidationError({at_fault: ["Only the task compare has rivals, not rate."]})
        given = [name for name in ("sampling_rate", "size", "precision") if name in attrs]
        if len(given) > 1:
            raise serializers.ValidationError({given[1]: [f"Give either this or {given[0]}, not both."]})
        stratified = attrs["plan"] == Campaign.Plan.STRATIFIED
        if stratified and "strata_by" not in attrs:
            raise serializers.ValidationError(
                {"strata_by": ["A stratified plan needs it: model, activity or category."]}
            )
        if not stratified and "strata_by" in attrs:
            raise serializers.ValidationError(
                {"strata_by": [f"Only the plan stratified has strata, not {attrs['plan']}."]}
            )
        return attrs


class GoldShareField(FiniteFloatField):
    def __init__(self, **options: Any) -> None:
        said = "Share of a person's screens that are gold units, mixed in unseen."
        super().__init__(min_value=0, max_value=MAX_SHARE, help_text=said, **options)


class GoldBarField(FiniteFloatField):
    def __init__(self, **options: Any) -> None:
        super().__init__(
            min_value=0.01, max_value=1, help_text="Gold accuracy asked of annotators; null: the site's.", **options
        )


class CampaignRequest(PlanRequest):
    """A new campaign; it starts at once, with what is finished already."""

    name = serializers.CharField(max_length=200)
    overlap = serializers.IntegerField(default=1, min_value=1, max_value=100, help_text="People per generation.")
    blind = serializers.BooleanField(default=True, help_text="The judge's labels appear only after submitting.")
    lease_s = serializers.IntegerField(default=900, min_value=SHORTEST_LEASE_S, max_value=LONGEST_LEASE_S)
    members = serializers.SlugRelatedField(
        slug_field="username",
        queryset=User.objects.filter(is_active=True),
        many=True,
        required=False,
        help_text="User names; none: every annotator.",
    )
    deadline = serializers.DateField(required=False, allow_null=True)
    guidelines = serializers.CharField(
        required=False, allow_blank=True, max_length=20_000, help_text="Markdown; shown beside the work."
    )
    gold_share = GoldShareField(default=0.0)
    gold_bar = GoldBarField(required=False, allow_null=True)

    def validate_name(self, name: str) -> str:
        return unused_name(name)


def unused_name(name: str) -> str:
    """The name, if no campaign has it. Raises ValidationError."""
    if Campaign.objects.filter(name=name).exists():
        raise serializers.ValidationError("Another campaign has this name. Choose another one.")
    return name


class CloneRequest(StrictSerializer):
    name = serializers.CharField(max_length=200)

    def validate_name(self, name: str) -> str:
        return unused_name(name)


class AgainRequest(StrictSerializer):
    rubric = serializers.PrimaryKeyRelatedField(
        queryset=Rubric.objects.fixed(), help_text="A version under which its units were not queued yet."
    )
    guidelines = serializers.CharField(
        required=False, allow_blank=True, max_length=20_000, help_text="Markdown; if not given: those it has now."
    )


class ExtendRequest(StrictSerializer):
    """More of what is named; what is left out stays."""

    overlap = serializers.IntegerField(required=False, min_value=1, max_value=100)
    deadline = serializers.DateField(required=False, allow_null=True)
    sampling_rate = FiniteFloatField(required=False, min_value=1e-6, max_value=1)
    size = serializers.IntegerField(required=False, min_value=1)
    gold_share = GoldShareField(required=False)
    gold_bar = GoldBarField(required=False, allow_null=True)


class StratumSerializer(serializers.Serializer[plans.StratumRow]):
    name = serializers.CharField()
    population = serializers.IntegerField()
    drawn = serializers.FloatField()
    lowest = serializers.FloatField(help_text="Inclusion probability.")
    highest = serializers.FloatField(help_text="Inclusion probability.")


class PreviewSerializer(serializers.Serializer[plans.Preview]):
    n_finished = serializers.IntegerField(help_text="Finished generations in the population.")
    n_waiting = serializers.IntegerField(help_text="Of these, waiting for the judge, if the plan goes by it.")
    n_drawn = serializers.FloatField()
    is_exact = serializers.BooleanField(help_text="False: `n_drawn` is the average.")
    strata = StratumSerializer(many=True)


class AnswerSerializer(StrictSerializer):
    """The labels of one output."""

    labels = serializers.DictField(child=serializers.CharField(), help_text="{criterion: label}")
    comment = serializers.CharField(default="", allow_blank=True, max_length=MAX_TEXT)


class AssignmentSerializer(Quick, serializers.ModelSerializer[Assignment]):
    """One screen of work: what is to be rated, on which evidence, by which questions."""

    campaign = serializers.UUIDField(source="unit.campaign_id", read_only=True)
    generation = serializers.UUIDField(
        source="unit.generation_id", read_only=True, allow_null=True, help_text="Null for a pair: it would tell whose."
    )
    shopper = ShopperReference(source="unit.generation.shopper", read_only=True)
    attributes = serializers.DictField(
        source="unit.generation.shopper.attributes", read_only=True, help_text="What is known of the shopper."
    )
    history = HistorySerializer(source="unit.generation.run.history", read_only=True, allow_null=True)
    rubric = RubricSerializer(source="unit.campaign.rubric", read_only=True)
    guidelines = serializers.CharField(
        source="unit.campaign.guidelines", read_only=True, help_text="The campaign's own, in Markdown."
    )
    outputs = OutputSerializer(
        source="kept_outputs", many=True, read_only=True, help_text="Each needs a label for each criterion."
    )
    pair = PairSerializer(read_only=True, allow_null=True, help_text="Two answers to compare, instead of outputs.")
    draft = serializers.DictField(
        child=AnswerSerializer(), read_only=True, help_text="{output id: answer}, of a pair {assignment id: answer}"
    )
    assessments = AssessmentSerializer(
        source="visible", many=True, read_only=True, help_text="Yours, and the judge's once you may see them."
    )

    class Meta:
        model = Assignment
        fields = (
            "id",
            "campaign",
            "generation",
            "shopper",
            "state",
            "lease_until",
            "attributes",
            "history",
            "rubric",
            "guidelines",
            "outputs",
            "pair",
            "draft",
            "draft_version",
            "seconds",
            "skip_reason",
            "flag",
            "submitted_at",
            "assessments",
            "created_at",
        )


class DraftRequest(StrictSerializer):
    draft = serializers.DictField(child=AnswerSerializer(), help_text="{output id: answer}, as far as it goes.")
    version = serializers.IntegerField(min_value=0, help_text="The version that you changed.")
    seconds = FiniteFloatField(default=0.0, min_value=0, help_text="Time at work so far.")


class DraftSerializer(serializers.Serializer[Any]):
    draft = serializers.DictField(child=AnswerSerializer())
    version = serializers.IntegerField(help_text="Send it with the next save.")


class SubmitRequest(StrictSerializer):
    answers = serializers.DictField(
        child=AnswerSerializer(), help_text="{output id: answer} for every output, or the pair’s."
    )
    seconds = FiniteFloatField(default=0.0, min_value=0, help_text="Time at work.")


class SkipRequest(StrictSerializer):
    reason = serializers.CharField(max_length=MAX_TEXT, help_text="A lead reads it.")


class FlagRequest(StrictSerializer):
    text = serializers.CharField(max_length=MAX_TEXT, allow_blank=True, help_text="A lead reads it; empty: no flag.")


class ReviseRequest(StrictSerializer):
    output = serializers.UUIDField()
    labels = serializers.DictField(child=serializers.CharField(), help_text="{criterion: label} for every criterion.")
    comment = serializers.CharField(default="", allow_blank=True, max_length=MAX_TEXT)


class LeaseSerializer(serializers.Serializer[Any]):
    lease_until = serializers.DateTimeField()
