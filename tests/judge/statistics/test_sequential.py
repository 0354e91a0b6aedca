"""The sequential gate: worked bets, and what happens to a test that is looked at again and again."""

import numpy as np
import pytest
from scipy.stats import binom

from judge.statistics.sequential import STAKES, Screen, evidence, sequential_gate
from tests.judge.statistics.figures import limits, value

N_REPETITIONS, N_SHOPPERS, THRESHOLD = 1500, 200, 0.8


def screens(passed, inclusion=0.5):
    return [Screen(i, share, inclusion) for i, share in enumerate(passed)]


def test_evidence_is_the_mean_capital_of_bets_at_every_stake():
    found = evidence(np.array([1.0, 0.5, 0.0]), np.array([1.0, 1.0, 0.5]), 0.8)

    capital = np.ones_like(STAKES)
    for i, (share, weight) in enumerate([(1.0, 1.0), (0.5, 1.0), (0.0, 0.5)]):
        capital = capital * (1 + STAKES / 0.8 * weight * (share - 0.8))
        assert found[i] == pytest.approx(capital.mean())


def test_at_the_threshold_the_bet_is_fair():
    # The expected capital after two shoppers, over all four outcomes, is the stake.
    outcomes = [(a, b) for a in (0.0, 1.0) for b in (0.0, 1.0)]

    expected = sum(
        np.prod([0.8 if one else 0.2 for one in pair]) * evidence(np.array(pair), np.ones(2), 0.8)[-1]
        for pair in outcomes
    )

    assert expected == pytest.approx(1)


def test_peeking_does_not_make_the_gate_pass_what_it_should_not_and_a_fixed_test_does():
    """Shares of three outputs of a shopper, alike within the shopper, with a mean of exactly the threshold."""
    rng = np.random.default_rng(7)
    # Beta(4, 1) has mean .8: a shopper's own rate; the binomial over it makes a shopper's outputs alike.
    rate = rng.beta(4, 1, size=(N_REPETITIONS, N_SHOPPERS))
    passed = rng.binomial(3, rate) / 3
    gate = fixed = once = 0

    for path in passed:
        gate += bool((evidence(path, np.ones(N_SHOPPERS), THRESHOLD) >= 20).any())
        # The usual test of a mean, looked at after every fifth shopper from the tenth on.
        n = np.arange(10, N_SHOPPERS + 1, 5)
        mean = np.cumsum(path)[n - 1] / n
        spread = np.sqrt(np.maximum(np.cumsum(path**2)[n - 1] / n - mean**2, 1e-9) / n)
        rejected = (mean - THRESHOLD) / spread > 1.645
        fixed += bool(rejected.any())
        once += bool(rejected[-1])

    assert gate / N_REPETITIONS < 0.05
    assert fixed / N_REPETITIONS > 0.15
    assert once / N_REPETITIONS < 0.08  # looked at once, at the end, it is about as good as it claims


def test_the_exact_binomial_test_is_no_cure_for_peeking_either():
    rng = np.random.default_rng(8)
    passed = rng.random((N_REPETITIONS, N_SHOPPERS)) < THRESHOLD
    looks = np.arange(10, N_SHOPPERS + 1, 5)

    p_values = binom.sf(np.cumsum(passed, axis=1)[:, looks - 1] - 1, looks, THRESHOLD)
    gate = [(evidence(path.astype(float), np.ones(N_SHOPPERS), THRESHOLD) >= 20).any() for path in passed]

    assert (p_values <= 0.05).any(axis=1).mean() > 0.1
    assert np.mean(gate) < 0.05


def test_a_good_model_passes_soon_and_a_bad_one_is_turned_down():
    rng = np.random.default_rng(9)
    good = [sequential_gate(screens((rng.random(300) < 0.92).astype(float))) for _ in range(40)]
    bad = [sequential_gate(screens((rng.random(300) < 0.6).astype(float))) for _ in range(40)]

    assert np.mean([one.decision is True for one in good]) > 0.95
    assert np.median([one.decided_at for one in good if one.decided_at]) < 100
    assert [one.decision for one in bad] == [False] * 40
    assert np.median([one.decided_at for one in bad if one.decided_at]) < 60


def test_the_interval_holds_at_every_look():
    rng = np.random.default_rng(10)
    missed = 0
    for _ in range(80):
        passed = rng.binomial(3, rng.beta(4, 1, size=120)) / 3
        for n in (10, 20, 40, 80, 120):
            low, high = limits(sequential_gate(screens(passed[:n])).acceptance)
            if not low <= 0.8 <= high:
                missed += 1
                break

    assert missed / 80 < 0.05


def test_unequal_chances_of_being_drawn_do_not_mislead_it():
    """Shoppers the model serves badly are drawn five times as often; unweighted they would sink a good model."""
    rng = np.random.default_rng(11)
    decisions = []
    for _ in range(60):
        bad = rng.random(400) < 0.5  # of those drawn; 1 in 6 of all
        passed = (rng.random(400) < np.where(bad, 0.5, 0.99)).astype(float)  # overall .99 * 5/6 + .5 / 6 = .908
        chosen = [Screen(i, p, 0.5 if b else 0.1) for i, (p, b) in enumerate(zip(passed, bad, strict=True))]
        decisions.append(sequential_gate(chosen, 0.8).decision)

    assert False not in decisions
    assert decisions.count(True) > 50


def test_only_the_first_screen_of_a_shopper_is_evidence():
    once = sequential_gate(screens([1.0, 0.0, 1.0]))
    again = sequential_gate([*screens([1.0, 0.0]), Screen(0, 0.0, 0.5), *screens([1.0, 0.0, 1.0])])

    assert again == once
    assert [look.n for look in once.looks] == [1, 2, 3]


def test_its_answers_are_sentences():
    yes, no = sequential_gate(screens([1.0] * 40)), sequential_gate(screens([0.0] * 5), 0.8)
    open_ = sequential_gate(screens([1.0, 0.5, 1.0]))

    assert (yes.decision, yes.decided_at) == (True, 21)
    assert np.mean((1 + STAKES / 4) ** 20) < 20 < np.mean((1 + STAKES / 4) ** 21)
    assert yes.sentence.startswith(
        "After 40 shoppers the evidence says yes: acceptance is at least 80%. It was enough after 21;"
    )
    assert no.decision is False
    assert no.sentence.startswith("After 5 shoppers the evidence says no: acceptance is below 80%.")
    assert open_.sentence.startswith(
        "After 3 shoppers the evidence does not say yet whether acceptance is at least 80%. The bet on"
    )
    assert "and 20 times is asked for" in open_.sentence
    assert value(open_.acceptance) == pytest.approx(2.5 / 3)
    assert limits(open_.acceptance)[1] > 0.99


def test_it_refuses_what_carries_no_estimate():
    nothing, unknown = sequential_gate([]), sequential_gate([*screens([1.0]), Screen("x", 1.0, None)])

    assert nothing.sentence == "There is no evidence yet: nobody has reviewed anything blind."
    assert (unknown.decision, unknown.acceptance.value, unknown.looks) == (None, None, ())
    assert "not known how probable" in unknown.sentence
    with pytest.raises(ValueError, match="between 0 and 1, not 80"):
        sequential_gate([], 80)
