"""The work of a check: prepared in one transaction, asked in batches as `recommend.jobs` says, then its passport."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from judge import panels, passports, services
from judge.asking import Question
from judge.cases import BATCH_SIZE, store
from judge.checks import planning
from judge.checks.planning import MAX_BUDGET, MIN_BUDGET
from judge.checks.sources import draw
from judge.models import CheckCase, JudgeCheck, Rater, Rubric
from judge.rubrics import RubricDef
from recommend import audit, jobs
from recommend.audit import Verb
from recommend.engines.types import Engine
from recommend.models import ACTIVE_STATES, JobState, LanguageModel

# A check that is planted in so few outputs says nothing.
MIN_SHOPPERS = 2


class CheckError(ValueError):
    """A check that cannot be made; `field` names the value at fault, "" where it is none."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class CheckRunningError(CheckError):
    """The same judge is being checked under the same rubric already: `check` is that one."""

    def __init__(self, check: JudgeCheck) -> None:
        super().__init__(f"{check.rater} is being checked on {check.rubric.kind}s already. Wait for it, or cancel it.")
        self.check = check


def prepare_newest(kind: str, *, judge: Rater | None = None, **options: Any) -> JudgeCheck:
    """Prepare a check under the newest rubric of a kind of output, of the judge that serves now if none is named.

    Options, and what is raised, are those of `prepare`; also CheckError without a rubric or a judge.
    """
    try:
        return prepare(Rubric.objects.current(kind), judge=judge or services.serving_judge(), **options)
    except (Rubric.DoesNotExist, LanguageModel.DoesNotExist) as missing:
        raise CheckError(str(missing)) from missing


def is_released(kind: str) -> bool:
    """Whether the judge that serves, as it is now, was never checked on a kind of output on which one was before."""
    judge, before = services.find_serving_judge(), JudgeCheck.objects.filter(rubric__kind=kind)
    if judge is None or not before.exists():
        return False
    rubric = Rubric.objects.current(kind)
    return not before.filter(rubric=rubric, version=passports.version_of(judge, rubric)).exists()


@transaction.atomic
def prepare(
    rubric: Rubric, *, judge: Rater, budget: int | None = None, seed: int | None = None, by: User | None = None
) -> JudgeCheck:
    """Store a queued check with its questions.

    budget  most questions to the judge; None for the setting JUDGE_CHECK_BUDGET
    seed    of the sample; None for another one at every check

    Raises CheckRunningError, or CheckError where the judge cannot be asked or there is nothing to check it on.
    """
    budget = settings.JUDGE_CHECK_BUDGET if budget is None else budget
    if not MIN_BUDGET <= budget <= MAX_BUDGET:
        raise CheckError(f"{budget} questions are not between {MIN_BUDGET} and {MAX_BUDGET:,}.", "budget")
    if judge.is_person:
        raise CheckError(f"{judge} is a person; only a judge model can be checked.", "judge")
    model = judge.models[0]
    if not panels.is_asked_today(judge):
        today = services.way_of(model).version
        raise CheckError(f"{judge} cannot be asked any more: the judge's prompt is version {today} now.", "judge")
    rules = services.definition(rubric)
    check = JudgeCheck(
        rater=judge,
        rubric=rubric,
        created_by=by,
        budget=budget,
        seed=uuid.uuid4().int % 1_000_000 if seed is None else seed,
        version=passports.version_of(judge, rubric),
    )
    n = planning.n_planted(budget)
    sources = draw(rubric, rules, model, n=n, seed=check.seed)
    n_shoppers = len({source.shopper for source in sources})
    if n_shoppers < MIN_SHOPPERS:
        raise CheckError(
            f"There are kept {rubric.kind}s of {n_shoppers} shopper{'' if n_shoppers == 1 else 's'}; a check takes "
            f"{MIN_SHOPPERS} or more. Run the pipeline for some shoppers first."
        )
    try:
        with transaction.atomic():
            check.save()
    except IntegrityError as error:
        running = JudgeCheck.objects.filter(rater=judge, rubric=rubric, state__in=ACTIVE_STATES).first()
        if running is None:
            raise
        raise CheckRunningError(running) from error
    CheckCase.objects.bulk_create(planning.first_questions(check, rules, sources))
    audit.record(Verb.CHECK_STARTED, check, {"budget": budget, "kind": rubric.kind}, by=by)
    return check


def cancel(check: JudgeCheck) -> JudgeCheck:
    """Stop a check: answers stay, no more is asked. One that has ended stays as it is."""
    return jobs.cancel(check, Verb.CHECK_CANCELLED)


def advance(check_id: UUID, engine: Engine) -> JudgeCheck | None:
    """Ask the next batch of a check; returns it as it stands then, None where it has ended or another worker has it.

    Raises EngineUnavailableError, after storing what came, where a question got no answer at all.
    """
    rows = JudgeCheck.objects.select_related("rater__language_model", "rater__panel", "rubric")
    return jobs.advance(rows, check_id, partial(_advance, engine=engine))


def _advance(check: JudgeCheck, token: UUID, engine: Engine) -> None:
    if changes := passports.changes(check.version, passports.version_of(check.rater, check.rubric)):
        jobs.end(check, token, JobState.FAILED, f"The judge changed while it was checked: {changes} Check it again.")
        return
    rules = services.definition(check.rubric)
    waiting = list(check.cases.filter(answered_at=None).order_by("pk")[:BATCH_SIZE])
    if waiting:
        replies = panels.replies(_questions(check, waiting, rules), check.rater, rules, engine)
        store(check, token, replies, check.cases.all())
    if check.cases.filter(answered_at=None).exists():
        return
    with transaction.atomic():
        jobs.renew(check, token)
        if not check.injections_planned:
            # The other probes ask about the same outputs again.
            failed = check.cases.filter(passed=False, probe__in=(CheckCase.Probe.BASE, CheckCase.Probe.PLANTED))
            CheckCase.objects.bulk_create(planning.injections(check, rules, failed.order_by("pk")))
            check.injections_planned = True
            check.save(update_fields=["injections_planned"])
        if not check.cases.filter(answered_at=None).exists():
            passports.issue(check)
            jobs.end(check, token, JobState.DONE)


def _questions(check: JudgeCheck, cases: Sequence[CheckCase], rules: RubricDef) -> list[Question]:
    # A seed of its own makes the warm answer another draw, and the cold ones the same question again.
    return [
        Question(
            str(case.pk),
            planning.question(case, rules),
            temperature=case.temperature,
            seed=check.seed if case.temperature else 0,
        )
        for case in cases
    ]
