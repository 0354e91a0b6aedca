"""Valid rows of `judge` with the least said."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group, User
from django.utils import timezone
from factory.declarations import LazyAttribute, LazyFunction, Sequence, SubFactory
from factory.django import DjangoModelFactory
from factory.helpers import post_generation

from judge.models import Assessment, Assignment, Campaign, CampaignUnit, Rater, Rubric
from judge.services import KIND_OF_STAGE, definition, seed_rubrics
from recommend.models import LanguageModel, Stage
from recommend.roles import ANNOTATOR
from tests.recommend.factories import GenerationFactory, LanguageModelFactory, OutputFactory

PASSING = {
    "interest": {"willingness": "Spontaneity", "reasonableness": "Strong"},
    "tag": {"relevance": "Yes", "consistency": "Yes", "specificity": "Yes", "validity": "Yes"},
    "explanation": {"relevance": "Yes", "factuality": "Good", "clarity": "Good", "safety": "Yes"},
}
FAILING = {
    "interest": PASSING["interest"] | {"willingness": "Necessity"},
    "tag": PASSING["tag"] | {"validity": "No"},
    "explanation": PASSING["explanation"] | {"clarity": "Bad"},
}


def current_rubric(kind: str) -> Rubric:
    """The seeded rubric of a kind, seeding it where a test has not."""
    if not Rubric.objects.filter(kind=kind).exists():
        seed_rubrics()
    return Rubric.objects.current(kind)


class UserFactory(DjangoModelFactory[User]):
    """A person; `role` is their group, empty for none."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = Sequence(lambda n: f"person-{n}")

    @post_generation  # type: ignore[untyped-decorator]  # factory-boy's decorators are
    def role(self: Any, create: bool, extracted: str | None, **kwargs: object) -> None:
        name = ANNOTATOR if extracted is None else extracted
        if create and name:
            self.groups.add(Group.objects.get_or_create(name=name)[0])


class CampaignFactory(DjangoModelFactory[Campaign]):
    class Meta:
        model = Campaign

    name = Sequence(lambda n: f"Spring check {n}")
    stage = Stage.INTERESTS
    rubric = LazyAttribute(lambda made: current_rubric(KIND_OF_STAGE[Stage(made.stage)]))


class CampaignUnitFactory(DjangoModelFactory[CampaignUnit]):
    class Meta:
        model = CampaignUnit

    campaign = SubFactory(CampaignFactory)
    generation = LazyAttribute(lambda made: GenerationFactory.create(stage=made.campaign.stage, outputs=2))
    inclusion_probability = LazyAttribute(lambda made: made.campaign.sampling_rate)


class AssignmentFactory(DjangoModelFactory[Assignment]):
    """Work in hand; the queue, not this factory, keeps a unit's counts."""

    class Meta:
        model = Assignment

    unit = SubFactory(CampaignUnitFactory)
    annotator = SubFactory(UserFactory)
    lease_until = LazyFunction(lambda: timezone.now() + timedelta(minutes=15))


class PersonFactory(DjangoModelFactory[Rater]):
    """A person as a rater."""

    class Meta:
        model = Rater

    user = SubFactory(UserFactory)


class JudgeFactory(DjangoModelFactory[Rater]):
    """A judge model as a rater; one and the same unless told otherwise."""

    class Meta:
        model = Rater
        django_get_or_create = ("language_model", "prompt_version")

    language_model = SubFactory(LanguageModelFactory, role=LanguageModel.Role.JUDGE)
    prompt_version = "1"


class AssessmentFactory(DjangoModelFactory[Assessment]):
    """A judge's assessment that passes; labels decide otherwise."""

    class Meta:
        model = Assessment

    rater = SubFactory(JudgeFactory)
    output = SubFactory(OutputFactory)
    rubric = LazyAttribute(lambda made: current_rubric(made.output.kind))
    labels = LazyAttribute(lambda made: PASSING[made.output.kind])
    passed = LazyAttribute(lambda made: definition(made.rubric).passes(made.labels) if made.labels else None)
