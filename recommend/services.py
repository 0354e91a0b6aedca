"""What a user can ask of the pipeline: start a run, cancel it."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from recommend import audit, events, guests, sources, tasks
from recommend.audit import Verb
from recommend.guests import GivenHistory
from recommend.histories import morning_after
from recommend.languages import ENGLISH, LANGUAGES
from recommend.models import (
    ACTIVE_STATES,
    STEPS,
    ExplanationSource,
    Item,
    JobState,
    LanguageModel,
    PipelineRun,
    Shopper,
    Stage,
    TagStrategy,
)
from recommend.prompts import UnknownPromptError, load
from recommend.retrieval.selection import Rules

MAX_ITEMS = 50
HISTORY, *CHOOSABLE_STEPS = STEPS
# What a step is made from; items need nothing but the history, since the collaborative arm can go alone.
NEEDED = {"tags": ("interests",), "explanations": ("interests", "tags", "items")}


class InvalidRunError(ValueError):
    """A request for a run that cannot be met; `field` names the value that is at fault."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class IdempotencyConflictError(RuntimeError):
    """The same idempotency key came with other wishes."""


def start_run(
    *,
    shopper: Shopper | GivenHistory,
    by: User | None,
    reference_at: datetime | None = None,
    beta: float = 0.5,
    n_items: int = 6,
    steps: Collection[str] = CHOOSABLE_STEPS,
    models: Mapping[Stage, LanguageModel] | None = None,
    prompts: Mapping[Stage, str] | None = None,
    rules: Mapping[str, Any] | None = None,
    language: str = ENGLISH,
    explanation_source: str = ExplanationSource.MADE,
    tag_strategy: str = TagStrategy.DIRECT,
    idempotency_key: str = "",
    priority: int = 0,
    batch: UUID | None = None,
) -> tuple[PipelineRun, bool]:
    """Store a queued run and send its task once it is committed; returns the run and whether it is new.

    shopper       a stored one, a guest of an earlier run, or a history that came with the request
    reference_at  the moment that the run looks from; default: the morning after the shopper's last behaviour
    steps         what is done, with all that it needs
    models        of stages that not the serving model is to do
    prompts       of stages that are to be asked with another version of their prompt
    rules         what may be offered, by the names of `retrieval.selection.Rules`; the settings say what is not named
    language      of what the models write, one of LANGUAGES
    explanation_source  whether explanations are made, looked up, or looked up first; see ExplanationSource
    tag_strategy  how item tags are made, one of TagStrategy
    priority      0 where somebody waits for the result, up to 9 for work in the background
    batch         names those that one call starts together

    The same key of the same user gives the same run. Raises InvalidRunError, or IdempotencyConflictError where the key
    was used for something else.
    """
    if isinstance(shopper, Shopper) and shopper.is_guest:
        shopper = guests.given_by(shopper)
    if not 0.0 <= beta <= 1.0:
        raise InvalidRunError("beta", f"{beta} is not between 0 and 1.")
    if not 1 <= n_items <= MAX_ITEMS:
        raise InvalidRunError("n_items", f"{n_items} is not between 1 and {MAX_ITEMS}.")
    if language not in LANGUAGES:
        raise InvalidRunError("language", f"“{language}” is none of {', '.join(LANGUAGES)}.")
    if explanation_source not in ExplanationSource:
        known = ", ".join(ExplanationSource.values)
        raise InvalidRunError("explanation_source", f"“{explanation_source}” is none of {known}.")
    if tag_strategy not in TagStrategy:
        raise InvalidRunError("tag_strategy", f"“{tag_strategy}” is none of {', '.join(TagStrategy.values)}.")
    wanted = {
        "reference_at": _seen_from(shopper, reference_at),
        "beta": beta,
        "n_items": n_items,
        "steps": checked_steps(steps),
        "chosen_prompts": _checked_prompts(prompts or {}, steps, language, tag_strategy),
        "chosen_models": checked_models(models or {}, steps),
        "rules": checked_rules(rules or {}, steps),
        "language": language,
        "explanation_source": explanation_source,
        "tag_strategy": tag_strategy,
    }
    external_id, asked_at = shopper.external_id, reference_at
    if idempotency_key and (found := _same_key(by, idempotency_key)) is not None:
        return _unless_other(found, external_id, wanted, asked_at), False
    try:
        with transaction.atomic():
            run = PipelineRun.objects.create(
                created_by=by,
                idempotency_key=idempotency_key,
                shopper=guests.admit(shopper) if isinstance(shopper, GivenHistory) else shopper,
                priority=priority,
                batch=batch,
                **wanted,
            )
            audit.record(Verb.RUN_STARTED, run, by=by)
            tasks.send(run)
    except IntegrityError:
        # Two requests with one key at the same moment: the other was first.
        found = _same_key(by, idempotency_key) if idempotency_key else None
        if found is None:
            raise
        return _unless_other(found, external_id, wanted, asked_at), False
    return run, True


