"""Two labellers of the same outputs: the interval of their difference, and what is said of it."""

import numpy as np
import pytest

from judge.statistics.intervals import Estimate
from judge.statistics.paired import PairedLabel, paired_difference, paired_figures, points


def interval(found: Estimate) -> tuple[float, float]:
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def rows(both: int, lost: int, gained: int, neither: int) -> tuple[list[int], list[int]]:
    """How many rows are right in both, in the first only, in the second only, and in neither."""
    first = [1] * (both + lost) + [0] * (gained + neither)
    second = [1] * both + [0] * lost + [1] * gained + [0] * neither
    return first, second


def test_independent_rows_have_the_interval_of_bonett_and_price():
    # The example of ci.prop.ps(.05, 12, 26, 4, 6) in the manual of the R package statpsych, by one of the authors:
    # estimate .44, standard error .09448809, interval .2548067 to .6251933. Its estimate is the adjusted one.
    found = paired_difference(*rows(6, 4, 26, 12))

    assert found.value == pytest.approx((26 - 4) / 48)
    assert interval(found) == pytest.approx((0.2548067, 0.6251933), abs=1e-7)


def test_each_row_as_its_own_shopper_is_the_same_as_none():
    first, second = rows(6, 4, 26, 12)

    assert paired_difference(first, second, list(range(48))) == paired_difference(first, second)


def test_rows_that_only_repeat_their_shoppers_make_nothing_surer():
    first, second = rows(6, 4, 26, 12)
    clusters = [number for number in range(48) for _ in range(5)]

    repeated = paired_difference(np.repeat(first, 5), np.repeat(second, 5), clusters)

    once = paired_difference(first, second)
    # A little wider than once, as few clusters are counted for less.
    assert once.half_width is not None
    assert repeated.half_width == pytest.approx(once.half_width, rel=0.05)
    assert repeated.half_width is not None
    assert repeated.half_width > once.half_width


def test_the_interval_holds_where_outputs_of_a_shopper_change_alike_and_the_naive_one_does_not():
    rng = np.random.default_rng(7)
    covered = {"clustered": 0, "naive": 0}
    n_shoppers, each, repeats = 30, 6, 400
    clusters = list(np.repeat(np.arange(n_shoppers), each))
    for _ in range(repeats):
        # Half of the shoppers gain with 60 %, the others lose with 20 %: by .2 altogether.
        gains = np.repeat(rng.random(n_shoppers) < 0.5, each)
        drawn = rng.random(n_shoppers * each)
        first = np.where(gains, 0, 1)
        second = np.where(gains, drawn < 0.6, drawn >= 0.2).astype(int)
        for name, by in (("clustered", clusters), ("naive", None)):
            low, high = interval(paired_difference(first, second, by))
            covered[name] += low <= 0.2 <= high

    assert 0.93 <= covered["clustered"] / repeats <= 0.98
    assert covered["naive"] / repeats < 0.85


@pytest.mark.parametrize(
    ("first", "second", "clusters", "note"),
    [([], [], None, "nothing was compared"), ([1, 0], [1, 1], ["a", "a"], "from one shopper")],
)
def test_what_cannot_be_said_has_a_reason(first, second, clusters, note):
    found = paired_difference(first, second, clusters)

    assert found.low is None
    assert note in found.note


def test_all_rows_changed_alike_is_no_certainty():
    found = paired_difference([0] * 20, [1] * 20, [number // 4 for number in range(20)])

    # As if each of the five shoppers were one row: 6/7 and 1/7 after the adjustment.
    half = 1.959964 * np.sqrt((1 - (5 / 7) ** 2) / 7)
    assert found.value == 1.0
    assert interval(found) == pytest.approx((5 / 7 - half, 1.0), abs=1e-6)


def test_lists_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="one length"):
        paired_difference([1, 0], [1])
    with pytest.raises(ValueError, match="0 or 1"):
        paired_difference([0.5], [1])


def labels(n: int, *, right: str, first: str, second: str, start: int = 0) -> list[PairedLabel]:
    said = (right, first, second)
    return [PairedLabel(start + number, *said, *(one == "Yes" for one in said)) for number in range(n)]


def test_a_better_second_is_called_better_on_what_it_is_better_at():
    found = [
        *labels(40, right="Yes", first="Yes", second="Yes"),
        *labels(30, right="No", first="Yes", second="No", start=40),
        *labels(10, right="No", first="No", second="No", start=70),
    ]

    agreement, tpr, tnr = paired_figures({"tone": found})["tone"]

    assert (agreement.first.value, agreement.second.value) == (50 / 80, 1.0)
    assert agreement.standing == tnr.standing == "better"
    assert tnr.sentence.startswith("Better: 100% instead of 25% (+75 points, ")
    assert "from 40 labels" in tnr.sentence
    assert (tpr.difference.value, tpr.labels_needed is None) == (0.0, tpr.standing != "undecided")


def test_a_worse_second_is_called_worse():
    found = [
        *labels(30, right="Yes", first="Yes", second="No"),
        *labels(20, right="Yes", first="Yes", second="Yes", start=30),
    ]

    agreement, tpr, tnr = paired_figures({"tone": found})["tone"]

    assert agreement.standing == tpr.standing == "worse"
    assert "−60 points" in tpr.sentence
    assert (tnr.standing, tnr.sentence) == ("undecided", "It is not known: none of it is right to fail.")


def test_too_few_labels_say_how_many_would_do():
    found = [
        *labels(18, right="Yes", first="Yes", second="Yes"),
        *labels(2, right="Yes", first="No", second="Yes", start=18),
    ]

    agreement = paired_figures({"tone": found})["tone"][0]

    assert agreement.standing == "undecided"
    # Three and one of 22 after the adjustment: half width 1.96 * sqrt((4/22 - (2/22)^2) / 22) = .174 for a gain of .1.
    assert agreement.labels_needed == 61
    assert "A difference of 10 points would show from about 61 labels on." in agreement.sentence


def test_many_labels_without_a_difference_are_alike():
    agreement = paired_figures({"tone": labels(200, right="Yes", first="Yes", second="Yes")})["tone"][0]

    assert agreement.standing == "alike"
    assert agreement.sentence.startswith("Alike within 3 points: 100% instead of 100% (0 points, −1 to +1")


def test_points_have_a_sign():
    assert [points(one) for one in (0.114, -0.03, 0.001, -0.001)] == ["+11", "−3", "0", "0"]
