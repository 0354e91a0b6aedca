"""Interests of shoppers, the items that their tags lead to, and a model; a stand-in answers for the model."""

from recommend import categories
from recommend.engines.types import ChatRequest
from recommend.models import Item, LanguageModel, Output, Recommendation, Stage
from tests.recommend.factories import (
    GenerationFactory,
    LanguageModelFactory,
    OutputFactory,
    PipelineRunFactory,
)
from tests.support import demo_data
from tests.support.recorded_engine import Answer

TEXT = "First spoonfuls for curious eaters"


def catalogue() -> dict[str, Item]:
    """The groceries of the demo; which category a text is of is fitted to them."""
    items = demo_data.bought_from(3)
    categories.fit()
    return items


def served() -> LanguageModel:
    """The model that explains, asked for the text alone."""
    made: LanguageModel = LanguageModelFactory.create(role=Stage.EXPLANATIONS, prompt_version="2")
    return made


def interest_of_somebody(text: str, tag: str = "", language: str = "en") -> Output:
    """An interest that a run found, with one tag."""
    run = PipelineRunFactory.create(language=language, history={"lines": []})
    found: Output = OutputFactory.create(generation=GenerationFactory.create(run=run), text=text)
    if tag:
        generation = GenerationFactory.create(run=run, stage=Stage.TAGS)
        OutputFactory.create(generation=generation, parent=found, text=tag)
    return found


def recommended(interest: Output, item: Item, rank: int = 1, *, by_tag: bool = True) -> Recommendation:
    """An item in the list of the interest's run, brought by a tag of it or by the collaborative arm."""
    run = interest.generation.run
    tag = None
    if by_tag:
        position = run.generations.count()
        generation = GenerationFactory.create(run=run, stage=Stage.TAGS, position=position)
        tag = OutputFactory.create(generation=generation, parent=interest)
    return Recommendation.objects.create(run=run, item=item, rank=rank, score=1, collaborative=1, semantic=1, tag=tag)


def good(request: ChatRequest) -> Answer:
    """What a good model would say."""
    assert request.schema is not None
    return {part: TEXT if part == "explanation" else "Warm." for part in request.schema["properties"]}
