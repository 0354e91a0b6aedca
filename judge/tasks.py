"""Celery's way into the judge: fetch by id, call the work. Every task may be delivered twice."""

import logging
from datetime import timedelta
from uuid import UUID

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from judge import alerts, campaigns, dashboard_figures, disagreements, judging, leases, services
from judge.backfills import runner as backfills
from judge.checks import runner
from judge.exchange import file_imports
from judge.models import Assessment, Backfill, FileImport, JudgeCheck, Rubric, Trial
from judge.proposals import trials
from recommend import jobs
from recommend.engines import factory
from recommend.engines.errors import EngineUnavailableError
from recommend.models import Generation, JobState, LanguageModel, Output, Stage

logger = logging.getLogger(__name__)

# Below the broker's visibility timeout: a longer wait would be delivered a second time meanwhile.
LONGEST_WAIT_S = 120
# A generation that waits for longer than this was probably lost; until then its own task is on the way.
LOST_AFTER = timedelta(minutes=2)
# What a sweep has sent is not sent again for so long: a judge that is behind must not be buried in repeats.
SENT_FOR_S = 900
SWEEP_LIMIT = 50
# Older ones are a matter for a person, not for a sweep that runs all day.
SWEEP_HORIZON = timedelta(days=7)
# Of checks, trials and backfills: whatever else the judge has to do comes first.
CHECK_PRIORITY = 9

# A task that needs the judge's server: one that cannot be reached is asked again, ever more slowly.
_asks_the_judge = shared_task(
    base=DjangoTask,
    acks_late=True,
    autoretry_for=(EngineUnavailableError,),
    retry_backoff=4,
    retry_backoff_max=LONGEST_WAIT_S,
    max_retries=6,
)


@_asks_the_judge
def judge_generation(generation_id: str) -> int:
    """Judge what is left of a generation; returns how many verdicts were stored. Delivering it twice does no harm.

    A server that cannot be reached is asked again, ever more slowly; after that the sweep takes over.
    """
    generation = Generation.objects.filter(pk=UUID(generation_id)).first()
    if generation is None:
        return 0
    try:
        judge = services.serving_judge()
        n_stored = judging.judge_pending(generation, factory.from_settings(judge.models[0].engine), judge)
    except (LanguageModel.DoesNotExist, Rubric.DoesNotExist) as missing:
        logger.warning("Generation %s is not judged yet. %s", generation_id, missing)
        return 0
    campaigns.enrol_judged(generation.pk)
    return n_stored


@shared_task(base=DjangoTask, acks_late=True)
def sweep() -> int:
    """Take lapsed leases back, and send again what was never judged; returns how many generations were sent."""
    leases.expire()
    resend_jobs()
    resend_imports()
    return resend_unjudged()


def resend_unjudged() -> int:
    """Send done generations with a kept output that no judge has looked at, at most SWEEP_LIMIT, oldest first."""
    sent = 0
    for generation_id in _unjudged():
        if sent == SWEEP_LIMIT:
            break
        if cache.add(f"judge-sent:{generation_id}", 1, timeout=SENT_FOR_S):
            judge_generation.delay(str(generation_id))
            sent += 1
    return sent


def _unjudged() -> list[UUID]:
    now = timezone.now()
    judged = Assessment.objects.verdicts().filter(output=OuterRef("pk"))
    waiting = Output.objects.kept().filter(~Exists(judged), generation=OuterRef("pk"))
    found = Generation.objects.filter(
        Exists(waiting),
        stage__in=Stage.values,  # all of them: the index begins with it
        state=JobState.DONE,
        created_at__gt=now - SWEEP_HORIZON,
        finished_at__lt=now - LOST_AFTER,
    )
    return list(found.order_by("created_at").values_list("pk", flat=True)[: SWEEP_LIMIT * 20])


# Files handed in ------------------------------------------------------------------------------------------------------


def send_import(one: FileImport) -> None:
    """Have a worker import a file, once the transaction at hand is committed."""
    FileImport.objects.filter(pk=one.pk).update(sent_at=timezone.now())
    import_file.delay_on_commit(str(one.pk))


@shared_task(base=DjangoTask, acks_late=True)
def import_file(import_id: str) -> None:
    """Import a file that was handed in. Delivering it twice does no harm."""
    file_imports.run(UUID(import_id))


