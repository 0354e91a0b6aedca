"""How a panel votes: worked by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.rubrics import RUBRICS
from judge.voting import Ballot, vote, weight_of
from tests.judge.factories import PASSING

EXPLANATION = RUBRICS["explanation"]


def clarity(*values: str, weights: tuple[tuple[float, float], ...] = ()) -> tuple[str, dict[str, float]]:
    """The vote on one criterion, with its shares; on the others all agree."""
    counted = weights or ((1.0, 1.0),) * len(values)
    ballots = [
        Ballot(PASSING["explanation"] | {"clarity": value}, {"clarity": weight})
        for value, weight in zip(values, counted, strict=True)
    ]
    found = vote(ballots, EXPLANATION)
    return found.labels["clarity"], found.shares["clarity"]


@pytest.mark.parametrize(
    ("said", "label"),
    [
        (("Good", "Good", "Bad"), "Good"),
        (("Bad", "Good", "Bad"), "Bad"),
        (("Excellent", "Good", "Bad"), "Good"),  # two pass, and of two labels with a vote each the worse
        (("Excellent", "Excellent", "Good"), "Excellent"),
        (("Excellent", "Good", "Bad", "Bad"), "Bad"),  # a tie has not approved
        (("Excellent",), "Excellent"),
    ],
)
def test_first_whether_it_passes_then_which_label(said: tuple[str, ...], label: str):
    assert clarity(*said)[0] == label


def test_the_shares_are_the_spread_of_the_members():
    assert clarity("Good", "Good", "Bad")[1] == pytest.approx({"Excellent": 0, "Good": 2 / 3, "Bad": 1 / 3})


def test_a_heavy_member_outvotes_two_light_ones():
    label, shares = clarity("Bad", "Good", "Good", weights=((3.0, 3.0), (1.0, 1.0), (1.0, 1.0)))

    assert label == "Bad"
    assert shares == pytest.approx({"Excellent": 0, "Good": 0.4, "Bad": 0.6})


def test_a_member_that_passes_everything_counts_only_where_it_fails_something():
    # Its pass says nothing, its fail much: the other's fail decides against it, but not against its own.
    lenient, fair = (0.0, 3.0), (1.0, 1.0)

    assert clarity("Good", "Bad", weights=(lenient, fair))[0] == "Bad"
    assert clarity("Bad", "Good", weights=(lenient, fair))[0] == "Bad"
    assert clarity("Good", "Good", weights=(lenient, fair))[0] == "Good"


def test_where_nobodys_vote_counts_everybodys_counts_the_same():
    assert clarity("Good", "Good", "Bad", weights=((0.0, 0.0),) * 3) == clarity("Good", "Good", "Bad")


def test_weights_are_the_log_likelihood_ratios_of_the_rates():
    # Of 99 and 99 with 0.9 and 0.8: (0.9·99 + 0.5)/100 = 0.896 and 0.797.
    to_pass, to_fail = weight_of(0.9, 99, 0.8, 99)

    assert to_pass == pytest.approx(math.log(0.896 / (1 - 0.797)))
    assert to_fail == pytest.approx(math.log(0.797 / (1 - 0.896)))


def test_a_member_no_better_than_a_coin_has_no_weight_and_none_has_one_without_limit():
    assert weight_of(0.5, 1000, 0.5, 1000) == pytest.approx((0, 0))
    assert weight_of(0.3, 1000, 0.4, 1000) == (0.0, 0.0)  # worse than a coin: not turned round, left out
    assert all(math.isfinite(one) for one in weight_of(1.0, 5, 1.0, 5))


def test_weighted_votes_find_the_likelier_side():
    """Against an independent computation: the posterior of passing by Bayes, members independent, 1:1 beforehand."""
    rates = [(0.9, 0.6), (0.7, 0.8), (0.8, 0.55)]
    n = 10**9  # so that smoothing says nothing
    for said in [(a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)]:
        if_good = math.prod(tpr if one else 1 - tpr for one, (tpr, _) in zip(said, rates, strict=True))
        if_bad = math.prod(1 - tnr if one else tnr for one, (_, tnr) in zip(said, rates, strict=True))

        label, _ = clarity(
            *("Good" if one else "Bad" for one in said),
            weights=tuple(weight_of(tpr, n, tnr, n) for tpr, tnr in rates),
        )

        assert label == ("Good" if if_good > if_bad else "Bad")


@given(
    st.lists(st.sampled_from(["Excellent", "Good", "Bad"]), min_size=1, max_size=9),
    st.data(),
)
def test_the_order_of_the_members_does_not_matter_and_shares_sum_to_one(said: list[str], data: st.DataObject):
    shuffled = data.draw(st.permutations(said))

    label, shares = clarity(*said)

    assert clarity(*shuffled)[0] == label
    assert sum(shares.values()) == pytest.approx(1)
    assert (label != "Bad") == (shares["Bad"] < 0.5)


def test_a_vote_without_ballots_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        vote([], EXPLANATION)
