"""Rows for the tests of the demo: a catalogue that shoppers bought from, a finished run with every result."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User

from recommend import histories, retrieval, selectors
from recommend.models import JobState, PipelineRun, Shopper, Stage
from tests.recommend.factories import (
    REFERENCE,
    BehaviorFactory,
    GenerationFactory,
    ItemFactory,
    OutputFactory,
    PipelineRunFactory,
    ShopperFactory,
)

GROCERIES = {
    "tea": ["food", "hot drinks", "tea"],
    "coffee": ["food", "hot drinks", "coffee"],
    "oat milk": ["food", "milk", "oat milk"],
    "biscuits": ["food", "sweets", "biscuits"],
    "jam": ["food", "spreads", "jam"],
    "diapers": ["baby", "diapers", "baby diapers"],
    "baby puree": ["baby", "baby foods", "baby puree"],
    "charcoal": ["garden", "grilling", "charcoal briquets"],
}
INTERESTS = {"breakfast at home": ("tea", "oat milk"), "baby care": ("diapers", "baby puree")}


def bought_from(n_buyers: int = 6) -> dict[str, Any]:
    """The groceries: buyers took them in turn, the first ones most often; retrieval is fitted to that."""
    items = {
        name: ItemFactory.create(sku=name, short_text=name, title=f"{name.title()}, 500 g", category=path, price="2.49")
        for name, path in GROCERIES.items()
    }
    for number in range(n_buyers):
        buyer = ShopperFactory.create()
        for day, item in enumerate(list(items.values())[: 8 - number]):
            at = REFERENCE - timedelta(days=200 - 9 * day)
            BehaviorFactory.create(shopper=buyer, item=item, occurred_at=at)
    retrieval.fit()
    return items


def shopper_of(items: dict[str, Any]) -> Shopper:
    """Somebody who took tea, diapers and biscuits two months ago."""
    made: Shopper = ShopperFactory.create(external_id="household-of-three", n_behaviors=3, last_behavior_at=REFERENCE)
    for day, name in ((70, "tea"), (64, "diapers"), (58, "biscuits")):
        BehaviorFactory.create(shopper=made, item=items[name], occurred_at=REFERENCE - timedelta(days=day))
    return made


def finished_run(shopper: Shopper, by: User, *, tags: dict[str, list[str]] | None = None, **values: Any) -> PipelineRun:
    """A run of all stages. `tags`: interest -> its tags."""
    loaded = histories.load(shopper, REFERENCE)
    compressed = loaded.compressed(REFERENCE, 448)
    run: PipelineRun = PipelineRunFactory.create(
        shopper=shopper,
        created_by=by,
        state=JobState.DONE,
        step="finished",
        history=histories.as_json(compressed, 448, loaded),
        started_at=REFERENCE,
        finished_at=REFERENCE + timedelta(seconds=21),
        **values,
    )
    read = {"history": [line.text for line in compressed.lines]}
    named = GenerationFactory.create(run=run, input=read, prompt_tokens=400, completion_tokens=90)
    tagged = GenerationFactory.create(run=run, stage=Stage.TAGS, input=read, prompt_tokens=300, completion_tokens=60)
    wanted = tags or {"breakfast at home": ["roasted coffee", "oat milk"], "baby care": ["baby puree"]}
    position = 0
    for number, (interest, texts) in enumerate(wanted.items()):
        reason = "Bought tea and biscuits." if number == 0 else "Bought diapers."
        parent = OutputFactory.create(
            generation=named, position=number, text=interest, stage="long-term", reason=reason, evidence=[number]
        )
        for text in texts:
            OutputFactory.create(
                generation=tagged, position=position, text=text, reason="Bought tea.", parent=parent, evidence=[0]
            )
            position += 1
    for card in selectors.reranked(run, run.beta):
        card.recommendation.save()
    explained = GenerationFactory.create(run=run, stage=Stage.EXPLANATIONS, position=1)
    for row in run.recommendations.all():
        OutputFactory.create(
            generation=explained,
            position=row.rank,
            text=f"Goes well with what you had, number {row.rank}.",
            parent=row.tag.parent if row.tag else None,
            item=row.item,
        )
    return run
