"""Dawid and Skene's model, against their own table, a plain implementation of it, and what must always hold."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.statistics import consensus as subject
from judge.statistics.consensus import DOUBTFUL, Consensus, Rated, best_naming, consensus, dawid_skene

# Five anaesthetists on the fitness of 45 patients, 1 to 4, the first of them three times (Dawid and Skene 1979,
# Journal of the Royal Statistical Society C 28, 20–28, table 1): for each patient the labels of observers 1 to 5.
PATIENTS = """
111 1 1 1 1|333 4 3 3 4|112 2 1 2 2|222 3 1 2 1|222 3 2 2 2|222 3 3 2 2|122 2 1 1 1|333 3 4 3 3|222 2 2 2 3|
232 2 2 2 3|444 4 4 4 4|222 3 3 4 3|111 1 1 1 1|222 3 2 1 2|121 1 1 1 1|111 2 1 1 1|111 1 1 1 1|111 1 1 1 1|
222 2 2 2 1|222 1 3 2 2|222 2 2 2 2|222 2 2 2 1|222 3 2 2 2|221 2 2 2 2|111 1 1 1 1|111 1 1 1 1|232 2 2 2 2|
111 1 1 1 1|111 1 1 1 1|112 1 1 2 1|111 1 1 1 1|333 3 2 3 3|111 1 1 1 1|222 2 2 2 2|222 3 2 3 2|433 4 3 4 3|
221 2 2 3 2|232 3 2 3 3|333 3 4 3 2|111 1 1 1 1|111 1 1 1 1|121 2 1 1 1|232 2 2 2 2|121 1 1 1 1|222 2 2 2 2
"""
SCALE = (1, 2, 3, 4)


def anaesthetists() -> list[Rated]:
    rows = []
    for patient, said in enumerate(PATIENTS.replace("\n", "").split("|"), start=1):
        for observer, labels in enumerate(said.split(), start=1):
            rows += [Rated(patient, observer, int(label), patient) for label in labels]
    return rows


def plainly(rows: Sequence[Any], k: int, smoothing: float, n_steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The equations 2.3 to 2.5 of the paper, cell by cell: posterior, prevalence and error rates after `n_steps`."""
    n, m = max(row.output for row in rows) + 1, max(row.rater for row in rows) + 1
    counts = np.zeros((n, m, k))
    for row in rows:
        counts[row.output, row.rater, row.label] += 1
    posterior = counts.sum(axis=1) / counts.sum(axis=(1, 2))[:, None]
    prevalence, errors = np.zeros(k), np.zeros((m, k, k))
    for step in range(n_steps + 1):
        for true in range(k):
            prevalence[true] = (posterior[:, true].sum() + smoothing / k) / (n + smoothing)
            for rater in range(m):
                for label in range(k):
                    prior = smoothing * ((true == label) / 2 + 1 / (2 * k))
                    errors[rater, true, label] = (posterior[:, true] * counts[:, rater, label]).sum() + prior
                errors[rater, true] /= errors[rater, true].sum() or 1.0
        if step == n_steps:
            break
        for output in range(n):
            for true in range(k):
                posterior[output, true] = prevalence[true] * (errors[:, true] ** counts[output]).prod()
            posterior[output] /= posterior[output].sum()
    return posterior, prevalence, errors


def posterior(found: Consensus) -> np.ndarray:
    return np.array([[one.probabilities[label] for label in found.labels] for one in found.outputs])


