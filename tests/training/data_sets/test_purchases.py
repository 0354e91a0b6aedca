"""What shoppers bought becomes the tags that should have been proposed."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from recommend.extraction import Event
from recommend.models import Generation, Item, Output, Shopper
from tests.recommend.factories import (
    BehaviorFactory,
    GenerationFactory,
    ItemFactory,
    OutputFactory,
    PipelineRunFactory,
    ShopperFactory,
)
from training.data_sets import purchases
from training.data_sets.purchases import Taken
from training.data_sets.rows import Row
from training.data_sets.wanted import DataSetError, read

START = datetime(2018, 1, 1, tzinfo=UTC)
QUERY = {"stage": "incremental", "kind": "tag", "until": "2018-01-15", "validation_share": 0.0}


def built(**values: Any) -> tuple[list[Row], Counter[str]]:
    fates: Counter[str] = Counter()
    return list(purchases.rows(read(QUERY | values), fates, lambda n: None)), fates


def item(title: str, *category: str) -> Item:
    made: Item = ItemFactory.create(title=title, category=list(category), short_text=category[-1])
    return made


@pytest.fixture
def shopper(db: None) -> Shopper:
    """Somebody with interests that were mined on the first day, and a history before it."""
    made: Shopper = ShopperFactory.create(external_id="one", last_behavior_at=START + timedelta(days=20))
    BehaviorFactory.create(
        shopper=made,
        item=item("Green tea, 20 ct", "grocery", "tea", "green tea"),
        occurred_at=START - timedelta(days=9),
    )
    mine(made, START)
    return made


def mine(shopper: Shopper, reference: datetime, **more: Any) -> Generation:
    run = PipelineRunFactory.create(shopper=shopper, reference_at=reference)
    made: Generation = GenerationFactory.create(run=run)
    for position, text in enumerate(("tea and hot drinks", "baby care")):
        values = {"stage": "long-term", "reason": f"Bought much for {text}."} | more
        OutputFactory.create(generation=made, position=position, text=text, **values)
    return made


def bought(shopper: Shopper, what: Item, day: float = 3) -> None:
    BehaviorFactory.create(shopper=shopper, item=what, occurred_at=START + timedelta(days=day))


def said(row: Row) -> list[tuple[str, str]]:
    return [(one["tag"], one["interest"]) for one in json.loads(row.answer)["tags"]]


def test_the_title_of_what_was_bought_is_the_tag_with_the_nearest_interest_and_its_reason(shopper: Shopper):
    tea = item("Herbal tea, 16 ct", "grocery", "tea", "herbal tea")
    bought(shopper, tea)
    bought(shopper, item("Baby wipes, 64 ct", "drug gm", "baby care", "baby wipes"), day=13.9)

    (row,), fates = built()

    assert said(row) == [("Herbal tea, 16 ct", "tea and hot drinks"), ("Baby wipes, 64 ct", "baby care")]
    assert json.loads(row.answer)["tags"][0]["reason"] == "Bought much for tea and hot drinks."
    assert "Propose 2 tags." in row.messages[1].content
    assert "Date: 2018-01-01." in row.messages[1].content
    assert "green tea" in row.messages[1].content
    assert "Herbal" not in row.messages[1].content
    assert row.lineage.behaviors[0] == f"2018-01-04T00:00:00+00:00 purchase {tea.sku}"
    assert len(row.lineage.outputs) == 2
    assert row.lineage.asked_with.startswith("tags ")
    assert (row.labelled, row.at, fates["items.tags"]) == ("purchases", START.date(), 2)


def test_the_narrowest_category_can_be_the_tag(shopper: Shopper):
    bought(shopper, item("Herbal tea, 16 ct", "grocery", "tea", "herbal tea"))

    (row,), _ = built(tag_text="category")

    assert said(row) == [("herbal tea", "tea and hot drinks")]


def test_only_these_days_count_and_nothing_that_was_taken_in_the_month_before(shopper: Shopper):
    bought(shopper, item("Green tea, 40 ct", "grocery", "tea", "green tea"))
    bought(shopper, item("Black tea, 40 ct", "grocery", "tea", "black tea"), day=14)
    bought(shopper, item("Fruit tea, 40 ct", "grocery", "tea", "fruit tea"), day=-0.1)

    rows, fates = built()

    assert rows == []
    assert (fates["items"], fates["items.rule"], fates["shoppers.none"]) == (1, 1, 1)


def test_what_no_interest_explains_and_what_no_tag_may_say_is_left_out(shopper: Shopper):
    bought(shopper, item("Motor oil, 5 qt", "automotive", "motor oil", "synthetic motor oil"))
    bought(shopper, item("Smart tea maker", "kitchen", "tea", "smart tea makers"))
    bought(shopper, item("Herbal tea " + "of the mountains " * 4, "grocery", "tea", "herbal tea"))

    rows, fates = built()

    assert rows == []
    assert (fates["items.far"], fates["items.rule"]) == (1, 2)


def test_interests_that_were_mined_later_know_too_much(shopper: Shopper):
    other = ShopperFactory.create(external_id="two", last_behavior_at=START + timedelta(days=3))
    mine(other, START + timedelta(days=1))
    bought(other, item("Herbal tea, 16 ct", "grocery", "tea", "herbal tea"))

    rows, fates = built()

    assert rows == []
    assert fates["shoppers.interests"] == 1


def test_interests_that_a_rule_rejected_are_not_asked_for(shopper: Shopper):
    mine(shopper, START, rejected_by="cites_nothing")
    bought(shopper, item("Herbal tea, 16 ct", "grocery", "tea", "herbal tea"))

    (row,), _ = built()

    assert said(row) == [("Herbal tea, 16 ct", "tea and hot drinks")]


def test_of_one_shopper_so_many_tags_are_drawn_and_of_these_two_of_a_category():
    taken = [
        Taken(
            Item(sku=f"{category}-{number}", category=["grocery", str(category)]),
            f"tag {number}",
            Event("purchase", "", START),
            Output(),
        )
        for category in range(30)
        for number in range(5)
    ]
    asked = read(QUERY)

    kept = purchases.balanced(taken, asked, "one")

    of_category = Counter(one.item.category[1] for one in kept)
    assert max(of_category.values()) == 2
    assert len(kept) <= 60
    assert kept == [one for one in taken if one in kept]
    assert kept == purchases.balanced(taken, asked, "one") != purchases.balanced(taken, asked, "two")
    assert len(purchases.balanced(taken, read(QUERY | {"max_tags": 10}), "one")) <= 10


@pytest.mark.django_db
def test_purchases_teach_tags_alone():
    with pytest.raises(DataSetError, match="Purchases teach tags"):
        built(kind="interest")


def test_values_of_another_stage_are_refused():
    for name, value in (
        ("criteria", ["validity"]),
        ("curation", "people"),
        ("half_life_days", 3),
        ("languages", ["en"]),
    ):
        with pytest.raises(DataSetError, match="alone"):
            read(QUERY | {name: value})
