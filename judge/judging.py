"""The language-model judge at work: asked in its way, every answer stored, usable or not."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef

from judge import asking, panels, services, ways
from judge.asking import Answer, Question
from judge.models import Assessment, PanelMember, Rater, Rubric
from judge.rubrics import RubricDef
from judge.verdicts import VerdictInput
from recommend.engines.errors import EngineUnavailableError
from recommend.engines.types import Engine
from recommend.models import Generation, JobState, LanguageModel, Output, Stage
from recommend.stages.explanations import ItemInfo

logger = logging.getLogger(__name__)


def judge_pending(generation: Generation, engine: Engine, judge: Rater | None = None) -> int:
    """Ask a judge about the kept outputs of a generation that it has not judged; returns how many verdicts it stored.

    judge  a model asked in its way, or a panel; None for the one that serves

    Each verdict is stored as it comes, an unusable answer as one without labels, with its text and the reason: a
    missing one would change a rate silently. Safe to repeat and to run twice at once. Raises
    LanguageModel.DoesNotExist without a judge, Rubric.DoesNotExist without rubrics, and, after storing the others,
    EngineUnavailableError where an output got no answer at all.
    """
    if generation.state != JobState.DONE:
        return 0
    rubric = Rubric.objects.current(services.KIND_OF_STAGE[Stage(generation.stage)])
    judge = judge or services.serving_judge()
    if judge.panel is not None:
        return _judge_by_panel(generation, rubric, judge, panels.members_of(judge.panel), engine)
    _count_for_itself(generation, rubric, judge)
    return _judge_by_model(generation, rubric, judge, engine)


def _judge_by_panel(
    generation: Generation, rubric: Rubric, judge: Rater, members: Sequence[PanelMember], engine: Engine
) -> int:
    """Have every member judge, each verdict stored as its own, and store the vote on what all of them judged."""
    unanswered = ""
    for member in members:
        try:
            _judge_by_model(generation, rubric, member.rater, engine, as_member=True)
        except EngineUnavailableError as error:
            unanswered = str(error)
    waiting = [output.pk for output in pending(generation, judge)]
    said: defaultdict[UUID, dict[Any, Answer]] = defaultdict(dict)
    for one in Assessment.objects.filter(
        output__in=waiting, rubric=rubric, revision=1, rater__in=[member.rater for member in members]
    ):
        said[one.output_id][one.rater_id] = Answer(
            one.seconds, one.raw_text, one.error, one.labels, one.passed, one.rationale
        )
    rules = services.definition(rubric)
    votes = [
        Assessment(rater=judge, output_id=pk, rubric=rubric, **asdict(panels.answer(members, answers, rules)))
        for pk, answers in said.items()
        if len(answers) == len(members)
    ]
    Assessment.objects.bulk_create(votes, ignore_conflicts=True)
    if unanswered:
        raise EngineUnavailableError(unanswered)
    return len(votes)


def _count_for_itself(generation: Generation, rubric: Rubric, rater: Rater) -> None:
    """What a model said for a panel whose vote never came is its own verdict, now that it is asked alone."""
    others = Assessment.objects.verdicts().filter(output=OuterRef("output"), rubric=rubric)
    Assessment.objects.filter(
        ~Exists(others), output__generation=generation, rubric=rubric, rater=rater, as_member=True
    ).update(as_member=False)


def _judge_by_model(
    generation: Generation, rubric: Rubric, rater: Rater, engine: Engine, *, as_member: bool = False
) -> int:
    model, way = rater.language_model, ways.of_version(rater.prompt_version)
    assert model is not None  # people are not asked
    if way is None:
        raise LanguageModel.DoesNotExist(f"{rater} cannot be asked any more: no prompt has that version now.")
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
            assessment = Assessment(
                rater=rater, output_id=reply.key, rubric=rubric, as_member=as_member, **asdict(reply.answer)
            )
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
            guidelines=asking.reads_guidelines(model),
        )
    return VerdictInput(
        kind="interest" if output.kind == Output.Kind.INTEREST else "tag",
        criteria=criteria,
        context_text="\n".join(shown["history"]),
        attributes=shown["attributes"],
        output_text=output.text,
        output_reason=output.reason,
        interest_text=output.parent.text if output.parent else "",
        guidelines=asking.reads_guidelines(model),
    )
