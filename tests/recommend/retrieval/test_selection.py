"""Each step alone, and steps together."""

from uuid import UUID

import numpy as np
import pytest

from recommend.retrieval.fusion import Scored
from recommend.retrieval.selection import (
    Rules,
    at_most_per_group,
    diverse,
    first,
    in_categories,
    select,
    without,
)

MILK, CHEESE, CHIPS = (UUID(int=n) for n in (1, 2, 3))
NAMES = {MILK: "milk", CHEESE: "cheese", CHIPS: "chips"}


def scored(item: UUID, score: float) -> Scored:
    return Scored(item, "both", score, score, score, 0)


ALL = [scored(MILK, 1.0), scored(CHEESE, 0.9), scored(CHIPS, 0.5)]


def names(items: list[Scored]) -> list[str]:
    return [NAMES[item.item_id] for item in items]


def test_without_steps_nothing_changes() -> None:
    assert select(ALL, []) == ALL


def test_what_is_left_out_is_not_offered() -> None:
    assert names(without([MILK, UUID(int=9)])(ALL)) == ["cheese", "chips"]


def test_only_items_in_a_category_of_any_level_are_offered() -> None:
    paths = {MILK: ["grocery", "dairy", "milk"], CHIPS: ["grocery", "snacks"]}

    assert names(in_categories(["dairy"], paths)(ALL)) == ["milk"]
    assert names(in_categories(["grocery", "toys"], paths)(ALL)) == ["milk", "chips"]


def test_a_group_gives_its_best_items() -> None:
    groups = {MILK: "dairy", CHEESE: "dairy", CHIPS: "snacks"}

    assert names(at_most_per_group(1, groups)(ALL)) == ["milk", "chips"]
    assert names(at_most_per_group(2, groups)(ALL)) == ["milk", "cheese", "chips"]


def test_likeness_to_what_is_higher_costs_a_place() -> None:
    # Cheese is like milk by .8, chips by 0. After milk: cheese .5 × .9 - .5 × .8 = .05, chips .5 × .5 = .25.
    vectors = {MILK: np.array([1.0, 0.0]), CHEESE: np.array([0.8, 0.6]), CHIPS: np.array([0.0, -1.0])}

    found = diverse(0.5, vectors, 3)(ALL)

    assert names(found) == ["milk", "chips", "cheese"]
    assert [item.score for item in found] == [1.0, 0.5, 0.9]


def test_the_largest_likeness_counts() -> None:
    # After milk and chips, cheese is as unlike the last as before: what it is like most is what it is charged.
    vectors = {MILK: np.array([1.0, 0.0]), CHEESE: np.array([1.0, 0.0]), CHIPS: np.array([0.0, 1.0])}
    bread = UUID(int=4)
    items = [*ALL, scored(bread, 0.4)]

    # Bread has no vector, so it is like nothing: .5 × .4 = .2 against cheese's .5 × .9 - .5 × 1 = -.05.
    assert [item.item_id for item in diverse(0.5, vectors, 4)(items)] == [MILK, CHIPS, bread, CHEESE]


def test_a_diverse_list_ends_after_n() -> None:
    vectors = {MILK: np.array([1.0, 0.0]), CHEESE: np.array([0.8, 0.6]), CHIPS: np.array([0.0, -1.0])}

    assert names(diverse(0.5, vectors, 2)(ALL)) == ["milk", "chips"]
    assert diverse(0.5, {}, 2)([]) == []


def test_without_weight_or_vectors_the_order_is_that_of_the_scores() -> None:
    assert names(diverse(0.0, {MILK: np.array([1.0, 0.0]), CHEESE: np.array([1.0, 0.0])}, 3)(ALL)) == names(ALL)
    assert names(diverse(0.9, {}, 3)(ALL)) == names(ALL)


def test_steps_are_taken_in_their_order() -> None:
    groups = {MILK: "dairy", CHEESE: "dairy", CHIPS: "snacks"}

    assert names(select(ALL, [without([MILK]), at_most_per_group(1, groups), first(1)])) == ["cheese"]
    assert names(select(ALL, [first(1), without([MILK])])) == []


@pytest.mark.parametrize(
    ("values", "words"), [({"taken": "never"}, "taken is 'never'"), ({"diversity": 1.5}, r"diversity is 1\.5")]
)
def test_a_rule_that_is_not_one_is_refused_by_name(values, words) -> None:
    with pytest.raises(ValueError, match=words):
        Rules(**values)
