"""Valid rows of `recommend` with the least said."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from factory.declarations import LazyAttribute, LazyFunction, SelfAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory
from factory.helpers import post_generation

from recommend.models import (
    Behavior,
    Generation,
    Item,
    JobState,
    LanguageModel,
    Output,
    PipelineRun,
    Shopper,
    Stage,
)

REFERENCE = datetime(2018, 1, 1, tzinfo=UTC)
OUTPUT_KINDS = {
    Stage.INTERESTS: Output.Kind.INTEREST,
    Stage.TAGS: Output.Kind.TAG,
    Stage.EXPLANATIONS: Output.Kind.EXPLANATION,
}
INTEREST = {"text": "baby care", "stage": "long-term", "reason": "Bought diapers ×9 all year."}
# What the stages keep of their prompts, so that an output can be judged against what the model saw.
INPUTS: dict[str, dict[str, Any]] = {
    Stage.INTERESTS: {},
    Stage.TAGS: {"interests": [INTEREST]},
    Stage.EXPLANATIONS: {
        "interest": INTEREST,
        "item": {"title": "Diapers size 4", "category": "drug gm > diapers", "brand": "National", "price": 9.99},
    },
}


class ItemFactory(DjangoModelFactory[Item]):
    class Meta:
        model = Item

    sku = Sequence(lambda n: f"sku-{n}")
    title = Sequence(lambda n: f"Diapers size {n}")
    category = LazyFunction(lambda: ["DRUG GM", "DIAPERS & DISPOSABLES", "BABY DIAPERS"])
    brand = "National"
    short_text = "diapers"


class ShopperFactory(DjangoModelFactory[Shopper]):
    class Meta:
        model = Shopper

    external_id = Sequence(lambda n: f"household-{n}")
    attributes = LazyFunction(lambda: {"age": "25-34", "kids": "2"})


class BehaviorFactory(DjangoModelFactory[Behavior]):
    class Meta:
        model = Behavior

    shopper = SubFactory(ShopperFactory)
    kind = Behavior.Kind.PURCHASE
    item = SubFactory(ItemFactory)
    occurred_at = Sequence(lambda n: REFERENCE - timedelta(days=1 + n % 300))
    source_key = Sequence(lambda n: n)

    @classmethod
    def _create(cls, model_class: type[Behavior], *args: Any, **kwargs: Any) -> Behavior:
        with connection.cursor() as cursor:  # as an import does
            cursor.execute("SELECT recommend_make_months('recommend_behavior', %s, 1)", [kwargs["occurred_at"].date()])
        made: Behavior = super()._create(model_class, *args, **kwargs)
        return made


class LanguageModelFactory(DjangoModelFactory[LanguageModel]):
    class Meta:
        model = LanguageModel
        django_get_or_create = ("name", "role")

    name = "smollm2"
    role = LanguageModel.Role.INTERESTS
    state = LanguageModel.State.SERVING


class PipelineRunFactory(DjangoModelFactory[PipelineRun]):
    class Meta:
        model = PipelineRun

    shopper = SubFactory(ShopperFactory)
    reference_at = REFERENCE


class GenerationFactory(DjangoModelFactory[Generation]):
    """A finished generation; `outputs=3` gives it that many, all kept."""

    class Meta:
        model = Generation
        skip_postgeneration_save = True

    run = SubFactory(PipelineRunFactory)
    shopper = SelfAttribute("run.shopper")
    stage = Stage.INTERESTS
    model = SubFactory(LanguageModelFactory, role=SelfAttribute("..stage"))
    prompt_version = "1"
    prompt_sha256 = "0" * 64
    input = LazyAttribute(
        lambda made: {
            "attributes": {"age": "25-34"},
            "history": ["2 months ago (purchased) | diapers ×9, baby foods ×4", "5 days ago (purchased) | soft drinks"],
            "reference": "2018-01-01",
            **INPUTS[made.stage],
        }
    )
    input_sha256 = "0" * 64
    state = JobState.DONE
    finished_at = REFERENCE

    @post_generation  # type: ignore[untyped-decorator]  # factory-boy's decorators are
    def outputs(self, create: bool, extracted: int | None, **kwargs: object) -> None:
        for position in range(extracted or 0):
            OutputFactory.create(generation=self, position=position)


class OutputFactory(DjangoModelFactory[Output]):
    class Meta:
        model = Output

    generation = SubFactory(GenerationFactory)
    kind = LazyAttribute(lambda made: OUTPUT_KINDS[made.generation.stage])
    position = Sequence(lambda n: n)
    text = Sequence(lambda n: f"baby care {n}")
    reason = "Bought diapers ×9 two months ago."