def _seen_from(shopper: Shopper | GivenHistory, asked_at: datetime | None) -> datetime:
    """The moment that a run looks from. Raises InvalidRunError where it would see nothing, or not what was given."""
    if isinstance(shopper, GivenHistory):
        moment = asked_at or morning_after(shopper.last_at)
        if shopper.last_at >= moment:
            raise InvalidRunError(
                "reference_at",
                f"The history goes on until {shopper.last_at:%Y-%m-%d %H:%M}, and the run would look from "
                f"{moment:%Y-%m-%d %H:%M}. Leave out what is later, or look from a later moment.",
            )
        return moment
    if shopper.last_behavior_at is None:
        raise InvalidRunError("shopper", f"{shopper} has no behaviours yet; import some first.")
    moment = asked_at or morning_after(shopper.last_behavior_at)
    try:
        if not sources.current().has_any(shopper, moment):
            raise InvalidRunError("reference_at", f"{shopper} has no behaviour before {moment:%Y-%m-%d %H:%M}.")
    except sources.SourceError as error:
        raise InvalidRunError("shopper", str(error)) from error
    return moment


def checked_steps(steps: Collection[str]) -> list[str]:
    """All steps that are done, in their order. Raises InvalidRunError for one that lacks what it is made from."""
    unknown = [step for step in steps if step not in CHOOSABLE_STEPS]
    if unknown or not steps:
        known = ", ".join(CHOOSABLE_STEPS)
        raise InvalidRunError("steps", f"{', '.join(unknown) or 'None'} is no step. Choose from {known}.")
    for step in steps:
        if missing := [needed for needed in NEEDED.get(step, ()) if needed not in steps]:
            raise InvalidRunError("steps", f"{step} is made from {' and '.join(missing)}: ask for that too.")
    return [step for step in STEPS if step == HISTORY or step in steps]


def checked_models(models: Mapping[Stage, LanguageModel], steps: Collection[str]) -> dict[str, str]:
    """Stage -> id of its model. Raises InvalidRunError."""
    for stage, model in models.items():
        field = f"models.{stage}"
        if model.role != stage:
            raise InvalidRunError(field, f"{model} is for {model.get_role_display().lower()}, not for this stage.")
        if model.state == LanguageModel.State.RETIRED:
            raise InvalidRunError(field, f"{model} is retired; choose one that is serving or a candidate.")
        if stage not in steps:
            raise InvalidRunError(field, f"The run has no step {stage}; add it to the steps, or leave the model out.")
    return {str(stage): str(model.pk) for stage, model in sorted(models.items())}


def _checked_prompts(
    prompts: Mapping[Stage, str], steps: Collection[str], language: str, tag_strategy: str
) -> dict[str, str]:
    """Stage -> version of its prompt. Raises InvalidRunError."""
    for stage, version in prompts.items():
        field = f"prompts.{stage}"
        try:
            prompt = load(stage, version)
        except UnknownPromptError as error:
            raise InvalidRunError(field, str(error)) from error
        if stage not in steps:
            raise InvalidRunError(field, f"The run has no step {stage}; add it to the steps, or leave the prompt out.")
        if stage == Stage.TAGS and tag_strategy != TagStrategy.DIRECT:
            raise InvalidRunError(field, f"Only the strategy direct asks with version {version}; leave it out.")
        if language != ENGLISH and "language" not in prompt.places:
            raise InvalidRunError(field, f"Version {version} asks for English only; choose a later one.")
    return {str(stage): version for stage, version in sorted(prompts.items())}


