"""What a run knows of its shopper from stored behaviours."""

from datetime import timedelta
from typing import Any

import pytest

from recommend import histories
from recommend.models import Behavior, Shopper
from tests.recommend.factories import REFERENCE, BehaviorFactory, ItemFactory, ShopperFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def shopper() -> Shopper:
    return ShopperFactory.create()


def did(shopper: Shopper, *category: str, days: int = 5, **fields: Any) -> None:
    BehaviorFactory.create(
        shopper=shopper,
        item=ItemFactory.create(category=list(category)),
        occurred_at=REFERENCE - timedelta(days=days),
        **fields,
    )


def bought_most_in(shopper: Shopper) -> str:
    return histories.load(shopper, REFERENCE).category


def test_what_was_taken_at_one_time_is_one_moment(shopper: Shopper) -> None:
    did(shopper, "toys", days=9)
    did(shopper, "food", days=5)
    did(shopper, "books", days=5)
    did(shopper, "garden", days=4, kind=Behavior.Kind.RETURN)

    assert [len(moment) for moment in histories.load(shopper, REFERENCE).moments] == [1, 2]


def test_what_was_taken_in_one_visit_is_one_moment_where_the_settings_say_so(shopper: Shopper, settings: Any) -> None:
    settings.SESSION_GAP_MINUTES = 30.0
    # 20 minutes and 25 minutes apart, then 31.
    for minutes in (0, 20, 45, 76):
        BehaviorFactory.create(
            shopper=shopper,
            item=ItemFactory.create(),
            occurred_at=REFERENCE - timedelta(days=5) + timedelta(minutes=minutes),
        )

    assert [len(moment) for moment in histories.load(shopper, REFERENCE).moments] == [3, 1]


def test_the_category_is_that_of_most_units_by_two_levels_of_its_path(shopper: Shopper) -> None:
    did(shopper, "food", "soup", "tomato soup", quantity=2)
    did(shopper, "food", "soup", "onion soup", quantity=2)
    did(shopper, "food", "milk", quantity=3)
    did(shopper, "toys")

    assert bought_most_in(shopper) == "food > soup"


def test_only_what_was_bought_before_the_run_counts(shopper: Shopper) -> None:
    did(shopper, "toys")
    did(shopper, "food", "soup", quantity=9, days=-1)
    for kind in (Behavior.Kind.CLICK, Behavior.Kind.CART, Behavior.Kind.DETAIL_VIEW, Behavior.Kind.RETURN):
        did(shopper, "food", "milk", kind=kind)
        did(shopper, "food", "milk", kind=kind)

    assert bought_most_in(shopper) == "toys"


def test_of_several_the_first_by_name_is_taken_whatever_was_bought_first(shopper: Shopper) -> None:
    did(shopper, "toys", days=9)
    did(shopper, "books", days=5)
    did(shopper, "garden", days=7)

    assert bought_most_in(shopper) == "books"


def test_there_is_none_where_nothing_in_a_category_was_bought(shopper: Shopper) -> None:
    did(shopper)
    did(shopper, "food", kind=Behavior.Kind.FAVOURITE)

    assert bought_most_in(shopper) == ""


def test_the_settings_say_which_behaviours_count_and_how_much(shopper: Shopper, settings: Any) -> None:
    for kind in (Behavior.Kind.CLICK, Behavior.Kind.CART, Behavior.Kind.SEARCH):
        did(shopper, "food", kind=kind, dwell_s=20.0)
    history = histories.load(shopper, REFERENCE)

    settings.BEHAVIOR_KINDS, settings.DELIBERATE_CLICK_S = ["cart"], 15.0
    settings.BEHAVIOR_WEIGHTS = {"cart": 2}

    assert {event.kind for event in history.reliable} == {"click", "cart"}
    assert histories.rules().weights == {"cart": 2}
    assert history.compressed(REFERENCE, None).n_events == 2


def test_within_a_block_a_history_is_read_and_compressed_once(shopper: Shopper) -> None:
    did(shopper, "food")

    with histories.remembered():
        first = histories.load(shopper, REFERENCE)
        did(shopper, "toys")
        second = histories.load(shopper, REFERENCE)
        earlier = histories.load(shopper, REFERENCE - timedelta(days=9))

    assert second is first
    assert first.compressed(REFERENCE, 100) is second.compressed(REFERENCE, 100)
    assert first.compressed(REFERENCE, 100) is not first.compressed(REFERENCE, None)
    assert (len(first.events), len(earlier.events)) == (1, 0)
    assert len(histories.load(shopper, REFERENCE).events) == 2


def test_so_many_events_are_remembered_and_the_oldest_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histories, "REMEMBERED_EVENTS", 3)
    shoppers = ShopperFactory.create_batch(4)
    for shopper in shoppers:
        did(shopper, "food")

    with histories.remembered():
        loaded = [histories.load(shopper, REFERENCE) for shopper in shoppers]

        assert histories.load(shoppers[1], REFERENCE) is loaded[1]
        assert histories.load(shoppers[3], REFERENCE) is loaded[3]
        assert histories.load(shoppers[0], REFERENCE) is not loaded[0]
