"""Agreement coefficients, against hand-worked and published figures, scikit-learn, and what must always hold."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from judge.statistics.agreement import (
    Confusion,
    cohen_kappa,
    confusion,
    gwet_ac,
    krippendorff_alpha,
    prevalence_warning,
    raw_agreement,
    true_negative_rate,
    true_positive_rate,
)
from judge.statistics.intervals import wilson
from tests.judge.statistics.figures import half_width, limits, value

# Two tables with 85 % agreement (Feinstein and Cicchetti 1990, Journal of Clinical Epidemiology 43, 543–549).
BALANCED = {("Yes", "Yes"): 40, ("Yes", "No"): 9, ("No", "Yes"): 6, ("No", "No"): 45}
ONE_SIDED = {("Yes", "Yes"): 80, ("Yes", "No"): 10, ("No", "Yes"): 5, ("No", "No"): 5}

# Four observers, twelve units (Krippendorff 2011, Computing Krippendorff's Alpha-Reliability, example C).
_: Any = None
OBSERVERS: list[list[Any]] = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
    [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
]
# Three coders, fifteen units (Wikipedia, "Krippendorff's alpha").
CODERS: list[list[Any]] = [
    [_, _, _, _, _, 3, 4, 1, 2, 1, 1, 3, 3, _, 3],
    [1, _, 2, 1, 3, 3, 4, 3, _, _, _, _, _, _, _],
    [_, _, 2, 1, 3, 4, 4, _, 2, 1, 1, 3, 3, _, 4],
]

labels_of_two = st.integers(2, 4).flatmap(
    lambda k: st.lists(st.tuples(st.integers(0, k - 1), st.integers(0, k - 1)), min_size=2, max_size=40)
)
several_labels = labels_of_two.filter(lambda rows: len({label for row in rows for label in row}) > 1)


def pairs(table):
    """The two raters' labels that a table counts."""
    rows = [pair for pair, count in table.items() for _ in range(count)]
    return [a for a, _ in rows], [b for _, b in rows]


def by_unit(raters):
    return [list(unit) for unit in zip(*raters, strict=True)]


def test_a_confusion_matrix_counts_first_by_row_and_second_by_column():
    first, second = pairs(ONE_SIDED)

    table = confusion(first, second, labels=["Yes", "No"])

    assert table == Confusion(("Yes", "No"), ((80, 10), (5, 5)))
    assert (table.n, table.row_totals, table.column_totals) == (100, (90, 10), (85, 15))


def test_a_label_outside_the_scale_is_refused():
    with pytest.raises(ValueError, match="'Maybe' is not on the scale"):
        confusion(["Yes"], ["Maybe"], labels=["Yes", "No"])


def test_lists_of_different_length_are_refused():
    with pytest.raises(ValueError, match="2 labels of one rater, 1 of the other"):
        raw_agreement(["Yes", "No"], ["Yes"])


@pytest.mark.parametrize(("table", "kappa", "ac1"), [(BALANCED, 0.70, 0.70), (ONE_SIDED, 0.32, 0.81)])
def test_the_same_raw_agreement_has_the_published_kappa_and_ac1(table, kappa, ac1):
    first, second = pairs(table)

    assert value(raw_agreement(first, second)) == 0.85
    assert round(value(cohen_kappa(first, second)), 2) == kappa
    assert round(value(gwet_ac(list(zip(first, second, strict=True)))), 2) == ac1


def test_kappa_and_ac1_by_hand():
    # Observed .7; chance for kappa .5*.6 + .5*.4 = .5; for AC1 2 * .55 * .45 = .495.
    first, second = pairs({("Yes", "Yes"): 20, ("Yes", "No"): 5, ("No", "Yes"): 10, ("No", "No"): 15})

    assert value(cohen_kappa(first, second)) == pytest.approx(0.4)
    assert value(gwet_ac(list(zip(first, second, strict=True)))) == pytest.approx((0.7 - 0.495) / (1 - 0.495))


def test_a_label_that_nobody_used_still_counts_for_ac1():
    units = list(zip(*pairs(BALANCED), strict=True))

    # With four labels on the scale chance agreement is a third of what it is with two.
    chance = 2 * 0.475 * 0.525 / 3
    four = gwet_ac(units, labels=["Yes", "No", "Weak", "None"])
    assert value(four) == pytest.approx((0.85 - chance) / (1 - chance))