def checked_rules(rules: Mapping[str, Any], steps: Collection[str]) -> dict[str, Any]:
    """Rules of the list as they are stored. Raises InvalidRunError."""
    if rules and "items" not in steps:
        raise InvalidRunError("rules", "The run has no step items; add it to the steps, or leave the rules out.")
    try:
        Rules(**rules)
    except (TypeError, ValueError) as error:
        raise InvalidRunError("rules", f"{dict(rules)} are no rules: {error}") from error
    for name in rules.get("categories", ()):
        if not Item.objects.filter(category__contains=[name]).exists():
            raise InvalidRunError(
                "rules.categories",
                f"No item is in the category “{name}”. GET /api/v1/items/?search=… shows items with their paths.",
            )
    return dict(rules)


def _same_key(by: User | None, key: str) -> PipelineRun | None:
    return PipelineRun.objects.filter(created_by=by, idempotency_key=key).select_related("shopper").first()


def _unless_other(run: PipelineRun, external_id: str, wanted: dict[str, Any], asked_at: datetime | None) -> PipelineRun:
    # Without an explicit moment the default may have moved with new behaviours; that is not another wish.
    names = wanted if asked_at else wanted.keys() - {"reference_at"}
    if run.shopper.external_id != external_id or any(getattr(run, name) != wanted[name] for name in names):
        raise IdempotencyConflictError(
            f"The key “{run.idempotency_key}” was used for run {run.pk} with other values. Use a new key."
        )
    return run


def run_again(run: PipelineRun, *, by: User) -> PipelineRun:
    """Start a run with the wishes of an earlier one. Raises InvalidRunError where they cannot be met any more."""
    again, _ = start_run(by=by, **wishes_of(run))
    return again


def wishes_of(run: PipelineRun) -> dict[str, Any]:
    """What `start_run` takes to do the same once more; a model that was deleted is left out."""
    models = LanguageModel.objects.in_bulk(run.chosen_models.values(), field_name="pk")
    return {
        "shopper": run.shopper,
        "reference_at": run.reference_at,
        "beta": run.beta,
        "n_items": run.n_items,
        "steps": [step for step in run.steps if step != HISTORY],
        "models": {Stage(model.role): model for model in models.values()},
        "prompts": {Stage(stage): version for stage, version in run.chosen_prompts.items()},
        "rules": run.rules,
        "language": run.language,
        "explanation_source": run.explanation_source,
        "tag_strategy": run.tag_strategy,
    }


@transaction.atomic
def share_run(run: PipelineRun, *, is_shared: bool) -> PipelineRun:
    """Give a run that has ended a link for everybody who is signed in, or take it back for good.

    Raises InvalidRunError for a run that is still at work.
    """
    if run.is_active:
        raise InvalidRunError("state", "The run is still at work; share it once it has ended.")
    if is_shared == (run.share_key is not None):
        return run
    run.share_key = uuid4() if is_shared else None  # by chance: nobody can guess one from another
    run.save(update_fields=["share_key"])
    audit.record(Verb.RUN_SHARED, run, {"is_shared": is_shared})
    return run


@transaction.atomic
def cancel_run(run: PipelineRun) -> PipelineRun:
    """Stop a run: what it has made stays, nothing more is made. A run that has ended stays as it is."""
    locked = PipelineRun.objects.select_for_update().get(pk=run.pk)
    if locked.state in ACTIVE_STATES:
        locked.state = JobState.CANCELLED
        locked.finished_at = timezone.now()
        locked.lease_until = locked.lease_token = None
        locked.save(update_fields=["state", "finished_at", "lease_until", "lease_token"])
        locked.generations.filter(state__in=ACTIVE_STATES).update(
            state=JobState.CANCELLED, finished_at=locked.finished_at
        )
        audit.record(Verb.RUN_CANCELLED, locked)
        events.run_finished(locked.pk)
    return locked
