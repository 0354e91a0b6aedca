"""Which stored explanation a run shows for an item: of the interest that brought it, of another one, or none."""

import pytest

from recommend.ahead.lookup import find, key_of, look_up
from recommend.models import Item, Output, StoredExplanation
from tests.recommend.ahead.material import interest_of_somebody, recommended
from tests.recommend.factories import GenerationFactory, ItemFactory, OutputFactory

pytestmark = pytest.mark.django_db


def stored(item: Item, interest: str, text: str = "A calm start for little eaters", language: str = "en") -> Output:
    item.refresh_from_db()
    output: Output = OutputFactory.create(
        generation=GenerationFactory.create(stage="explanations"), text=text, item=item, position=0
    )
    StoredExplanation.objects.create(
        item=item, interest=key_of(interest), language=language, item_version=item.version, output=output
    )
    return output


def test_an_interest_is_found_however_it_is_spelt() -> None:
    item = ItemFactory.create()
    output = stored(item, "Baby Foods")

    assert find({item.pk: "baby food"}, ["baby food"], "en") == {item.pk: output.pk}


def test_of_several_interests_it_is_the_one_that_brought_the_item() -> None:
    item = ItemFactory.create()
    stored(item, "tea")
    brought = stored(item, "baby care")

    assert find({item.pk: "baby care"}, ["tea", "baby care"], "en") == {item.pk: brought.pk}


def test_where_that_one_has_none_it_is_the_first_of_the_shopper_s_interests() -> None:
    item = ItemFactory.create()
    stored(item, "coffee")
    first = stored(item, "tea")

    assert find({item.pk: "baby care"}, ["baby care", "tea", "coffee"], "en") == {item.pk: first.pk}
    assert find({item.pk: ""}, ["tea", "coffee"], "en") == {item.pk: first.pk}


def test_an_interest_of_somebody_else_explains_nothing() -> None:
    item, other = ItemFactory.create_batch(2)
    stored(item, "golf")
    stored(other, "tea")

    assert find({item.pk: "tea"}, ["tea"], "en") == {}


def test_another_language_is_another_explanation() -> None:
    item = ItemFactory.create()
    german = stored(item, "tea", language="de")

    assert find({item.pk: "tea"}, ["tea"], "en") == {}
    assert find({item.pk: "tea"}, ["tea"], "de") == {item.pk: german.pk}


@pytest.mark.parametrize(
    "change", [{"title": "Another"}, {"brand": "Another"}, {"category": ["A", "B"]}, {"attributes": {"organic": True}}]
)
def test_an_item_that_has_changed_is_not_explained_by_what_was_said_before(change: dict[str, object]) -> None:
    item = ItemFactory.create()
    stored(item, "tea")

    Item.objects.filter(pk=item.pk).update(**change)

    assert find({item.pk: "tea"}, ["tea"], "en") == {}


def test_price_and_stock_are_no_change() -> None:
    item = ItemFactory.create()
    output = stored(item, "tea")

    Item.objects.filter(pk=item.pk).update(price="3.50", attributes={"in_stock": False})

    assert find({item.pk: "tea"}, ["tea"], "en") == {item.pk: output.pk}


def test_the_items_of_a_run_are_explained_by_its_kept_interests() -> None:
    interest = interest_of_somebody("tea")
    by_tag = recommended(interest, ItemFactory.create())
    alone = recommended(interest, ItemFactory.create(), rank=2, by_tag=False)
    unknown = recommended(interest, ItemFactory.create(), rank=3)
    outputs = [stored(one.item, "tea") for one in (by_tag, alone)]

    look_up(interest.generation.run, [by_tag, alone, unknown])

    assert [by_tag.explanation, alone.explanation, unknown.explanation] == [*outputs, None]
