"""Shoppers, a catalogue and models for population jobs; a stand-in answers for the models."""

from datetime import timedelta
from typing import Any

from recommend import retrieval
from recommend.engines.types import ChatRequest
from recommend.models import Behavior, LanguageModel, PopulationJob, Shopper
from recommend.populations import planning, services
from recommend.populations.shifts import Shift
from tests.recommend.factories import REFERENCE, BehaviorFactory, ItemFactory, LanguageModelFactory, ShopperFactory
from tests.support.recorded_engine import Answer, RecordedEngine

CATALOGUE = {
    "diapers": ["baby", "diapers", "baby diapers"],
    "baby foods": ["baby", "baby foods", "baby puree"],
    "crayons": ["toys", "crayons", "washable crayons"],
}
ANSWERS: dict[str, Answer] = {
    "interests": {"interests": [{"reason": "Bought diapers ×2.", "interest": "baby care", "stage": "long-term"}]},
    "tags": {"tags": [{"interest": "baby care", "reason": "Bought diapers ×2.", "tag": "organic baby puree"}]},
    "guideline": {"guideline": "Warm, for new parents.", "explanation": "First spoonfuls for curious eaters"},
}


def made(n: int, *, kind: str = Behavior.Kind.PURCHASE, **attributes: Any) -> list[Shopper]:
    """So many shoppers who bought diapers twice, or did something else with them."""
    diapers = ItemFactory.create(short_text="diapers", title="Diapers", category=CATALOGUE["diapers"])
    found = ShopperFactory.create_batch(
        n, last_behavior_at=REFERENCE - timedelta(days=40), n_behaviors=2, attributes=attributes
    )
    for shopper in found:
        for days in (40, 41):
            BehaviorFactory.create(
                shopper=shopper, item=diapers, kind=kind, occurred_at=REFERENCE - timedelta(days=days)
            )
    return found


def fitted() -> None:
    """Retrieval, where items are asked for."""
    for name, category in CATALOGUE.items():
        ItemFactory.create(short_text=name, title=name.title(), category=category)
    retrieval.fit()


def serving(**values: Any) -> None:
    """A model for every stage."""
    for role in LanguageModel.Role.values:
        LanguageModelFactory.create(role=role, **values)


def stage_of(request: ChatRequest) -> str:
    """The stage that a request is of, told by the schema that it was given."""
    assert request.schema is not None
    return str(next(iter(request.schema["properties"])))


def good(request: ChatRequest) -> Answer:
    """What a good model would say."""
    return ANSWERS[stage_of(request)]


def started(query: str = "all", stages: str = "interests,tags", **options: Any) -> PopulationJob:
    """A job whose shoppers are written down, its first chunks cut."""
    population = services.start(query=query, stages=stages.split(","), by=None, **options)
    written_down(population)
    return population


def written_down(population: PopulationJob) -> None:
    from recommend import jobs

    jobs.advance(PopulationJob.objects.all(), population.pk, planning.write_down)
    planning.fill(population.pk)


def worked(population: PopulationJob, engine: RecordedEngine, **options: Any) -> PopulationJob:
    """The job after workers have done all that there is to do."""
    while (chunk := population.chunks.filter(state__in=["queued", "running"]).first()) is not None:
        Shift(chunk.pk, planning.fill, **options).work(engine)
        population.refresh_from_db()
        if population.is_paused or not population.is_active:
            break
    population.refresh_from_db()
    return population
