"""Pass rates: by the judge, by people, and corrected; against hand-worked figures and formulas."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.statistics.intervals import MIN_CLUSTERS, wilson
from judge.statistics.rates import (
    MIN_LABELS,
    ClusterTotal,
    corrected_rate,
    human_rate,
    judge_rate,
    labels_needed,
    more_labels_needed,
    population,
)
from tests.judge.statistics.figures import half_width, limits, value


def reviewed(n=400, n_labelled=100, seed=0, judge_noise=0.2):
    """One output for each of n shoppers, judged by a coin that errs at `judge_noise`; the first n_labelled reviewed."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(n) < 0.7).astype(float)
    judge = np.where(rng.random(n) < judge_noise, 1 - truth, truth)
    shoppers = [f"shopper {i}" for i in range(n)]
    labelled: dict[str, Any] = {
        "human": truth[:n_labelled],
        "judge": judge[:n_labelled],
        "inclusion": [n_labelled / n] * n_labelled,
        "clusters": shoppers[:n_labelled],
    }
    return labelled, population(shoppers, judge)


def test_the_population_adds_up_by_shopper():
    assert population(["a", "b", "a"], [1, 0, 0.5]) == {"a": ClusterTotal(2, 1.5), "b": ClusterTotal(1, 0.0)}


def test_the_judges_rate_is_over_outputs_and_counts_shoppers():
    estimate = judge_rate({"a": ClusterTotal(4, 4), "b": ClusterTotal(1, 0), "c": ClusterTotal(5, 3)})

    assert (estimate.value, estimate.n, estimate.n_clusters) == (0.7, 10, 3)
    assert limits(estimate)[0] < wilson(7, 10)[0]


def test_the_judges_rate_of_single_outputs_is_nearly_wilsons():
    _, judged = reviewed()
    passed = sum(total.passed for total in judged.values())

    estimate = judge_rate(judged)

    assert (estimate.low, estimate.high) == pytest.approx(wilson(passed, 400), abs=0.002)


def test_a_judge_that_judged_nothing_has_no_rate():
    assert judge_rate({}).note == "the judge has judged nothing"


def test_the_human_rate_weighs_by_inclusion_probability():
    # Weights 2, 2, 10: (2*1 + 2*1 + 10*0) / 14.
    estimate = human_rate([1, 1, 0], [0.5, 0.5, 0.1], ["a", "b", "c"])

    assert estimate.value == pytest.approx(4 / 14)


def test_nobody_has_labelled_anything_yet():
    assert human_rate([], [], []).note == "nobody has labelled anything"


@pytest.mark.parametrize("unknown", [None, 0.0, math.nan])
def test_no_rate_is_estimated_from_labels_of_unknown_probability(unknown):
    labelled, judged = reviewed()
    labelled["inclusion"][7] = unknown

    estimate = corrected_rate(**labelled, judged=judged)
    without_judge = human_rate(labelled["human"], labelled["inclusion"], labelled["clusters"])

    assert estimate.value is without_judge.value is None
    assert estimate.note == without_judge.note
    assert "not known how probable it was to draw 1 of the 100" in estimate.note


def test_a_probability_above_1_is_a_mistake():
    labelled, judged = reviewed()
    labelled["inclusion"][0] = 1.5

    with pytest.raises(ValueError, match="at most 1"):
        corrected_rate(**labelled, judged=judged)


def test_too_few_labels_or_shoppers_are_refused_with_what_it_takes():
    labelled, judged = reviewed(n_labelled=MIN_LABELS - 1)
    assert (
        "it takes 30 labelled outputs from 10 shoppers; so far there are 29"
        in corrected_rate(**labelled, judged=judged).note
    )

    labelled, judged = reviewed(n_labelled=MIN_LABELS)
    few = {**labelled, "clusters": [f"shopper {i % (MIN_CLUSTERS - 1)}" for i in range(MIN_LABELS)]}
    assert corrected_rate(**labelled, judged=judged).value is not None
    assert corrected_rate(**few, judged=judged).value is None


def test_weights_so_uneven_that_a_few_labels_decide_are_refused():
    labelled, judged = reviewed(n_labelled=40)
    labelled["inclusion"] = [0.001] * 3 + [1.0] * 37

    assert "40 shoppers count like 3" in corrected_rate(**labelled, judged=judged).note


def test_a_reviewed_shopper_whom_the_judge_never_saw_is_a_mistake():
    labelled, judged = reviewed()
    del judged["shopper 5"]

    with pytest.raises(ValueError, match="reviewed but never judged: shopper 5"):
        corrected_rate(**labelled, judged=judged)


def test_lists_of_different_length_are_refused():
    labelled, judged = reviewed()

    with pytest.raises(ValueError, match="one entry for each"):
        corrected_rate(**{**labelled, "inclusion": [0.5]}, judged=judged)


