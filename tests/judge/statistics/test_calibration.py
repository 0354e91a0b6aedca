"""Reliability, calibration error, Brier score and the refit, against scikit-learn and figures worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss

from judge.statistics.calibration import (
    bin_codes,
    calibration,
    calibration_error,
    cross_fitted,
    errors_by_chance,
    isotonic,
    platt,
)
from judge.statistics.intervals import clustered_mean
from judge.statistics.report import ReviewedLabel
from tests.judge.statistics.figures import limits, value


def row(i, score, passed, *, cluster=None, inclusion=0.5, rater="a"):
    human, judge = ("Yes" if passed else "No"), ("Yes" if score >= 0.5 else "No")
    shopper = i if cluster is None else cluster
    return ReviewedLabel(
        i, shopper, "relevance", human, judge, bool(passed), score >= 0.5, inclusion, rater, float(score)
    )


def world(rng, n, *, too_sure, per_shopper=1):
    """Scores of a judge, and labels that pass with logit(score) - too_sure."""
    score = rng.beta(4, 1.5, size=n)
    passed = rng.random(n) < 1 / (1 + np.exp(-(np.log(score / (1 - score)) - too_sure)))
    return score, passed.astype(float), np.arange(n) // per_shopper


def test_bins_hold_the_same_weight_and_equal_scores_share_one():
    score = np.array([0.1, 0.2, 0.3, 0.4, 0.9, 0.9, 0.9, 0.9])

    assert bin_codes(score, np.ones(8), 2).tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert bin_codes(score, np.ones(8), 4).tolist() == [0, 0, 1, 1, 2, 2, 2, 2]
    assert bin_codes(score, np.array([9.0, 1, 1, 1, 1, 1, 1, 1]), 2).tolist() == [0, 1, 1, 1, 1, 1, 1, 1]
    assert bin_codes(np.full(8, 0.9), np.ones(8), 10).tolist() == [0] * 8


def test_the_error_by_hand():
    # Two bins of 20: scores .6 with 10 passed of 20, scores .9 with 20 of 20: (.1 + .1) / 2.
    score = np.repeat([0.6, 0.9], 20)
    passed = np.r_[np.repeat([1.0, 0.0], 10), np.ones(20)]

    assert calibration_error(score, passed, np.ones(40), None).value == pytest.approx(0.1)
    # Weighing the first bin three times as much: (3 * .1 + .1) / 4; then the first bin's passes: 3/4 passed.
    assert calibration_error(score, passed, np.repeat([3.0, 1.0], 20), None).value == pytest.approx(0.1)
    heavier = np.r_[np.full(10, 3.0), np.ones(30)]
    assert calibration_error(score, passed, heavier, None).value == pytest.approx((40 * 0.15 + 20 * 0.1) / 60)


@pytest.mark.parametrize("too_sure", [0.0, 1.5])
def test_the_interval_of_the_error_covers_it(too_sure):
    rng = np.random.default_rng(1)
    score, *_ = world(rng, 200_000, too_sure=too_sure)
    # Where the judge is too sure everywhere, the error is the mean distance.
    truth = max(0.0, float(np.mean(score - 1 / (1 + np.exp(too_sure) * (1 - score) / score))))

    covered = 0
    for _ in range(60):
        score, passed, shopper = world(rng, 360, too_sure=too_sure, per_shopper=3)
        low, high = limits(calibration_error(score, passed, np.ones(360), shopper.tolist()))
        covered += low <= truth <= high

    assert covered / 60 >= 0.9


def test_a_handful_of_shoppers_gets_an_error_but_no_interval():
    found = calibration_error(np.full(40, 0.9), np.ones(40), np.ones(40), [i % 9 for i in range(40)])

    assert found.value == pytest.approx(0.1)
    assert found.low is None
    assert found.note == "an interval takes 10 shoppers, and these are 9"


def test_right_probabilities_look_as_wrong_as_chance_predicts():
    rng = np.random.default_rng(2)
    found, predicted = [], []
    for _ in range(25):
        score, passed, _ = world(rng, 300, too_sure=0.0)
        found.append(value(calibration_error(score, passed, np.ones(300), None)))
        predicted.append(errors_by_chance(score, passed, np.ones(300), None).mean())

    assert np.mean(predicted) == pytest.approx(np.mean(found), rel=0.15)


def test_the_brier_score_is_scikit_learns_and_its_interval_that_of_a_clustered_mean():
    score, passed, shopper = world(np.random.default_rng(3), 120, too_sure=1.0, per_shopper=2)

    fit = calibration(
        "relevance", [row(i, *one, cluster=g) for i, (*one, g) in enumerate(zip(score, passed, shopper, strict=True))]
    ).raw

    assert fit is not None
    assert value(fit.brier) == pytest.approx(brier_score_loss(passed, score))
    expected = clustered_mean((score - passed) ** 2, shopper.tolist())
    assert limits(fit.brier) == pytest.approx(limits(expected))
    assert fit.brier.n_clusters == 60


@pytest.mark.parametrize("weighted", [False, True])
def test_platts_curve_is_scikit_learns(weighted):
    rng = np.random.default_rng(4)
    score, passed, _ = world(rng, 300, too_sure=1.0)
    weight = rng.uniform(0.2, 3, 300) if weighted else np.ones(300)
    log_odds = np.log(score / (1 - score))

    oracle = _SigmoidCalibration().fit(log_odds, passed, sample_weight=weight).predict(log_odds)

    assert platt(score, passed, weight)(score) == pytest.approx(oracle, abs=1e-4)


def test_the_isotonic_curve_is_scikit_learns():
    rng = np.random.default_rng(5)
    score, passed, _ = world(rng, 300, too_sure=1.0)
    score, weight, other = score.round(2), rng.uniform(0.2, 3, 300), rng.random(50)

    oracle = IsotonicRegression(out_of_bounds="clip").fit(score, passed, sample_weight=weight)

    assert isotonic(score, passed, weight)(other) == pytest.approx(oracle.predict(other), abs=1e-9)


@pytest.mark.parametrize("fit", [platt, isotonic])
@pytest.mark.parametrize("passed", [np.zeros(40), np.ones(40), np.r_[np.zeros(20), np.ones(20)]])
def test_a_refit_stays_a_probability_whatever_it_is_fitted_to(fit, passed):
    for score in (np.full(40, 0.99), np.linspace(0, 1, 40)):
        read = fit(score, passed, np.ones(40))(np.array([0.0, 0.5, 1.0]))

        assert ((read >= 0) & (read <= 1)).all()


def test_a_refitted_score_never_saw_its_own_shopper():
    score, passed, shopper = world(np.random.default_rng(6), 60, too_sure=0.0, per_shopper=3)
    seen = []

    def fit(known, labels, weight):
        seen.append(set(known.tolist()))
        return lambda other: np.full_like(other, len(seen))

    fold = cross_fitted(score, passed, np.ones(60), shopper, fit)

    for i, number in enumerate(fold.astype(int)):
        assert not {score[j] for j in range(60) if shopper[j] == shopper[i]} & seen[number - 1]
    assert len(seen) == 5


def test_a_judge_that_is_too_sure_is_told_so_and_the_refit_mends_it():
    score, passed, _ = world(np.random.default_rng(7), 600, too_sure=1.5)
    found = calibration("relevance", [row(i, *one) for i, one in enumerate(zip(score, passed, strict=True))])

    assert found.raw is not None
    assert found.refitted is not None
    assert (found.n, len(found.raw.bins), found.method) == (600, 10, "Platt scaling")
    assert limits(found.raw.error)[0] > 0.1
    assert value(found.refitted.error) < value(found.raw.error) / 2
    assert value(found.refitted.brier) < value(found.raw.brier)
    assert "On the whole it is too sure: it promises 73%, people pass" in found.sentence
    assert sum(one.passed.n for one in found.raw.bins) == 600


def test_from_a_thousand_labels_on_the_refit_is_isotonic():
    score, passed, _ = world(np.random.default_rng(12), 1000, too_sure=0.0)
    found = calibration("relevance", [row(i, *one) for i, one in enumerate(zip(score, passed, strict=True))])

    assert found.method == "isotonic regression"
    assert "no more than chance can do" in found.sentence


def test_several_people_on_an_output_share_its_weight_and_probabilities_of_being_drawn_count():
    rows = [row(i, 0.9, i % 2) for i in range(40)]
    doubled = [*rows, *(replace(one, rater="b") for one in rows[:20])]
    doubtful = [replace(one, inclusion_probability=1.0 if one.human_passed else 0.25) for one in rows]

    once, twice = calibration("relevance", rows), calibration("relevance", doubled)
    drawn = calibration("relevance", doubtful)

    assert once.raw is not None
    assert twice.raw is not None
    assert drawn.raw is not None
    assert value(twice.raw.error) == pytest.approx(value(once.raw.error))
    assert value(drawn.raw.error) == pytest.approx(0.9 - 0.2)
    assert drawn.brier_of_average == pytest.approx(0.2 * 0.8)


def test_what_is_missing_is_said():
    few = calibration("relevance", [row(i, 0.9, 1) for i in range(29)])
    none = calibration("relevance", [replace(row(i, 0.9, 1), judge_probability=None) for i in range(40)])
    unknown = calibration("relevance", [row(i, 0.9, i % 2, inclusion=None) for i in range(40)])

    assert few.raw is few.refitted is none.raw is None
    assert few.sentence.endswith("it takes 30 labelled outputs from 10 shoppers; so far there are 29 from 29.")
    assert none.sentence.endswith("the judge's engine gives no label probabilities.")
    assert "reviewed outputs only" in unknown.scope_warning
