"""From a history and tags to a list, with the real embedding model and rows in the database."""

from datetime import timedelta
from typing import Any

import pytest

from recommend import retrieval
from recommend.models import Item, VectorAlias
from recommend.retrieval.errors import NotFittedError
from recommend.retrieval.fusion import Scored
from recommend.retrieval.selection import Rules
from tests.recommend.factories import REFERENCE, BehaviorFactory, ItemFactory, ShopperFactory

pytestmark = pytest.mark.django_db
CATALOGUE = {
    "diapers": ["baby", "diapers", "baby diapers"],
    "puree": ["baby", "baby foods", "baby puree"],
    "crayons": ["toys", "crayons", "washable crayons"],
}


@pytest.fixture
def items() -> dict[str, Item]:
    """Four shoppers took diapers, then puree, then crayons."""
    made = {name: ItemFactory.create(title=name, category=category) for name, category in CATALOGUE.items()}
    for buyer in ShopperFactory.create_batch(4):
        for day, item in enumerate(made.values()):
            BehaviorFactory.create(shopper=buyer, item=item, occurred_at=REFERENCE - timedelta(days=90 - day))
    retrieval.fit()
    return made


def found(items: dict[str, Item], **asked) -> list[Scored]:
    """The list for who took diapers last and is thought to want baby puree."""
    wanted: dict[str, Any] = {
        "history": [[items["diapers"].pk]],
        "tags": ["baby puree"],
        "recent": (),
        "beta": 0.5,
        "n": 3,
    }
    return retrieval.recommend(**wanted | asked)


def offered(items: dict[str, Item], **asked) -> list[str]:
    names = {item.pk: name for name, item in items.items()}
    return [names[one.item_id] for one in found(items, **asked)]


def test_retrieval_is_fitted_to_visits_where_the_settings_say_so(items, settings):
    # Puree follows diapers by a day, and crayons follow puree: puree speaks for crayons louder than for diapers.
    before = retrieval.serving._index().scores([[items["puree"].pk]])
    assert before[items["diapers"].pk] < before[items["crayons"].pk] == 1.0

    settings.SESSION_GAP_MINUTES = 24.0 * 60
    retrieval.fit()

    # All three are of one visit, in which nothing comes first.
    assert set(retrieval.serving._index().scores([[items["puree"].pk]]).values()) == {1.0}


def test_each_item_says_which_arm_brought_it(items):
    # All three texts are among the nearest; what shoppers took after diapers is voted for as well.
    assert {one.item_id: one.arm for one in found(items)} == {
        items["puree"].pk: "both",
        items["crayons"].pk: "both",
        items["diapers"].pk: "semantic",
    }
    assert {one.arm for one in found(items, tags=[])} == {"collaborative"}


def test_what_was_taken_is_offered_again_as_the_rules_say(items):
    recent = {items["puree"].pk}

    assert "puree" not in offered(items, recent=recent)
    assert "diapers" in offered(items, recent=recent)
    assert offered(items, recent=recent, rules=Rules(taken="ever")) == ["crayons"]
    assert set(offered(items, recent=recent, rules=Rules(taken="offered"))) == {"puree", "diapers", "crayons"}


def test_the_list_can_be_of_one_category(items):
    assert offered(items, rules=Rules(categories=("toys",))) == ["crayons"]
    assert set(offered(items, rules=Rules(categories=("baby",)))) == {"puree", "diapers"}
    assert offered(items, rules=Rules(categories=("garden",))) == []


def test_what_is_not_in_stock_is_left_out_where_asked(items):
    items["puree"].attributes = {"in_stock": False}
    items["puree"].save()
    items["crayons"].attributes = {"in_stock": True}
    items["crayons"].save()

    assert "puree" in offered(items)
    assert set(offered(items, rules=Rules(in_stock_only=True))) == {"crayons", "diapers"}


def test_a_diverse_list_goes_on_with_what_is_least_alike(items):
    assert offered(items, beta=0.0) == ["puree", "diapers", "crayons"]
    assert offered(items, beta=0.0, rules=Rules(diversity=1.0)) == ["puree", "crayons", "diapers"]


def test_without_rules_of_its_own_a_list_follows_the_settings(items, settings):
    settings.RETRIEVAL_RULES = {"taken": "ever", "categories": ["toys", "baby"]}

    assert set(offered(items)) == {"puree", "crayons"}


def test_the_arms_are_fused_by_rank_where_the_settings_say_so(items, settings):
    settings.RETRIEVAL_FUSION = "rank"

    first, second, _ = found(items, beta=0.0)

    assert (first.item_id, first.score, first.collaborative) == (items["puree"].pk, 1.0, 1.0)
    assert (second.score, second.semantic) == (61 / 62, 61 / 62)


def test_a_lost_index_names_the_remedy(items):
    VectorAlias.objects.all().delete()

    with pytest.raises(NotFittedError, match="Run `manage"):
        offered(items)
