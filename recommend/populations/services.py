"""What a lead can ask of a population: start a job, pause, resume and cancel it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from recommend import jobs, tasks
from recommend.audit import Verb, record
from recommend.languages import ENGLISH, LANGUAGES
from recommend.models import ACTIVE_STATES, LanguageModel, PopulationJob, Stage, TagStrategy
from recommend.populations import planning, queries
from recommend.populations.queries import PopulationError
from recommend.services import MAX_ITEMS, InvalidRunError, checked_models, checked_rules, checked_steps


class PopulationRunningError(PopulationError):
    """The same is being made already: `population` is the job that does."""

    def __init__(self, population: PopulationJob) -> None:
        super().__init__(
            "These stages are being made for this query already. Wait for that job, or cancel it.", "query"
        )
        self.population = population


@transaction.atomic
def start(
    *,
    query: str,
    stages: Sequence[str],
    by: User | None,
    beta: float = 0.5,
    n_items: int = 6,
    models: Mapping[Stage, LanguageModel] | None = None,
    rules: Mapping[str, Any] | None = None,
    language: str = ENGLISH,
    reference_at: datetime | None = None,
    tells_runs: bool = False,
    tag_strategy: str = TagStrategy.DIRECT,
    again: bool = False,
) -> PopulationJob:
    """Store a queued job, and send its task once it is committed.

    query   which shoppers, in the language of `queries`
    stages  what is made for each, of services.CHOOSABLE_STEPS, each with what it is made from
    models  of stages that not the serving model is to do
    rules   what may be offered, as `recommend.services.start_run` takes it
    language, reference_at  of every run; without a moment each looks from after its shopper's last behaviour
    tells_runs  whether webhooks are told of each run's end too, and not of the job's alone
    tag_strategy  how item tags are made, one of TagStrategy
    again   also for shoppers whose history did not change

    Raises PopulationRunningError, or PopulationError naming the value and the remedy.
    """
    try:
        steps = checked_steps(stages)
        chosen = {
            "chosen_models": checked_models(models or {}, steps),
            "rules": checked_rules(rules or {}, steps),
            "language": language,
            "tag_strategy": tag_strategy,
            "reference_at": reference_at,
        }
    except InvalidRunError as error:
        raise PopulationError(str(error), "stages" if error.field == "steps" else error.field) from error
    if language not in LANGUAGES:
        raise PopulationError(f"“{language}” is none of {', '.join(LANGUAGES)}.", "language")
    if not 0.0 <= beta <= 1.0:
        raise PopulationError(f"{beta} is not between 0 and 1.", "beta")
    if not 1 <= n_items <= MAX_ITEMS:
        raise PopulationError(f"{n_items} is not between 1 and {MAX_ITEMS}.", "n_items")
    if tag_strategy not in TagStrategy:
        raise PopulationError(f"“{tag_strategy}” is none of {', '.join(TagStrategy.values)}.", "tag_strategy")
    _check_models(steps, models or {})
    if not queries.shoppers(query).exists():
        raise PopulationError(
            f"“{query}” chooses nobody with behaviours. Loosen it, or import behaviours first.", "query"
        )
    query = queries.normalised(query)
    try:
        with transaction.atomic():
            population = PopulationJob.objects.create(
                query=query,
                steps=steps,
                beta=beta,
                n_items=n_items,
                again=again,
                tells_runs=tells_runs,
                created_by=by,
                **chosen,
            )
    except IntegrityError:
        running = PopulationJob.objects.filter(query=query, steps=steps, state__in=ACTIVE_STATES, **chosen).first()
        if running is None:
            raise
        raise PopulationRunningError(running) from None
    record(Verb.POPULATION_STARTED, population, {"query": query, "stages": ",".join(steps[1:])}, by=by)
    tasks.send_population(population)
    return population


def _check_models(steps: Sequence[str], models: Mapping[Stage, LanguageModel]) -> None:
    try:
        asked = [models.get(stage) or LanguageModel.objects.serving(stage) for stage in Stage if stage in steps]
    except LanguageModel.DoesNotExist as missing:
        raise PopulationError(str(missing), "stages") from missing
    engines = sorted({model.engine for model in asked})
    if len(engines) > 1:
        # Calls of all stages are in flight at once, through one engine.
        raise PopulationError(
            f"The models of these stages have different engines ({', '.join(engines)}), a population takes one. Ask "
            "for fewer stages, or choose models of one engine.",
            "stages",
        )


@transaction.atomic
def resume(population: PopulationJob) -> PopulationJob:
    """Let a paused job go on; one that is not paused stays as it is."""
    resumed = jobs.resume(population, Verb.POPULATION_RESUMED)
    if resumed is None:
        return PopulationJob.objects.get(pk=population.pk)
    tasks.send_population(resumed)
    for chunk in resumed.chunks.filter(state__in=ACTIVE_STATES):
        tasks.send_chunk(chunk)
    return resumed


pause = planning.pause
cancel = planning.cancel