@pytest.mark.parametrize("weighting", ["unweighted", "linear", "quadratic"])
def test_kappa_equals_scikit_learn(weighting):
    rng = np.random.default_rng(2)
    oracle = None if weighting == "unweighted" else weighting

    for _ in range(50):
        k, n = rng.integers(2, 6), rng.integers(5, 200)
        first = rng.integers(0, k, n)
        second = np.where(rng.random(n) < 0.6, first, rng.integers(0, k, n))
        scale = list(range(k))
        ours = cohen_kappa(first.tolist(), second.tolist(), labels=scale, weighting=weighting)
        assert value(ours) == pytest.approx(cohen_kappa_score(first, second, labels=scale, weights=oracle), abs=1e-12)


def test_weighted_kappa_equals_scikit_learn_with_weights_of_rows():
    rng = np.random.default_rng(4)
    first, second, weights = rng.integers(0, 3, 80), rng.integers(0, 3, 80), rng.uniform(0.5, 9, 80)

    ours = cohen_kappa(first.tolist(), second.tolist(), weights=weights)

    assert value(ours) == pytest.approx(cohen_kappa_score(first, second, sample_weight=weights), abs=1e-12)


def test_ac1_of_four_observers_with_gaps_is_the_published_one():
    # Gwet's Handbook, reproduced by irrCAC: .77544.
    assert round(value(gwet_ac(by_unit(OBSERVERS))), 5) == 0.77544


def test_ac2_by_hand():
    # Labels 1, 2, 3 with linear weights 1, .5, 0: agreement (1 + .5 + 1 + 0) / 4 = .625.
    # Shares 4/8, 1/8, 3/8; the weights sum to 5, so chance is 5/6 * (16 + 7 + 15)/64.
    estimate = gwet_ac([(1, 1), (1, 2), (3, 3), (3, 1)], labels=[1, 2, 3], weighting="linear")

    chance = 5 / 6 * 38 / 64
    assert value(estimate) == pytest.approx((0.625 - chance) / (1 - chance))


