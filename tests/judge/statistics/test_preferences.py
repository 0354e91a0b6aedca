"""Preferences against values computed by hand, and their intervals against the binomial distribution."""

import pytest

from judge.statistics.preferences import ALIKE, CHOICES, NOT_DRAWN, Choice, Compared, preferences


def compared(
    pair: int,
    choice: Choice,
    *,
    rater: str = "one",
    shopper: int | None = None,
    left: bool = True,
    p: float | None = 1.0,
) -> Compared:
    return Compared(pair, rater, pair if shopper is None else shopper, choice, left, p)


def test_a_pair_weighs_one_over_its_probability_and_a_tie_is_half_a_win():
    found = preferences([compared(1, "a"), compared(2, "b", p=0.5), compared(3, "both")])

    assert found.win_rate.value == pytest.approx((1 + 0 + 0.5) / 4)
    assert found.win_decided.value == pytest.approx(1 / 3)
    assert found.ties.value == pytest.approx(1 / 4)
    assert (found.n_pairs, found.n_choices, found.n_shoppers) == (3, 3, 3)
    assert found.counts == {"a": 1, "b": 1, "both": 1, "neither": 0}


def test_the_left_side_is_counted_wherever_a_stood():
    rows = [
        compared(1, "a", left=True),  # left
        compared(2, "b", left=False),  # left
        compared(3, "b", left=True),  # right
        compared(4, "neither"),
        compared(5, "a", left=True, p=0.5),  # left, and counts twice
    ]
    assert preferences(rows).left.value == pytest.approx(4 / 5)


def test_a_pair_that_several_compared_counts_once():
    found = preferences([compared(1, "a"), compared(1, "both", rater="two"), compared(2, "b")])

    assert found.win_rate.value == pytest.approx((0.75 + 0) / 2)
    assert found.win_decided.value == pytest.approx(0.5 / 1.5)
    assert (found.n_pairs, found.n_choices, found.n_raters) == (2, 3, 2)


def test_people_agree_as_computed_by_hand():
    rows = [compared(1, "a"), compared(1, "a", rater="two"), compared(2, "b"), compared(2, "b", rater="two")]
    rows += [compared(3, "a"), compared(3, "b", rater="two"), compared(4, "both"), compared(4, "both", rater="two")]
    rows += [compared(5, "a")]  # by one person: no agreement to see

    found = preferences(rows)

    assert found.same.value == pytest.approx(3 / 4)
    # Of 8 values 3 are a, 3 b, 2 both: observed 2 / 8 apart, expected 1 - (3·2 + 3·2 + 2·1) / (8·7) = 3 / 4.
    assert found.alpha.value == pytest.approx(1 - (2 / 8) / (3 / 4))
    assert found.same.n == 4


def test_three_people_on_one_pair_are_three_couples():
    rows = [compared(1, "a", rater=name) for name in ("one", "two")] + [compared(1, "b", rater="three")]
    assert preferences(rows).same.value == pytest.approx(1 / 3)


def test_the_interval_is_the_binomial_one_and_counts_shoppers():
    # The middle 95 % of a binomial of 200 with p = .6 is 106 to 134 (scipy.stats.binom.ppf): .53 to .67.
    chosen: list[Choice] = ["a" if pair < 120 else "b" for pair in range(200)]
    found = preferences([compared(pair, one) for pair, one in enumerate(chosen)]).win_rate
    assert (found.value, found.n_clusters) == (0.6, 200)
    assert found.low == pytest.approx(0.53, abs=0.011)
    assert found.high == pytest.approx(0.67, abs=0.011)

    # Four pairs alike of each shopper say no more than one.
    alike = [compared(4 * who + k, one, shopper=who) for who, one in enumerate(chosen) for k in range(4)]
    many = preferences(alike).win_rate
    assert (many.n, many.n_clusters, many.low, many.high) == (800, 200, found.low, found.high)


def test_nothing_is_estimated_without_inclusion_probabilities():
    found = preferences([compared(1, "a"), compared(2, "a", p=None), compared(2, "b", rater="two", p=None)])

    for one in (found.win_rate, found.win_decided, found.ties, found.left):
        assert (one.value, one.note) == (None, NOT_DRAWN)
    assert found.same.value == 0


def test_ties_alone_decide_nothing():
    found = preferences([compared(pair, "neither") for pair in range(12)])

    assert (found.win_rate.value, found.ties.value) == (0.5, 1)
    assert (found.win_rate.low, found.win_rate.note) == (None, ALIKE)
    assert (found.win_decided.value, found.win_decided.note) == (None, "every choice was a tie")


def test_choices_that_are_all_alike_promise_no_certainty():
    found = preferences([compared(pair, "a", left=pair % 2 == 0) for pair in range(12)]).win_rate
    # Wilson's lower end of 12 of 12: 12 / (12 + 1.96²).
    assert (found.value, found.high) == (1, 1)
    assert found.low == pytest.approx(12 / (12 + 1.959964**2))


def test_no_choice_is_no_figure():
    found = preferences([])
    assert found.win_rate.note == found.left.note == "nothing was compared yet"
    assert (found.n_pairs, set(found.counts)) == (0, set(CHOICES))