def crowd(abilities: Sequence[float], n: int, seed: int, prevalence: float = 0.5) -> tuple[list[Rated], np.ndarray]:
    """Labels 0 and 1 of raters who are right with these probabilities, and the truth."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(n) < prevalence).astype(int)
    rows = [
        Rated(output, rater, int(truth[output] if rng.random() < right else 1 - truth[output]), output % 50)
        for output in range(n)
        for rater, right in enumerate(abilities)
    ]
    return rows, truth


def test_the_anaesthetists_come_out_as_in_the_paper():
    found = dawid_skene(anaesthetists(), SCALE, smoothing=0)

    assert found.converged
    assert not found.realigned
    # Tables 2 and 3 of the paper, to its digits.
    assert [round(found.prevalence[label], 2) for label in SCALE] == [0.40, 0.42, 0.11, 0.07]
    first = found.raters[0]
    assert first.n == 135
    assert np.round(first.matrix, 2).tolist() == [
        [0.89, 0.11, 0.0, 0.0],
        [0.07, 0.88, 0.05, 0.0],
        [0.0, 0.34, 0.66, 0.0],
        [0.0, 0.0, 0.56, 0.44],
    ]
    # Of patient 3 the first observer said 1, 1, 2 and the others 2, 1, 2, 2: the paper is sure that it is a 2.
    third = found.outputs[2]
    assert (third.label, third.n, third.certainty > 0.99) == (2, 7, True)


@pytest.mark.parametrize("smoothing", [0.0, 2.0])
def test_it_does_what_the_equations_say(smoothing: float):
    rows = [Rated(row.output - 1, row.rater - 1, row.label - 1, 0) for row in anaesthetists()]  # type: ignore[operator]

    found = dawid_skene(rows, range(4), smoothing=smoothing)

    by_hand, prevalence, errors = plainly(rows, 4, smoothing, found.n_steps)
    assert posterior(found) == pytest.approx(by_hand, abs=1e-12)
    assert list(found.prevalence.values()) == pytest.approx(prevalence.tolist())
    assert np.array([rater.matrix for rater in found.raters]) == pytest.approx(errors, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 7), st.integers(0, 3), st.integers(0, 2)),
        min_size=1,
        max_size=60,
        unique_by=lambda r: r[:2],
    )
)
def test_whatever_is_missing_it_does_what_the_equations_say(said: list[tuple[int, int, int]]):
    outputs = {output: place for place, output in enumerate(dict.fromkeys(output for output, _, _ in said))}
    raters = {rater: place for place, rater in enumerate(dict.fromkeys(rater for _, rater, _ in said))}
    rows = [Rated(outputs[output], raters[rater], label, 0) for output, rater, label in said]

    found = dawid_skene(rows, range(3))

    assert posterior(found).sum(axis=1) == pytest.approx(np.ones(len(outputs)))
    if not found.realigned:
        assert posterior(found) == pytest.approx(plainly(rows, 3, subject.SMOOTHING, found.n_steps)[0], abs=1e-9)


def test_good_raters_outvote_more_who_guess():
    rows, truth = crowd([0.9, 0.85, 0.9, 0.5, 0.5, 0.5, 0.5], 600, seed=4)

    found = dawid_skene(rows, (0, 1))

    votes = np.zeros(600)
    for row in rows:
        votes[row.output] += row.label  # type: ignore[call-overload]
    by_majority = ((votes > 3.5) == truth).mean()
    by_consensus = np.mean([one.label == true for one, true in zip(found.outputs, truth, strict=True)])
    assert by_consensus > 0.95
    assert by_consensus > by_majority + 0.05
    accuracies = [rater.accuracy for rater in found.raters]
    assert accuracies == pytest.approx([0.9, 0.85, 0.9, 0.5, 0.5, 0.5, 0.5], abs=0.06)


def test_certainty_is_as_often_right_as_it_says():
    rows, truth = crowd([0.8, 0.75, 0.7], 2_000, seed=8, prevalence=0.7)

    found = dawid_skene(rows, (0, 1))

    right = np.array([one.label == true for one, true in zip(found.outputs, truth, strict=True)])
    promised = np.array([one.certainty for one in found.outputs])
    assert right.mean() == pytest.approx(promised.mean(), abs=0.03)
    doubtful = promised < DOUBTFUL
    assert right[doubtful].mean() == pytest.approx(promised[doubtful].mean(), abs=0.06)
    assert right[~doubtful].mean() > right[doubtful].mean() + 0.1


def test_exchanged_classes_are_put_back():
    rows, truth = crowd([0.9, 0.85, 0.8], 300, seed=1, prevalence=0.3)
    wrong: dict[Hashable, Sequence[float]] = {
        output: [float(true), float(1 - true)] for output, true in enumerate(truth)
    }

    found = dawid_skene(rows, (0, 1), smoothing=0, start=wrong)

    expected = dawid_skene(rows, (0, 1), smoothing=0)
    assert (found.realigned, expected.realigned) == (True, False)
    assert posterior(found) == pytest.approx(posterior(expected), abs=1e-3)
    assert not any(rater.reversed for rater in found.raters)


def test_three_classes_are_named_as_raters_name_them():
    counts = np.array([[1.0, 7.0, 0.0], [0.0, 1.0, 9.0], [5.0, 0.0, 1.0]])

    assert best_naming(counts) == (2, 0, 1)
    assert best_naming(np.ones((3, 3))) == (0, 1, 2)


def test_a_rater_who_says_the_opposite_is_found_out_and_still_useful():
    rows, truth = crowd([0.9, 0.9, 0.9, 0.1], 400, seed=5)

    found = dawid_skene(rows, (0, 1))

    assert [rater.reversed for rater in found.raters] == [False, False, False, True]
    assert np.mean([one.label == true for one, true in zip(found.outputs, truth, strict=True)]) > 0.97


def test_two_raters_are_not_enough():
    rows, _ = crowd([0.9, 0.9], 200, seed=2)

    found = consensus(rows, (0, 1))

    assert (found.outputs, found.raters) == ((), ())
    assert "it takes 3 raters who labelled the same outputs" in found.note
    assert found.note.endswith("there are 2")


def test_a_third_rater_who_shares_no_output_does_not_count():
    rows, _ = crowd([0.9, 0.9], 200, seed=2)

    found = consensus([*rows, Rated(999, "alone", 1, 1)], (0, 1))

    assert found.note.endswith("there are 2")
    assert consensus([], (0, 1)).note.endswith("there are none")


def test_few_shared_outputs_are_refused():
    rows, _ = crowd([0.9, 0.9, 0.8], 20, seed=2)

    assert "30" in consensus(rows, (0, 1)).note


def test_enough_of_both_gives_a_consensus():
    rows, _ = crowd([0.9, 0.9, 0.8], 60, seed=2)

    found = consensus(rows, (0, 1))

    assert found.note == ""
    assert (found.n_outputs, len(found.outputs)) == (60, 60)
    assert sum(found.prevalence.values()) == pytest.approx(1.0)


def test_a_label_off_the_scale_is_named():
    with pytest.raises(ValueError, match="'Perhaps' is not on the scale"):
        dawid_skene([Rated(1, 1, "Perhaps", 1)], ("Yes", "No"))