@pytest.mark.parametrize(("measure", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_of_four_observers_is_krippendorffs_own(measure, published):
    assert round(value(krippendorff_alpha(by_unit(OBSERVERS), measure=measure)), 3) == published


@pytest.mark.parametrize(("measure", "published"), [("nominal", 0.691), ("interval", 0.811)])
def test_alpha_of_three_coders_is_the_published_one(measure, published):
    assert round(value(krippendorff_alpha(by_unit(CODERS), measure=measure)), 3) == published


# Rankings of four systems by raters, with the alphas that the authors of github.com/protagolabs/seq2seq_llm_evaluation
# (MIT, EMNLP 2023) published to four digits.
PROTAGO = [
    ("relevance", "nominal", 0.5926, [[4, 3, 2, 1], [4, 3, 2, 1], [4, 3, 1, 2]]),
    ("fluency", "nominal", 0.2079, [[4, 3, 2, 1], [4, 3, 2, 1], [4, 3, 1, 2], [3, 4, 1.5, 1.5]]),
    ("consistency", "ordinal", 0.8766, [[4, 3, 2, 1], [4, 3, 2, 1], [4, 2.5, 2.5, 1], [3, 4, 2, 1]]),
    ("consistency", "interval", 0.8638, [[4, 3, 2, 1], [4, 3, 2, 1], [4, 2.5, 2.5, 1], [3, 4, 2, 1]]),
    ("simplicity", "ordinal", 0.6333, [[4, 3, 2, 1], [4, 3, 2, 1], [2, 4, 3, 1]]),
    ("overcorrection", "nominal", 0.2281, [[2, 4, 3, 1], [3, 4, 2, 1], [2.5, 4, 1, 2.5]]),
    ("overcorrection", "ordinal", 0.57, [[2, 4, 3, 1], [3, 4, 2, 1], [2.5, 4, 1, 2.5]]),
    ("overcorrection", "interval", 0.5753, [[2, 4, 3, 1], [3, 4, 2, 1], [2.5, 4, 1, 2.5], [4, 3, 2, 1]]),
]


@pytest.mark.parametrize(("what", "measure", "published", "raters"), PROTAGO)
def test_alpha_reproduces_published_values_to_the_printed_digits(what, measure, published, raters):
    assert value(krippendorff_alpha(by_unit(raters), measure=measure)) == pytest.approx(published, abs=0.00005)


def test_ordinal_alpha_follows_the_scale_that_is_given_not_the_alphabet():
    units = [("Good", "Excellent"), ("Bad", "Bad"), ("Excellent", "Excellent"), ("Good", "Bad"), ("Good", "Good")]
    numbers = {"Excellent": 0, "Good": 1, "Bad": 2}

    words = krippendorff_alpha(units, measure="ordinal", labels=["Excellent", "Good", "Bad"])

    assert value(words) == value(
        krippendorff_alpha([tuple(numbers[label] for label in unit) for unit in units], measure="ordinal")
    )
    assert value(words) != value(krippendorff_alpha(units, measure="ordinal"))


def test_interval_labels_must_be_numbers():
    with pytest.raises(ValueError, match="could not convert"):
        krippendorff_alpha([("Yes", "No")], measure="interval")


@given(several_labels)
@settings(max_examples=60, deadline=None)
def test_agreement_is_symmetric_between_two_raters(rows):
    first, second = [a for a, _ in rows], [b for _, b in rows]
    back = [(b, a) for a, b in rows]

    assert value(cohen_kappa(first, second)) == pytest.approx(value(cohen_kappa(second, first)))
    assert value(gwet_ac(rows)) == pytest.approx(value(gwet_ac(back)))
    assert value(krippendorff_alpha(rows)) == pytest.approx(value(krippendorff_alpha(back)))


@given(several_labels, st.randoms())
@settings(max_examples=60, deadline=None)
def test_nominal_agreement_does_not_depend_on_the_order_or_the_names_of_labels(rows, random):
    names = ["Strong", "Weak", "None", "Invented"]
    random.shuffle(names)
    scale = list(range(4))
    named = [(names[a], names[b]) for a, b in rows]
    order = random.sample(range(len(rows)), len(rows))
    mixed = [named[i] for i in order]

    for measure in (gwet_ac, krippendorff_alpha):
        assert value(measure(rows, labels=scale)) == pytest.approx(value(measure(mixed, labels=names)))
    assert value(cohen_kappa(*zip(*rows, strict=True))) == pytest.approx(value(cohen_kappa(*zip(*mixed, strict=True))))


@given(st.lists(st.integers(0, 3), min_size=2, max_size=40).filter(lambda labels: len(set(labels)) > 1))
@settings(max_examples=60, deadline=None)
def test_perfect_agreement_is_1_and_never_certain(labels):
    units = [(label, label) for label in labels]

    for estimate in (
        raw_agreement(labels, labels),
        *(cohen_kappa(labels, labels, weighting=w) for w in ("unweighted", "linear", "quadratic")),
        gwet_ac(units),
        *(krippendorff_alpha(units, measure=m) for m in ("nominal", "ordinal", "interval")),
    ):
        assert estimate.value == pytest.approx(1)
        assert limits(estimate)[0] < 1


@given(labels_of_two)
@settings(max_examples=60, deadline=None)
def test_no_coefficient_is_above_1_and_none_lies_outside_its_interval(rows):
    first, second = [a for a, _ in rows], [b for _, b in rows]

    for estimate in (raw_agreement(first, second), cohen_kappa(first, second), gwet_ac(rows), krippendorff_alpha(rows)):
        if estimate.value is not None:
            assert -1 <= estimate.value <= 1 + 1e-12
        if estimate.low is not None:
            low, high = limits(estimate)
            assert low <= high <= 1 + 1e-12


def test_one_label_throughout_leaves_kappa_and_alpha_open_and_warns_about_ac1():
    first, units = ["Yes"] * 12, [("Yes", "Yes")] * 12

    assert cohen_kappa(first, first).note == "only one label occurs"
    assert krippendorff_alpha(units).note == "only one label occurs"
    ac1 = gwet_ac(units)
    assert ac1.value == 1
    assert ac1.low == pytest.approx(wilson(12, 12)[0])
    assert "says little" in ac1.note


def test_a_judge_that_always_says_yes_has_a_kappa_of_0_that_no_interval_makes_precise():
    kappa = cohen_kappa(["Yes"] * 30 + ["No"] * 20, ["Yes"] * 50)

    assert (kappa.value, kappa.low, kappa.n) == (0, None, 50)
    assert kappa.note == "one of the two always gave the same label, which makes it 0 by definition"


def test_nothing_compared_is_said_in_words():
    unrated = [("Yes", None), (None, "No")]

    for estimate in (
        raw_agreement([], []),
        cohen_kappa([], []),
        gwet_ac([]),
        gwet_ac(unrated),
        krippendorff_alpha([]),
        krippendorff_alpha(unrated),
        true_positive_rate([], []),
    ):
        assert (estimate.value, estimate.note) == (None, "nothing was compared")


def test_intervals_grow_where_a_shopper_has_several_outputs():
    first, second = pairs(BALANCED)
    once = cohen_kappa(first, second)
    again = cohen_kappa(first * 4, second * 4, clusters=list(range(100)) * 4)

    assert again.value == pytest.approx(once.value)
    assert (again.n, again.n_clusters) == (400, 100)
    assert half_width(again) == pytest.approx(half_width(once), rel=0.05)
    assert half_width(cohen_kappa(first * 4, second * 4)) < 0.6 * half_width(again)


def test_the_bootstrap_interval_of_kappa_is_close_to_its_large_sample_formula():
    # statsmodels' cohens_kappa gives a standard error of .0714 for this table.
    estimate = cohen_kappa(*pairs(BALANCED))

    assert half_width(estimate) == pytest.approx(1.96 * 0.0714, rel=0.06)


def test_weights_undo_a_sample_that_preferred_disagreements():
    # All 10 disagreements of 100 were drawn, and every ninth of the 90 agreements.
    first = ["Yes"] * 5 + ["No"] * 5 + ["Yes"] * 5 + ["No"] * 5
    second = ["No"] * 5 + ["Yes"] * 5 + ["Yes"] * 5 + ["No"] * 5
    weights = [1.0] * 10 + [9.0] * 10

    assert raw_agreement(first, second).value == 0.5
    assert raw_agreement(first, second, weights=weights).value == pytest.approx(0.9)
    assert cohen_kappa(first, second, weights=weights).value == pytest.approx(0.8)
    assert gwet_ac(list(zip(first, second, strict=True)), weights=weights).value == pytest.approx(0.8)


def test_weights_of_alpha_count_rows_as_often():
    units = [("Yes", "Yes"), ("No", "No"), ("Yes", "No"), ("No", None)]
    repeated = units[:1] * 30 + units[1:2] * 20 + units[2:3] * 10 + units[3:] * 5

    weighted = krippendorff_alpha(units * 10, weights=[3.0, 2.0, 1.0, 0.5] * 10)

    assert value(weighted) == pytest.approx(value(krippendorff_alpha(repeated)), abs=0.005)
    assert value(krippendorff_alpha(units, weights=[7.0] * 4)) == pytest.approx(value(krippendorff_alpha(units)))


def test_the_judges_two_error_rates_by_hand():
    people = [True] * 137 + [False] * 75
    judge = [True] * 131 + [False] * 6 + [True] * 39 + [False] * 36

    tpr, tnr = true_positive_rate(people, judge), true_negative_rate(people, judge)

    assert (tpr.value, tpr.n, (tpr.low, tpr.high)) == (131 / 137, 137, wilson(131, 137))
    assert (tnr.value, tnr.n, (tnr.low, tnr.high)) == (36 / 75, 75, wilson(36, 75))


def test_error_rates_count_shoppers_not_outputs():
    people, judge, shoppers = [False] * 40, [False, False, False, True] * 10, [row // 4 for row in range(40)]

    spread_out = true_negative_rate(people, judge, shoppers)
    by_shopper = true_negative_rate(people, sorted(judge), shoppers)

    assert spread_out.value == by_shopper.value == 0.75
    assert by_shopper.n_clusters == 10
    assert half_width(by_shopper) > 1.5 * half_width(spread_out)


def test_a_rate_without_cases_says_which_are_missing():
    assert true_negative_rate([True], [True]).note == "people failed none of it"
    assert true_positive_rate([False], [True]).note == "people passed none of it"


def test_the_prevalence_warning_comes_with_one_sided_labels_only():
    assert prevalence_warning(confusion(*pairs(BALANCED))) == ""
    assert prevalence_warning(confusion(*pairs(ONE_SIDED))).startswith("87% of all labels are “Yes”")
    assert prevalence_warning(confusion([], [])) == ""
