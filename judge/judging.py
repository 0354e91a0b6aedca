"""The language-model judge at work: asked in its way, every answer stored, usable or not."""

from __future__ import annotations

import logging
from contextlib import closing
from dataclasses import asdict
from typing import Any

from django.db.models import Exists, OuterRef

from judge import asking, services
from judge.asking import Question
from judge.models import Assessment, Rater, Rubric
from judge.rubrics import RubricDef
from judge.verdicts import VerdictInput
from recommend.engines.errors import EngineUnavailableError
from recommend.engines.types import Engine
from recommend.models import Generation, JobState, LanguageModel, Output, Stage
from recommend.stages.explanations import ItemInfo

logger = logging.getLogger(__name__)


def judge_pending(generation: Generation, engine: Engine) -> int:
    """Ask the serving judge about the kept outputs of a generation that it has not judged; returns how many it stored.

    Each verdict is stored as it comes, an unusable answer as one without labels, with its text and the reason: a
    missing one would change a rate silently. Safe to repeat and to run twice at once. Raises
    LanguageModel.DoesNotExist without a judge, Rubric.DoesNotExist without rubrics, and, after storing the others,
    EngineUnavailableError where an output got no answer at all.
    """
    if generation.state != JobState.DONE:
        return 0
    model = LanguageModel.objects.serving(LanguageModel.Role.JUDGE)
    rubric = Rubric.objects.current(services.KIND_OF_STAGE[Stage(generation.stage)])
    way = services.way_of(model)
    rater = services.rater_for_model(model, way.version)
    rules = services.definition(rubric)
    questions = [
        Question(str(output.pk), verdict_input(output, generation, rules, model), group=str(generation.pk))
        for output in pending(generation, rater)
    ]
    unanswered = ""
    n_stored = 0
    with closing(asking.replies(questions, model, way, rules, engine)) as replies:
        for reply in replies:
            if reply.answer is None:
                unanswered = reply.silence
                continue
            assessment = Assessment(rater=rater, output_id=reply.key, rubric=rubric, **asdict(reply.answer))
            # A second delivery may have been faster: its verdict stays.
            Assessment.objects.bulk_create([assessment], ignore_conflicts=True)
            n_stored += 1
    if unanswered:
        raise EngineUnavailableError(unanswered)
    return n_stored


def pending(generation: Generation, rater: Rater) -> list[Output]:
    """The kept outputs that this rater has not assessed under the newest rubric of their kind."""
    rubric = Rubric.objects.current(services.KIND_OF_STAGE[Stage(generation.stage)])
    judged = Assessment.objects.filter(output=OuterRef("pk"), rater=rater, rubric=rubric)
    outputs = Output.objects.kept().filter(~Exists(judged), generation=generation)
    return list(outputs.select_related("parent").order_by("position"))


def verdict_input(output: Output, generation: Generation, rubric: RubricDef, model: LanguageModel) -> VerdictInput:
    """What the judge reads: what the generating model was shown, as it was kept, and one output.

    None of the rubric's examples is of the same shopper.
    """
    shown: dict[str, Any] = generation.input
    criteria = rubric.without(str(generation.shopper_id)).criteria
    if output.kind == Output.Kind.EXPLANATION:
        return VerdictInput(
            kind="explanation",
            criteria=criteria,
            context_text=ItemInfo(**shown["item"]).card,
            output_text=output.text,
            interest_text=shown["interest"]["text"],
            guidelines=reads_guidelines(model),
        )
    return VerdictInput(
        kind="interest" if output.kind == Output.Kind.INTEREST else "tag",
        criteria=criteria,
        context_text="\n".join(shown["history"]),
        attributes=shown["attributes"],
        output_text=output.text,
        output_reason=output.reason,
        interest_text=output.parent.text if output.parent else "",
        guidelines=reads_guidelines(model),
    )


def reads_guidelines(model: LanguageModel) -> bool:
    """Whether a judge is asked with guidelines and examples, or with the questions alone."""
    # A model with an adapter was trained on the questions alone, and a small one has no room for more.
    return not model.adapter
