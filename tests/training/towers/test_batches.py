"""What is held out, what is fed, and how the weight is learned: numpy alone."""

from dataclasses import replace

import numpy as np
import pytest

from recommend.towers.features import CATEGORY
from tests.support import small_towers
from training.towers import fusing
from training.towers.batches import Batches, Sequences
from training.towers.holdout import Holdout, gains, hold_out


@pytest.fixture(scope="module")
def log():
    return small_towers.log()


def tiny(log, rows):
    """The log with these events: shopper, item, kind, moment."""
    shoppers, items, how, moments = (np.array(column) for column in zip(*rows, strict=True))
    return replace(log, shopper_ids=log.shopper_ids[:2], shoppers=shoppers, items=items, how=how, moments=moments)


def test_the_last_moment_is_held_out_and_only_what_is_new_in_it_is_a_target(log):
    found = hold_out(tiny(log, [(0, 1, 0, 5), (0, 2, 1, 6), (0, 1, 1, 9), (0, 3, 1, 9), (1, 7, 0, 2)]))

    assert found.known.items.tolist() == [1, 2]
    assert [targets.tolist() for targets in found.targets] == [[3], [7]]


def test_known_items_are_left_out_of_the_list_and_shoppers_without_a_target_do_not_count(log):
    known = tiny(log, [(0, 1, 0, 5), (0, 2, 1, 6)])
    scores = np.zeros((2, 48))
    scores[0, [1, 2, 3]] = [9.0, 8.0, 7.0]

    assert gains(scores, Holdout(known, [np.array([3]), np.array([], dtype=int)])).tolist() == [1.0]


def test_a_positive_is_the_first_taking_of_an_item_after_an_earlier_moment(log):
    rows = [(0, 1, 0, 5), (0, 2, 0, 5), (0, 1, 1, 6), (0, 3, 1, 6), (0, 3, 1, 7), (1, 3, 0, 1), (1, 4, 0, 2)]

    found = Batches(tiny(log, rows), size=2, n_negatives=4, unnamed=0.0, seed=1)

    assert found.positives.tolist() == [3, 6]


def test_sequences_hold_what_was_taken_at_earlier_moments_by_kind(log):
    rows = [(0, 1, 0, 5), (0, 2, 1, 6), (0, 3, 0, 6), (0, 4, 1, 7), (1, 5, 1, 1), (1, 6, 1, 2)]
    found = Sequences(tiny(log, rows))

    # The fourth event's moment began with itself, the third's with the second, the last's with itself.
    bags, offsets = found.before(np.array([0, 0, 1]), found.began[[3, 2, 5]])

    assert [bag.tolist() for bag in bags] == [[1, 3, 1], [2, 5]]
    assert [begins.tolist() for begins in offsets] == [[0, 2, 3], [0, 1, 1]]
    bags, offsets = found.whole(np.array([0, 1]))
    assert [bag.tolist() for bag in bags] == [[1, 3], [2, 4, 5, 6]]


def test_a_sequence_is_the_latest_items_only(log, monkeypatch):
    monkeypatch.setattr("training.towers.batches.SEQUENCE", 2)

    bags, _ = Sequences(tiny(log, [(0, n, 0, n) for n in range(5)])).whole(np.array([0]))

    assert bags[0].tolist() == [3, 4]


def test_no_negative_counts_that_the_shopper_takes_or_that_is_of_the_category(log):
    codes = log.codes[:, CATEGORY]
    taken = {(shopper, item) for shopper, item in zip(log.shoppers.tolist(), log.items.tolist(), strict=True)}

    for batch in Batches(log, size=200, n_negatives=20, unnamed=0.0, seed=1):
        assert len(set(batch.negatives.tolist())) == 20
        for row, (shopper, item) in enumerate(zip((batch.shoppers - 1).tolist(), batch.items.tolist(), strict=True)):
            assert (shopper, item) in taken
            assert codes[batch.likes[row]] == codes[item]
            for place, negative in enumerate(batch.negatives.tolist()):
                assert batch.is_taken[row, place] == ((shopper, negative) in taken)
                assert batch.is_alike[row, place] == (codes[negative] == codes[item])


def test_some_shoppers_are_not_named_and_an_order_is_the_seed_s(log):
    one, other = (list(Batches(log, size=100, n_negatives=8, unnamed=0.5, seed=3)) for _ in range(2))

    np.testing.assert_array_equal(one[0].items, other[0].items)
    assert 20 < np.count_nonzero(one[0].shoppers == 0) < 80
    assert len(one) == len(Batches(log, size=100, n_negatives=8, unnamed=0.5, seed=4).positives) // 100


def test_the_weight_is_the_one_that_finds_most_and_nothing_where_nothing_helps(log):
    held = hold_out(log)
    right = np.zeros((small_towers.N_SHOPPERS, small_towers.N_ITEMS))
    for row, targets in zip(right, held.targets, strict=True):
        row[targets] = 9.0

    assert fusing.learn(held, right).ndcg[1.0] == 1.0
    assert fusing.learn(held, right).weight > 0.0
    assert fusing.learn(held, -right).weight == 0.0
    assert set(fusing.learn(held, right).ndcg) == set(fusing.WEIGHTS)
