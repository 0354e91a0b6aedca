"""The work of a backfill: prepared in one transaction, asked batch by batch as `recommend.jobs` says."""

from __future__ import annotations

import time
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from judge import campaigns, judging, panels
from judge.asking import Answer
from judge.backfills import estimates
from judge.cases import BATCH_SIZE
from judge.frames import Population
from judge.metering import MeteredEngine, Usage
from judge.models import Assessment, Backfill, Rater, Rubric
from judge.services import KIND_OF_STAGE
from recommend import audit, jobs
from recommend.audit import Verb
from recommend.engines.errors import EngineUnavailableError
from recommend.engines.types import Engine
from recommend.models import ACTIVE_STATES, Generation, JobState, LanguageModel, Output, Stage

WRONG_FORM = "not of the form asked for"
NO_MAJORITY = "too few members of the panel gave usable labels"


class BackfillError(ValueError):
    """A backfill that cannot be made or changed; `field` names the value at fault, "" where it is none."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class BackfillRunningError(BackfillError):
    """Somebody has a judge asked the same already: `backfill` is that one."""

    def __init__(self, backfill: Backfill) -> None:
        super().__init__(
            f"{backfill.rater} is being asked about {backfill.rubric.kind}s under this rubric already. "
            "Wait for that backfill, or cancel it.",
            "judge",
        )
        self.backfill = backfill


def checked(
    judge: Rater, rubric: Rubric, population: Population, *, max_calls: int | None, max_money: Decimal | None
) -> None:
    """Raises BackfillError where such a backfill makes no sense, however much there is to ask."""
    if judge.is_person:
        raise BackfillError(f"{judge} is a person; only a judge model or a panel can be asked.", "judge")
    if not panels.is_asked_today(judge):
        raise BackfillError(f"{judge} cannot be asked any more: no prompt has that version now.", "judge")
    if rubric.kind != KIND_OF_STAGE[Stage(population.stage)]:
        raise BackfillError(f"“{rubric}” is for outputs of another kind. Choose one for {population.stage}.", "rubric")
    if max_calls is None and max_money is None:
        raise BackfillError("Give a budget: the most calls, the most money, or both.", "max_calls")
    if max_calls is not None and max_calls < 1:
        raise BackfillError(f"{max_calls} calls ask nothing. Give 1 or more.", "max_calls")
    if max_money is not None and max_money <= 0:
        raise BackfillError(f"{max_money} buys nothing. Give more than 0.", "max_money")
    if max_money is not None and (missing := estimates.unpriced(judge)):
        names = ", ".join(model.name for model in missing)
        raise BackfillError(
            f"What {names} costs is not known. Give its prices in the admin pages, or a budget in calls.", "max_money"
        )


@transaction.atomic
def prepare(
    judge: Rater,
    rubric: Rubric,
    population: Population,
    *,
    again: bool = False,
    max_calls: int | None = None,
    max_money: Decimal | None = None,
    by: User | None = None,
) -> Backfill:
    """Store a queued backfill.

    again                 ask again, once, where an earlier answer of this judge was of no use
    max_calls, max_money  its budget: one of them, or both

    Raises BackfillRunningError where a judge of it is being asked already, else BackfillError.
    """
    checked(judge, rubric, population, max_calls=max_calls, max_money=max_money)
    # Locked, so that of two that start at once the second sees the first.
    Rubric.objects.select_for_update(no_key=True).get(pk=rubric.pk)
    if (running := _asking_the_same(judge, rubric)) is not None:
        raise BackfillRunningError(running)
    found = estimates.estimate(judge, rubric, population, again=again)
    if not found.n_to_ask:
        raise BackfillError(
            f"{judge} has judged all {found.n_outputs:,} outputs of this population already."
            if found.n_outputs
            else "No output of this population was kept yet. Choose another one."
        )
    backfill = Backfill(
        rater=judge,
        rubric=rubric,
        stage=population.stage,
        prompt_versions=list(population.prompt_versions),
        created_from=population.created_from,
        created_until=population.created_until,
        again=again,
        max_calls=max_calls,
        max_money=max_money,
        n_outputs=found.n_outputs,
        n_to_ask=found.n_to_ask,
        money=None if estimates.unpriced(judge) else Decimal(0),
        created_by=by,
    )
    backfill.save()
    backfill.population_models.set(LanguageModel.objects.filter(pk__in=population.models))
    detail = {"kind": rubric.kind, "judge": str(judge), "outputs": found.n_to_ask, "max_calls": max_calls}
    money = {} if max_money is None else {"max_money": str(max_money)}
    audit.record(Verb.BACKFILL_STARTED, backfill, detail | money, by=by)
    return backfill


def _asking_the_same(judge: Rater, rubric: Rubric) -> Backfill | None:
    """A backfill at work that asks one of the models of this judge, in the same way, under the same rubric."""
    asked = _asked_raters(judge)
    active = Backfill.objects.filter(rubric=rubric, state__in=ACTIVE_STATES).select_related(
        "rater__language_model", "rater__panel", "rater__user", "rubric"
    )
    return next((one for one in active if asked & _asked_raters(one.rater)), None)


def _asked_raters(judge: Rater) -> set[UUID]:
    members = panels.members_of(judge.panel) if judge.panel is not None else []
    return {judge.pk, *(one.rater_id for one in members)}


def cancel(backfill: Backfill) -> Backfill:
    """Stop a backfill: answers stay, no more is asked. One that has ended stays as it is."""
    return jobs.cancel(backfill, Verb.BACKFILL_CANCELLED)


def pause(backfill: Backfill) -> Backfill:
    """Ask no more until it is resumed; answers stay. One that is paused or has ended stays as it is."""
    return jobs.pause(backfill, Verb.BACKFILL_PAUSED)


def advance(backfill_id: UUID, engine: Engine) -> Backfill | None:
    """Ask the next batch; returns the backfill as it stands then, None where there is nothing to do for this worker:
    it has ended, is paused, or another worker has it.

    Raises EngineUnavailableError, after storing what came, where an output got no answer at all.
    """
    rows = Backfill.objects.select_related("rater__language_model", "rater__panel", "rubric")
    return jobs.advance(rows, backfill_id, partial(_advance, engine=engine))


def _advance(backfill: Backfill, token: UUID, engine: Engine) -> None:
    batch = _batch(backfill)
    if not batch:
        jobs.end(backfill, token, JobState.DONE)
        return
    meter = _meter(backfill, engine)
    if not meter.has_room():
        _end_spent(backfill, token)
        return
    account = _Account(backfill, token, meter)
    try:
        judging.judge_all(
            batch,
            backfill.rubric,
            backfill.rater,
            meter,
            errors_before=backfill.created_at if backfill.again else None,
            ledger=account,
        )
    except LanguageModel.DoesNotExist as missing:
        jobs.end(backfill, token, JobState.FAILED, str(missing))
        return
    except EngineUnavailableError as silent:
        account.settle()
        if meter.is_used_up:
            _end_spent(backfill, token)
            return
        Backfill.objects.filter(pk=backfill.pk, lease_token=token).update(error=str(silent))
        raise
    account.settle()
    _done_with(backfill, batch)
    with transaction.atomic():
        jobs.renew(backfill, token)
        Backfill.objects.filter(pk=backfill.pk).update(cursor=batch[-1].pk)


def _end_spent(backfill: Backfill, token: UUID) -> None:
    with transaction.atomic():
        jobs.renew(backfill, token)
        Backfill.objects.filter(pk=backfill.pk).update(is_spent=True)
        jobs.end(backfill, token, JobState.DONE)


def _rest(backfill: Backfill) -> QuerySet[Generation]:
    """What the backfill has not been through: of its population, as that was when it began."""
    then = Q(finished_at__isnull=True) | Q(finished_at__lte=backfill.created_at)
    found = Population.of(backfill).generations().filter(then, created_at__lte=backfill.created_at)
    return found.filter(pk__gt=backfill.cursor) if backfill.cursor else found


def _batch(backfill: Backfill) -> list[Generation]:
    """The next generations with something to ask, about BATCH_SIZE questions in all; one at least.

    No more than the calls that are left can answer to the end: half an answer would be paid for in vain.
    """
    waiting = judging.waiting_for(
        backfill.rater, backfill.rubric, backfill.created_at if backfill.again else None
    ).filter(generation=OuterRef("pk"))
    found = list(_rest(backfill).filter(Exists(waiting)).order_by("pk")[:BATCH_SIZE])
    outputs = Output.objects.kept().filter(generation__in=found).order_by()
    n_outputs = dict(outputs.values_list("generation").annotate(n=Count("pk")))
    per_output, per_generation = estimates.calls_for(backfill.rater, backfill.rubric)
    n_taken, batch = 0, list[Generation]()
    for generation in found:
        n_taken += n_outputs[generation.pk]
        n_calls = backfill.n_calls + per_output * n_taken + per_generation * (len(batch) + 1)
        is_too_much = backfill.max_calls is not None and n_calls > backfill.max_calls
        if batch and (n_taken > BATCH_SIZE or is_too_much):
            break
        batch.append(generation)
    return batch


def _meter(backfill: Backfill, engine: Engine) -> MeteredEngine:
    before = Usage(backfill.n_calls, backfill.prompt_tokens, backfill.completion_tokens, backfill.money)
    expected = Decimal(0)
    if backfill.max_money is not None and not backfill.n_calls:
        expected = estimates.estimate(backfill.rater, backfill.rubric, Population.of(backfill)).money_per_call
    return MeteredEngine(
        engine,
        backfill.rater.models,
        max_calls=backfill.max_calls,
        max_money=backfill.max_money,
        before=before,
        expected=expected,
    )


def _done_with(backfill: Backfill, batch: Sequence[Generation]) -> None:
    """Offer what was judged to the campaigns that go by that; also what a worker that was killed had judged."""
    heard = Assessment.objects.filter(
        output__generation=OuterRef("pk"), rater=backfill.rater, created_at__gte=backfill.created_at
    )
    passed = _rest(backfill).filter(Exists(heard), pk__lte=batch[-1].pk)
    for pk in passed.order_by("pk").values_list("pk", flat=True):
        campaigns.enrol_judged(pk)


class _Account:
    """The ledger of a batch: counts each answer in the backfill's row, and stops where it is no longer ours."""

    def __init__(self, backfill: Backfill, token: UUID, meter: MeteredEngine) -> None:
        self._backfill, self._token, self._meter = backfill, token, meter
        self._mark = time.monotonic()

    def stored(self, answer: Answer, *, of_judge: bool, is_new: bool) -> None:
        row = self._settled()
        if of_judge and is_new:
            row.n_asked += 1
            row.n_accepted += answer.passed is True
            if answer.passed is None:
                reason = reason_of(answer.error)
                row.failures = row.failures | {reason: row.failures.get(reason, 0) + 1}
        row.save(update_fields=["n_asked", "n_accepted", "failures", *_SPENT])

    def go_on(self) -> None:
        with transaction.atomic():
            jobs.renew(self._backfill, self._token)

    @transaction.atomic
    def settle(self) -> None:
        """Count what calls took that gave no answer to store."""
        self._settled().save(update_fields=_SPENT)

    def _settled(self) -> Backfill:
        # Locked to the transaction's end, and counted whoever holds it: what was spent was spent.
        row = Backfill.objects.select_for_update().get(pk=self._backfill.pk)
        now, used = time.monotonic(), self._meter.untold()
        row.n_calls += used.n_calls
        row.prompt_tokens += used.prompt_tokens
        row.completion_tokens += used.completion_tokens
        row.money = None if row.money is None or used.money is None else row.money + used.money
        row.busy_s += now - self._mark
        self._mark = now
        return row


_SPENT = ["n_calls", "prompt_tokens", "completion_tokens", "money", "busy_s"]


def reason_of(error: str) -> str:
    """Why an answer was of no use, as reports count it.

    >>> reason_of("truncated: cut at 768 tokens"), reason_of("1 of 3 members gave usable labels. a: b")
    ('truncated', 'too few members of the panel gave usable labels')
    """
    kind, colon, _ = error.partition(":")
    if "members gave usable labels" in error:
        return NO_MAJORITY
    return kind if colon and kind in {"refused", "truncated", "invalid_json", "schema"} else WRONG_FORM
