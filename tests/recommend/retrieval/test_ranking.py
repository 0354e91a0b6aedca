"""Figures of a ranking, worked out by hand; with ties, against every order counted out."""

from itertools import permutations
from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommend.retrieval.ranking import hit_and_gain


def measured(scores: list[float], targets: list[int], k: int) -> tuple[float, float]:
    return hit_and_gain(np.array(scores), np.array(targets, dtype=int), k)


def test_a_target_in_the_third_place_gains_one_over_log2_of_4() -> None:
    assert measured([9.0, 8.0, 7.0, 6.0], [2], 3) == (1.0, 1 / log2(4))
    assert measured([9.0, 8.0, 7.0, 6.0], [2], 2) == (0.0, 0.0)


def test_several_targets_are_measured_against_the_best_list_of_them() -> None:
    hit, gain = measured([9.0, 8.0, 7.0, 6.0], [0, 2], 3)

    assert hit == 1.0
    assert gain == pytest.approx((1 + 1 / log2(4)) / (1 + 1 / log2(3)))


def test_what_is_not_offered_or_not_in_the_catalogue_is_a_miss() -> None:
    assert measured([-np.inf, 1.0], [0], 2) == (0.0, 0.0)
    hit, gain = measured([2.0, 1.0], [0, 7], 2)

    assert hit == 1.0
    assert gain == pytest.approx(1 / (1 + 1 / log2(3)))


@given(st.lists(st.integers(0, 2), min_size=1, max_size=5), st.integers(1, 5), st.sets(st.integers(0, 4), min_size=1))
def test_ties_are_worth_the_mean_over_all_orders(values: list[int], k: int, chosen: set[int]) -> None:
    targets = sorted(chosen)
    found = []
    for order in permutations(range(len(values))):
        ranked = sorted(order, key=lambda item: -values[item])[:k]
        gained = sum(1 / log2(place + 2) for place, item in enumerate(ranked) if item in chosen)
        best = sum(1 / log2(place + 2) for place in range(min(k, len(targets))))
        found.append((float(not chosen.isdisjoint(ranked)), gained / best))

    assert measured([float(value) for value in values], targets, k) == pytest.approx(np.mean(found, axis=0))


def test_what_is_not_defined_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="without targets"):
        measured([1.0], [], 1)
    with pytest.raises(ValueError, match="k is 0"):
        measured([1.0], [0], 0)
