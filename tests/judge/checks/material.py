"""Generations of several shoppers that every planted defect can be made from."""

from typing import Any

from recommend.models import Generation, Stage
from tests.recommend.factories import GenerationFactory, ItemFactory, OutputFactory

# (history, two interests with their reasons, a tag for each, an item with its explanation)
SHOPPERS: tuple[dict[str, Any], ...] = (
    {
        "history": ["2 months ago (purchased) | diapers ×9, baby foods ×4", "5 days ago (purchased) | frozen pizza ×3"],
        "interests": [("infant care", "Bought diapers ×9."), ("Italian evenings", "Bought frozen pizza ×3.")],
        "tags": ["washable changing mat", "stone baked crust"],
        "item": ("Diapers size 4", "drug gm > diapers", "Dry nights for little ones"),
    },
    {
        "history": [
            "1 month ago (purchased) | cat litter ×7, kitten milk ×2",
            "3 days ago (purchased) | fishing lines ×5",
        ],
        "interests": [("pet company", "Bought cat litter ×7."), ("angling", "Bought fishing lines ×5.")],
        "tags": ["foldable scratching post", "carbon rod"],
        "item": ("Fishing lines", "sport > angling", "A quiet morning at the lake"),
    },
    {
        "history": ["4 months ago (purchased) | paint brushes ×6", "9 days ago (purchased) | running shoes ×2"],
        "interests": [("water colours", "Bought paint brushes ×6."), ("jogging", "Bought running shoes ×2.")],
        "tags": ["fine canvas paper", "reflective wrist band"],
        "item": ("Paint brushes", "craft > art", "Colour for a rainy afternoon"),
    },
)


def made(stage: Stage, n_shoppers: int = 3) -> list[Generation]:
    """A finished generation of a stage for each of so many shoppers; they repeat after three."""
    return [_made(stage, SHOPPERS[number % len(SHOPPERS)]) for number in range(n_shoppers)]


def _made(stage: Stage, of: dict[str, Any]) -> Generation:
    generation: Generation = GenerationFactory.create(stage=stage)
    generation.input["history"] = of["history"]
    if stage == Stage.INTERESTS:
        for text, reason in of["interests"]:
            OutputFactory.create(generation=generation, text=text, reason=reason)
    elif stage == Stage.TAGS:
        parents = _made(Stage.INTERESTS, of).outputs.order_by("position")
        for parent, text in zip(parents, of["tags"], strict=True):
            OutputFactory.create(
                generation=generation, text=text, reason=f"Goes with it. {parent.reason}", parent=parent
            )
    else:
        title, category, text = of["item"]
        name, reason = of["interests"][0]
        generation.input["item"] = {"title": title, "category": category, "brand": "", "price": None}
        generation.input["interest"] = {"text": name, "stage": "long-term", "reason": reason}
        OutputFactory.create(generation=generation, text=text, reason="", item=ItemFactory.create(title=title))
    generation.save()
    return generation
