"""Items and texts as codes, and two scores made one."""

import numpy as np
import pytest

from recommend.towers import words
from recommend.towers.blending import blend
from recommend.towers.features import COLUMNS, ItemRow, Vocabulary

BREAD = ItemRow(b"1" * 16, "Rye bread", ("grocery", "bread", "rye bread"), "Alpha", 2.0, 5)
CRAYONS = ItemRow(b"2" * 16, "Wax crayons", ("toys", "crayons"), "", None, 50)


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary.of([BREAD, CRAYONS])


def test_every_feature_has_a_code_of_its_own_and_what_is_missing_has_none(vocabulary):
    bread, crayons = vocabulary.codes([BREAD, CRAYONS])

    assert dict(zip(COLUMNS[:5], bread.tolist(), strict=False)) == {
        "item": 1,
        "department": 1,
        "category": 1,
        "kind": 1,
        "brand": 1,
    }
    # Crayons have no brand and no price.
    assert crayons[:6].tolist() == [2, 2, 2, 2, 0, 0]
    assert crayons[6] > bread[6] >= 1
    assert (np.array([bread, crayons]) < vocabulary.sizes).all()


def test_an_item_that_came_later_is_told_by_what_is_known_of_it(vocabulary):
    later = ItemRow(b"3" * 16, "Toast", ("grocery", "bread", "toast"), "Beta", 900.0, 10**6)

    (codes,) = vocabulary.codes([later])

    assert codes[:5].tolist() == [0, 1, 1, 0, 0]
    assert (codes < vocabulary.sizes).all()


def test_a_category_of_one_name_in_two_departments_is_two():
    other = ItemRow(b"3" * 16, "Bread basket", ("household", "bread"), "", None, 1)

    codes = Vocabulary.of([BREAD, other]).codes([BREAD, other])

    assert codes[0, 2] != codes[1, 2]


def test_a_stored_vocabulary_gives_the_same_codes(vocabulary):
    again = Vocabulary.from_json([BREAD.id, CRAYONS.id], vocabulary.to_json())

    np.testing.assert_array_equal(again.codes([CRAYONS, BREAD]), vocabulary.codes([CRAYONS, BREAD]))


def test_texts_become_the_pieces_that_are_known():
    pieces = words.pieces_of(["red bread", "bread"])

    found = words.codes(["Bread", "red zebra", "zebra"], pieces)

    assert len(pieces) == 2
    assert np.count_nonzero(found, axis=1).tolist() == [1, 1, 0]
    assert found[0, 0] != found[1, 0]
    assert found.max() <= len(pieces)


def test_without_weight_the_votes_stay_in_their_order_and_with_all_of_it_the_tower_ranks_what_is_new():
    votes, scores = np.array([3.0, 2.0, 1.0, 0.0]), np.array([9.0, -4.0, 2.0, 1.0])
    is_taken = np.array([True, False, False, False])

    assert blend(votes, scores, is_taken, 0.0).tolist() == [1.0, 2 / 3, 1 / 3, 0.0]
    # The best new item by the tower is level with the best new one by votes; what comes back keeps its votes.
    level = 2 / 3
    assert blend(votes, scores, is_taken, 1.0).tolist() == pytest.approx(
        [1.0, level * np.exp(-6.0), level, level * np.exp(-1.0)]
    )


def test_whoever_took_everything_or_has_no_votes_has_a_score_all_the_same():
    nothing = np.zeros(2)

    assert blend(nothing, np.array([1.0, 5.0]), np.array([True, True]), 0.5).tolist() == [0.0, 0.0]
    assert blend(nothing, np.array([1.0, 900.0]), np.array([False, True]), 0.5).tolist() == [0.5, 0.0]