@transaction.atomic
def resend_imports() -> None:
    """Send again what waits and nobody has in work: the broker may have lost it."""
    waiting = FileImport.objects.filter(state=JobState.QUEUED, sent_at__lt=timezone.now() - LOST_AFTER)
    for one in waiting.select_for_update(skip_locked=True):
        send_import(one)


# Checks of judges -----------------------------------------------------------------------------------------------------


def send_check(check: JudgeCheck) -> None:
    """Have a worker ask the next questions of a check, once the transaction at hand is committed."""
    jobs.send(check, advance_check, CHECK_PRIORITY)


@_asks_the_judge
def advance_check(check_id: str) -> None:
    """Ask the next questions of a check, from wherever it stands; nothing happens where another worker holds it."""
    check = JudgeCheck.objects.select_related("rater__language_model", "rater__panel").filter(pk=UUID(check_id)).first()
    if check is None:
        return
    advanced = runner.advance(check.pk, factory.from_settings(check.rater.models[0].engine))
    if advanced is not None and advanced.is_active:
        send_check(advanced)


def send_trial(trial: Trial) -> None:
    """Have a worker ask the next questions of a trial, once the transaction at hand is committed."""
    jobs.send(trial, advance_trial, CHECK_PRIORITY)


@_asks_the_judge
def advance_trial(trial_id: str) -> None:
    """Ask the next questions of a trial of a proposed prompt; nothing happens where another worker holds it."""
    judged_by = ("proposal__rater__language_model", "proposal__rater__panel")
    trial = Trial.objects.select_related(*judged_by).filter(pk=UUID(trial_id)).first()
    if trial is None:
        return
    advanced = trials.advance(trial.pk, factory.from_settings(trial.proposal.rater.models[0].engine))
    if advanced is not None and advanced.is_active:
        send_trial(advanced)


@shared_task(base=DjangoTask, acks_late=True)
def check_judge() -> int:
    """Check the judge that serves on every kind of output; returns how many checks began. Nightly, 0 budget: never."""
    if not settings.JUDGE_CHECK_BUDGET:
        return 0
    return sum(_begin_check(kind) for kind in Output.Kind)


@shared_task(base=DjangoTask, acks_late=True)
def check_released() -> int:
    """Check a judge that is not what was checked before, on each such kind of output; returns how many checks began.

    For the first check of all somebody asks, or the night does: a fresh installation has nothing to check on.
    """
    if not settings.JUDGE_CHECK_BUDGET:
        return 0
    return sum(_begin_check(kind) for kind in Output.Kind if runner.is_released(kind))


def _begin_check(kind: Output.Kind) -> bool:
    try:
        check = runner.prepare_newest(kind)
    except runner.CheckError as reason:
        logger.info("The judge is not checked on %ss now. %s", kind, reason)
        return False
    send_check(check)
    return True


@shared_task(base=DjangoTask, acks_late=True)
def watch_judge() -> int:
    """Look whether the judge drifts, and tell of it once; returns how many alerts are new. Delivered twice is once."""
    return len(alerts.watch())


# Backfills ------------------------------------------------------------------------------------------------------------


def send_backfill(backfill: Backfill) -> None:
    """Have a worker ask the next questions of a backfill, once the transaction at hand is committed."""
    jobs.send(backfill, advance_backfill, CHECK_PRIORITY)


@_asks_the_judge
def advance_backfill(backfill_id: str) -> None:
    """Ask the next questions of a backfill; nothing happens where it is paused or another worker holds it."""
    judged_by = ("rater__language_model", "rater__panel")
    backfill = Backfill.objects.select_related(*judged_by).filter(pk=UUID(backfill_id)).first()
    if backfill is None:
        return
    advanced = backfills.advance(backfill.pk, factory.from_settings(backfill.rater.models[0].engine))
    # One batch a task: what came meanwhile and is more urgent goes first.
    if advanced is not None and advanced.is_active and not advanced.is_paused:
        send_backfill(advanced)


def resend_jobs() -> int:
    """Send again the checks, trials and backfills whose task or worker was lost; returns how many."""
    n_checks, n_trials = jobs.resend(JudgeCheck, send_check), jobs.resend(Trial, send_trial)
    return n_checks + n_trials + jobs.resend(Backfill, send_backfill)


# Figures --------------------------------------------------------------------------------------------------------------


@shared_task(base=DjangoTask, acks_late=True)
def keep_figures() -> None:
    """Have the quality pages' figures computed anew where there are many assessments."""
    dashboard_figures.keep_fresh()
    disagreements.keep_fresh()
