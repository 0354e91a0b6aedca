"""What the judge's tables are fed with: rubrics from their definitions, and raters for people and models."""

from __future__ import annotations

import logging
from functools import lru_cache
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet

from judge.models import Criterion, JudgeProfile, Rater, Rubric
from judge.rubrics import RUBRICS, CriterionDef, LabelDef, RubricDef
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
    """Store the rubrics of `judge.rubrics` that are not stored yet; running it again changes nothing."""
    return [_seeded(wanted) for wanted in RUBRICS.values()]


def _seeded(wanted: RubricDef) -> Rubric:
    rubric, created = Rubric.objects.get_or_create(
        kind=wanted.kind,
        version=wanted.version,
        defaults={"title": wanted.title, "guideline": wanted.guideline},
    )
    if created:
        Criterion.objects.bulk_create(_criterion(rubric, position, one) for position, one in enumerate(wanted.criteria))
    elif definition(rubric) != wanted:
        # Labels were or may be given under the stored words: they stay what they were.
        logger.warning(
            "Rubric %s differs from its definition in judge/rubrics.py and stays as it is stored; "
            "raise its version there to bring the change in.",
            rubric,
        )
    return rubric


def _criterion(rubric: Rubric, position: int, wanted: CriterionDef) -> Criterion:
    return Criterion(
        rubric=rubric,
        position=position,
        name=wanted.name,
        title=wanted.title,
        question=wanted.question,
        guideline=wanted.guideline,
        labels=[
            {"value": label.value, "title": label.title, "passes": label.passes, "help": label.help}
            for label in wanted.labels
        ],
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
            )
            for one in rubric.criteria.all()
        ),
    )


@lru_cache(maxsize=100)
def rubric_in_use(rubric_id: UUID) -> Rubric:
    """A campaign's rubric with its criteria, read once a process: from then on it never changes."""
    return Rubric.objects.prefetch_related("criteria").get(pk=rubric_id)


@lru_cache(maxsize=100)
def definition_in_use(rubric_id: UUID) -> RubricDef:
    """The definition of a campaign's rubric, made once a process."""
    return definition(rubric_in_use(rubric_id))


def way_of(model: LanguageModel) -> Way:
    """How a judge model is asked today: as its profile says, without one in the usual way."""
    profile = JudgeProfile.objects.filter(language_model=model).first()
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
