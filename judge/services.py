"""What the judge's tables are fed with: rubrics from their definitions, and raters for people and models."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import asdict
from functools import lru_cache
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from judge import rubrics_v2
from judge.models import Criterion, JudgeProfile, Rater, Rubric
from judge.rubrics import RUBRICS, CriterionDef, ExampleDef, LabelDef, RubricDef
from judge.ways import Way
from recommend import roles
from recommend.models import LanguageModel, Output, Stage

logger = logging.getLogger(__name__)

# Which kind of output a stage makes; the tables name both, since an output outlives the way it was made.
KIND_OF_STAGE = {
    Stage.INTERESTS: Output.Kind.INTEREST,
    Stage.TAGS: Output.Kind.TAG,
    Stage.EXPLANATIONS: Output.Kind.EXPLANATION,
}


@transaction.atomic
def seed_rubrics() -> list[Rubric]:
    """Store the rubrics of the V1 report, which judges then go by, and those of V2, which wait until a lead wants them.

    What is stored already stays; running it again changes nothing.
    """
    in_use = [_seeded(wanted, in_use=True) for wanted in RUBRICS.values()]
    return [*in_use, _seeded(rubrics_v2.EXPLANATION, in_use=False)]


def _seeded(wanted: RubricDef, *, in_use: bool) -> Rubric:
    # The lock makes two that seed at once come one after the other.
    stored = Rubric.objects.select_for_update().filter(kind=wanted.kind, version=wanted.version).first()
    if stored is None:
        rubric = Rubric(
            kind=wanted.kind,
            title=wanted.title,
            guideline=wanted.guideline,
            in_use_since=timezone.now() if in_use else None,
        )
        rubric.save()
        write_criteria(rubric, wanted.criteria)
        rubric.version, rubric.fixed_at = wanted.version, timezone.now()
        rubric.save()
        return rubric
    if definition(stored) != wanted:
        # Labels were or may be given under the stored words: they stay what they were.
        logger.warning(
            "Rubric %s differs from its definition in judge/rubrics.py and stays as it is stored; "
            "raise its version there to bring the change in.",
            stored,
        )
    return stored


def write_criteria(rubric: Rubric, criteria: Iterable[CriterionDef]) -> None:
    """Store what a draft asks, in this order, in the place of what it asked. Raises RubricFixedError."""
    rubric.criteria.all().delete()
    Criterion.objects.bulk_create(
        Criterion(
            rubric=rubric,
            position=position,
            name=one.name,
            title=one.title,
            question=one.question,
            guideline=one.guideline,
            labels=[asdict(label) for label in one.labels],
            examples=[asdict(example) for example in one.examples],
        )
        for position, one in enumerate(criteria)
    )


def definition(rubric: Rubric) -> RubricDef:
    """The stored rubric as the plain definition that rules, prompts and the judge work with."""
    return RubricDef(
        kind=rubric.kind,  # type: ignore[arg-type]  # the field's choices are the kinds
        version=rubric.version,
        title=rubric.title,
        guideline=rubric.guideline,
        criteria=tuple(
            CriterionDef(
                name=one.name,
                title=one.title,
                question=one.question,
                guideline=one.guideline,
                labels=tuple(LabelDef(**label) for label in one.labels),
                examples=tuple(ExampleDef(**example) for example in one.examples),
            )
            for one in rubric.criteria.all()
        ),
    )


@lru_cache(maxsize=100)
def rubric_in_use(rubric_id: UUID) -> Rubric:
    """A campaign's rubric with its criteria, read once a process: from then on it never changes.

    Raises Rubric.DoesNotExist for a draft, which does change.
    """
    return Rubric.objects.prefetch_related("criteria").get(pk=rubric_id, version__gt=0)


@lru_cache(maxsize=100)
def definition_in_use(rubric_id: UUID) -> RubricDef:
    """The definition of a campaign's rubric, made once a process."""
    return definition(rubric_in_use(rubric_id))


def serving_judge() -> Rater:
    """The judge that serves: the panel that is set to, else the model, asked in its way.

    Raises LanguageModel.DoesNotExist where there is neither.
    """
    found = find_serving_judge()
    if found is None:
        model = LanguageModel.objects.serving(LanguageModel.Role.JUDGE)  # says what is missing
        return rater_for_model(model, way_of(model).version)
    if found.language_model is not None:
        return rater_for_model(found.language_model, found.prompt_version)
    return found


def find_serving_judge() -> Rater | None:
    """The judge that serves, for reading: a model that has never been asked so comes as a rater that is not stored."""
    serving = LanguageModel.objects.select_related("judge_profile").filter(
        role=LanguageModel.Role.JUDGE, state=LanguageModel.State.SERVING
    )
    model = serving.order_by("-created_at").first()
    version = way_as_read(model).version if model else ""
    found = (
        Rater.objects.filter(
            Q(panel__is_serving=True) | Q(language_model__in=[model] if model else [], prompt_version=version)
        )
        .select_related("panel", "language_model")
        .order_by("panel_id")  # PostgreSQL puts what has no panel last
    ).first()
    if found is None and model is not None:
        return Rater(language_model=model, prompt_version=version)
    return found


def way_of(model: LanguageModel) -> Way:
    """How a judge model is asked today: as its profile says, without one in the usual way."""
    return way_as_read(LanguageModel.objects.select_related("judge_profile").get(pk=model.pk))


def way_as_read(model: LanguageModel) -> Way:
    """How a judge model is asked, of one that was read with its `judge_profile`."""
    profile: JudgeProfile | None = getattr(model, "judge_profile", None)
    return profile.way if profile else Way()


def set_way(model: LanguageModel, *, rationale: str, calls: str) -> JudgeProfile:
    """From now on ask a judge model so. What it said until now stays with the rater that it was then."""
    return JudgeProfile.objects.update_or_create(
        language_model=model, defaults={"rationale": rationale, "calls": calls}
    )[0]


def reviewers() -> QuerySet[User]:
    """Everybody who may review: a campaign without members is open to them."""
    may_review = Q(is_superuser=True) | Q(groups__name__in=roles.ALL)
    return User.objects.filter(may_review, is_active=True).distinct().order_by("username")


def rater_for_model(model: LanguageModel, prompt_version: str) -> Rater:
    """The rater that a judge model is with this version of the judge's prompt."""
    return Rater.objects.get_or_create(language_model=model, prompt_version=prompt_version)[0]
