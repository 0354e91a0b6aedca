"""The language-model judge at work: asked in its way, every answer stored, usable or not."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet

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


class Ledger(Protocol):
    """Whoever keeps account of answers, and may stop the asking between two of them."""

    def stored(self, answer: Answer, *, of_judge: bool, is_new: bool) -> None:
        """Told in the transaction that stores an answer: of the judge itself, or of a member of the panel that it is;
        not new where somebody else's was there first."""
        ...

    def go_on(self) -> None:
        """Asked after each answer; whatever it raises stops the asking and goes to the caller."""
        ...


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
    return judge_all([generation], rubric, judge or services.serving_judge(), engine)


def judge_all(
    generations: Sequence[Generation],
    rubric: Rubric,
    judge: Rater,
    engine: Engine,
    *,
    errors_before: datetime | None = None,
    ledger: Ledger | None = None,
) -> int:
    """The same for finished generations of the rubric's kind together.

    errors_before  ask again, once, where an answer older than this was of no use: see `Asking.set_aside`

    Raises what `judge_pending` and the ledger do.
    """
    asking_for = Asking(generations, rubric, engine, errors_before, ledger)
    if judge.panel is not None:
        return asking_for.by_panel(judge, panels.members_of(judge.panel))
    asking_for.count_for_itself(judge)
    return asking_for.by_model(judge, asking_for.pending(judge))


@dataclass(frozen=True, slots=True)
class Asking:
    """Judges asked about the kept outputs of some generations under one rubric; for the rest see `judge_all`."""

    generations: Sequence[Generation]
    rubric: Rubric
    engine: Engine
    errors_before: datetime | None
    ledger: Ledger | None

    def by_panel(self, judge: Rater, members: Sequence[PanelMember]) -> int:
        """Have every member judge, each verdict stored as its own, and store the vote on what all of them judged."""
        unanswered = ""
        waiting = self.pending(judge)
        for member in members:
            try:
                self.by_model(member.rater, self.pending(member.rater, among=waiting), as_member=True)
            except EngineUnavailableError as error:
                unanswered = str(error)
        said: defaultdict[UUID, dict[Any, Answer]] = defaultdict(dict)
        for one in Assessment.objects.filter(
            output__in=waiting, rubric=self.rubric, revision=1, rater__in=[member.rater for member in members]
        ):
            said[one.output_id][one.rater_id] = Answer(
                one.seconds, one.raw_text, one.error, one.labels, one.passed, one.rationale
            )
        rules = services.definition(self.rubric)
        n_stored = 0
        for pk, answers in said.items():
            if len(answers) == len(members):
                self.store(judge, pk, panels.answer(members, answers, rules))
                n_stored += 1
        if unanswered:
            raise EngineUnavailableError(unanswered)
        return n_stored

    def by_model(self, rater: Rater, outputs: Sequence[Output], *, as_member: bool = False) -> int:
        """Ask a model in its way; returns how many verdicts were stored."""
        model, way = rater.language_model, ways.of_version(rater.prompt_version)
        assert model is not None  # people are not asked
        if way is None:
            raise LanguageModel.DoesNotExist(f"{rater} cannot be asked any more: no prompt has that version now.")
        rules = services.definition(self.rubric)
        made_by = {one.pk: one for one in self.generations}
        questions = [
            Question(
                str(output.pk),
                verdict_input(output, made_by[output.generation_id], rules, model),
                group=str(output.generation_id),
            )
            for output in outputs
        ]
        unanswered = ""
        n_stored = 0
        with closing(asking.replies(questions, model, way, rules, self.engine)) as replies:
            for reply in replies:
                if reply.answer is None:
                    unanswered = reply.silence
                    continue
                self.store(rater, UUID(reply.key), reply.answer, as_member=as_member)
                n_stored += 1
        if unanswered:
            raise EngineUnavailableError(unanswered)
        return n_stored

    def pending(self, rater: Rater, among: Sequence[Output] | None = None) -> list[Output]:
        """The kept outputs, of these if some are given, that this rater has to be asked about."""
        outputs = waiting_for(rater, self.rubric, self.errors_before).filter(generation__in=self.generations)
        if among is not None:
            outputs = outputs.filter(pk__in=[one.pk for one in among])
        return list(outputs.select_related("parent").order_by("generation_id", "position"))

    def count_for_itself(self, rater: Rater) -> None:
        """What a model said for a panel whose vote never came is its own verdict, now that it is asked alone."""
        others = Assessment.objects.verdicts().filter(output=OuterRef("output"), rubric=self.rubric)
        Assessment.objects.filter(
            ~Exists(others),
            output__generation__in=self.generations,
            rubric=self.rubric,
            rater=rater,
            as_member=True,
        ).update(as_member=False)

    def store(self, rater: Rater, output_id: UUID, answer: Answer, *, as_member: bool = False) -> None:
        """Store an answer. A second delivery may have been faster: its verdict stays."""
        one = Assessment(rater=rater, output_id=output_id, rubric=self.rubric, as_member=as_member, **asdict(answer))
        with transaction.atomic():
            if self.errors_before is not None:
                self.set_aside(rater, output_id, self.errors_before)
            Assessment.objects.bulk_create([one], ignore_conflicts=True)
            if self.ledger is not None:
                is_new = Assessment.objects.filter(pk=one.pk).exists()
                self.ledger.stored(answer, of_judge=not as_member, is_new=is_new)
        if self.ledger is not None:
            self.ledger.go_on()

    def set_aside(self, rater: Rater, output_id: UUID, before: datetime) -> None:
        """Make room for another answer where the one that counts is of no use: it stays, as the latest revision.

        So revision 1 is what counts of a judge as of a person, and nothing that was said is overwritten.
        """
        said = Assessment.objects.filter(rater=rater, output=output_id, rubric=self.rubric)
        latest = said.aggregate(latest=Max("revision"))["latest"] or 0
        said.filter(_of_no_use(before), revision=1).update(revision=latest + 1)


def waiting_for(rater: Rater, rubric: Rubric, errors_before: datetime | None = None) -> QuerySet[Output]:
    """The kept outputs of the rubric's kind about which this rater has to be asked: see `judge_all`."""
    said = Assessment.objects.filter(output=OuterRef("pk"), rater=rater, rubric=rubric)
    if errors_before is not None:
        said = said.filter(~_of_no_use(errors_before), revision=1)
    return Output.objects.kept().filter(~Exists(said), kind=rubric.kind)


def _of_no_use(before: datetime) -> Q:
    return Q(passed__isnull=True, created_at__lt=before)


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