def test_the_corrected_rate_is_the_prediction_powered_mean():
    # Angelopoulos, Duchi and Zrnic (2023), equation for the mean, with the tuning that minimises the variance.
    labelled, judged = reviewed(n=4000, n_labelled=200, seed=1)
    y, f = labelled["human"], labelled["judge"]
    f_all = np.array([total.passed for total in judged.values()])
    rest = f_all[200:]

    tuning = np.cov(y, f)[0, 1] / ((1 + 200 / 3800) * np.var(f_all, ddof=1))
    expected = tuning * rest.mean() + (y - tuning * f).mean()
    error = math.sqrt(tuning**2 * rest.var(ddof=1) / 3800 + (y - tuning * f).var(ddof=1) / 200)
    estimate = corrected_rate(**labelled, judged=judged)

    # The formula treats labelled and unlabelled outputs as two samples, ours as a part and the whole; both tune from
    # the data, so they agree up to sampling noise in the tuning.
    assert estimate.value == pytest.approx(expected, abs=0.003)
    assert half_width(estimate) == pytest.approx(1.96 * error, rel=0.04)


def test_a_judge_that_knows_nothing_leaves_the_human_rate():
    labelled, _ = reviewed()
    ignorant = population(labelled["clusters"] + ["x"], [1.0] * 101)
    labelled["judge"] = np.ones(100)

    estimate = corrected_rate(**labelled, judged=ignorant)
    human = human_rate(labelled["human"], labelled["inclusion"], labelled["clusters"])

    assert estimate.value == pytest.approx(human.value)
    assert half_width(estimate) == pytest.approx(half_width(human), rel=0.05)


def test_a_better_judge_makes_the_interval_shorter():
    widths: list[float] = []
    for noise in (0.02, 0.15, 0.5):
        labelled, judged = reviewed(n=5000, n_labelled=200, judge_noise=noise)
        widths.append(half_width(corrected_rate(**labelled, judged=judged)))

    assert widths == sorted(widths)
    assert widths[0] < widths[2] / 2


def test_a_judge_that_was_never_wrong_yet_is_not_taken_for_perfect():
    labelled, judged = reviewed(n=20_000, n_labelled=40, judge_noise=0.0)

    estimate = corrected_rate(**labelled, judged=judged)

    # "Rule of three": 40 labels without a mistake leave room for 3 / 40.
    assert half_width(estimate) == pytest.approx(3 / 40, abs=0.005)


def test_reviewing_everything_gives_the_human_rate():
    labelled, judged = reviewed(n=100, n_labelled=100)

    estimate = corrected_rate(**labelled, judged=judged)

    assert estimate.value == pytest.approx(labelled["human"].mean())
    assert estimate.note == ""


def test_probabilities_of_the_judge_may_stand_for_its_verdicts():
    labelled, judged = reviewed()
    softened = {name: ClusterTotal(1, 0.2 + 0.6 * total.passed) for name, total in judged.items()}

    hard = corrected_rate(**labelled, judged=judged)
    soft = corrected_rate(**{**labelled, "judge": 0.2 + 0.6 * labelled["judge"]}, judged=softened)

    # A judge squeezed into .2 to .8 knows as much; only the cap at 1 of the tuning keeps it from being stretched fully.
    assert soft.value == pytest.approx(hard.value, abs=0.01)


@given(st.integers(0, 10_000), st.floats(0, 0.5), st.integers(MIN_LABELS, 120))
@settings(max_examples=40, deadline=None)
def test_rates_stay_within_0_to_1_and_within_their_interval(seed, noise, n_labelled):
    labelled, judged = reviewed(n_labelled=n_labelled, seed=seed, judge_noise=noise)

    for estimate in (
        judge_rate(judged),
        human_rate(labelled["human"], labelled["inclusion"], labelled["clusters"]),
        corrected_rate(**labelled, judged=judged),
    ):
        low, high = limits(estimate)
        assert 0 <= low <= value(estimate) <= high <= 1


@given(st.permutations(range(60)))
@settings(max_examples=20, deadline=None)
def test_the_order_of_labels_does_not_matter(order):
    labelled, judged = reviewed(n_labelled=60)
    shuffled: dict[str, Any] = {
        name: [values[i] for i in order] if isinstance(values, list) else values[list(order)]
        for name, values in labelled.items()
    }

    first, again = corrected_rate(**labelled, judged=judged), corrected_rate(**shuffled, judged=judged)

    assert (again.value, again.low, again.high) == pytest.approx((first.value, first.low, first.high))


def test_labels_needed_for_3_points_by_hand():
    # (1.95996 / .03)² * .25 = 1067.07; a judge with correlation .65 saves 42 % of them.
    assert labels_needed(0.03) == 1068
    assert labels_needed(0.03, correlation=0.65) == 617
    assert labels_needed(0.03, design_effect=2) == 2135


def test_more_labels_follow_from_the_width_so_far():
    labelled, judged = reviewed(n=5000, n_labelled=200)
    estimate = corrected_rate(**labelled, judged=judged)

    # Half the width takes four times the labels.
    assert more_labels_needed(half_width(estimate) / 2, estimate) == pytest.approx(600, abs=1)
    assert more_labels_needed(0.5, estimate) == 0
    assert more_labels_needed(0.03, human_rate([], [], [])) is None


@pytest.mark.parametrize("half_width", [0, 3, -0.1])
def test_a_width_in_percent_is_refused(half_width):
    with pytest.raises(ValueError, match="share between 0"):
        labels_needed(half_width)


def test_a_sample_that_is_not_from_this_population_is_noticed():
    labelled, judged = reviewed()
    others = judged | {f"another {i}": ClusterTotal(1, 0) for i in range(4000)}

    assert corrected_rate(**labelled, judged=judged).note == ""
    assert "check the inclusion probabilities" in corrected_rate(**labelled, judged=others).note
