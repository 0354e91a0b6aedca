"""The alternative-annotator test, against the paper's own procedure done with scipy and statsmodels."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_1samp
from statsmodels.stats.multitest import multipletests

from judge.statistics.ceiling import SharedOutput
from judge.statistics.replacement import alternative_annotator_test, benjamini_yekutieli


def panel(seed, accuracies, judge_accuracy, n=80, outputs_per_shopper=1, missing=0.0):
    """n outputs with a true label of three; people and judge give it with their accuracy, else any of the three."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        truth = rng.integers(3)
        said: dict[Hashable, str] = {
            f"p{k}": str(truth if rng.random() < accuracy else rng.integers(3))
            for k, accuracy in enumerate(accuracies)
            if rng.random() >= missing
        }
        judge = str(truth if rng.random() < judge_accuracy else rng.integers(3))
        rows.append(SharedOutput(i // outputs_per_shopper, said, judge, 0.3))
    return rows


def by_the_paper(rows, person, epsilon):
    """rho of the judge, rho of the person and the p-value, as section 3 of the paper defines them."""
    judge_ahead, person_ahead = [], []
    for one in rows:
        if person not in one.people or len(one.people) < 2:
            continue
        others = [label for other, label in one.people.items() if other != person]
        judge = np.mean([label == one.judge for label in others])
        human = np.mean([label == one.people[person] for label in others])
        judge_ahead.append(float(judge >= human))
        person_ahead.append(float(human >= judge))
    lag = np.array(person_ahead) - np.array(judge_ahead)
    return np.mean(judge_ahead), np.mean(person_ahead), ttest_1samp(lag, epsilon, alternative="less").pvalue


@pytest.mark.parametrize("epsilon", [0.1, 0.15, 0.2])
@pytest.mark.parametrize("judge_accuracy", [0.4, 0.7, 0.9])
def test_it_is_the_papers_test_where_each_shopper_has_one_output(epsilon, judge_accuracy):
    rows = panel(5, [0.9, 0.7, 0.6, 0.8], judge_accuracy, missing=0.2)

    result = alternative_annotator_test(rows, epsilon)

    expected: dict[Hashable, Any] = {person: by_the_paper(rows, person, epsilon) for person in ("p0", "p1", "p2", "p3")}
    assert {one.person for one in result.contests} == set(expected)
    for one in result.contests:
        ours = (one.judge_ahead.value, one.person_ahead.value, one.p_value)
        assert ours == pytest.approx(expected[one.person], abs=1e-10)
    people = [one.person for one in result.contests]
    rejected = multipletests([expected[one][2] for one in people], alpha=0.05, method="fdr_by")[0]
    assert [one.wins for one in result.contests] == rejected.tolist()
    assert result.winning_rate == pytest.approx(rejected.mean())


def test_benjamini_and_yekutielis_procedure_equals_statsmodels():
    rng = np.random.default_rng(1)
    for _ in range(200):
        p_values = (rng.random(rng.integers(1, 9)) ** 4).tolist()

        assert benjamini_yekutieli(p_values) == multipletests(p_values, alpha=0.05, method="fdr_by")[0].tolist()


def test_a_good_judge_can_stand_in_and_a_bad_one_cannot():
    good = alternative_annotator_test(panel(1, [0.8, 0.8, 0.8], 0.95, n=120))
    bad = alternative_annotator_test(panel(1, [0.8, 0.8, 0.8], 0.2, n=120))

    assert (good.winning_rate, good.can_stand_in) == (1.0, True)
    assert good.sentence.startswith("Yes, the judge can stand in for a person: against 3 of 3 people")
    assert (bad.winning_rate, bad.can_stand_in) == (0.0, False)
    assert bad.sentence.startswith("No, the judge cannot stand in for a person yet: against 0 of 3 people")


def test_outputs_of_few_shoppers_prove_less():
    alone = panel(2, [0.75, 0.75, 0.75], 0.8, n=60)
    same = [SharedOutput(one.cluster // 6, one.people, one.judge, 0.3) for one in alone for _ in range(6)]

    for once, again in zip(
        alternative_annotator_test(alone).contests, alternative_annotator_test(same).contests, strict=True
    ):
        assert again.n_outputs == 6 * once.n_outputs
        assert again.judge_ahead.n_clusters == 10
        assert again.p_value > once.p_value / 3


def test_a_judge_that_is_always_as_close_wins_without_any_spread():
    rows = [SharedOutput(i, {"a": "Yes", "b": "Yes", "c": "Yes"}, "Yes", 0.3) for i in range(30)]

    result = alternative_annotator_test(rows)

    assert [one.p_value for one in result.contests] == [0.0, 0.0, 0.0]
    assert result.can_stand_in
    assert not alternative_annotator_test([SharedOutput(1, one.people, "Yes", 0.3) for one in rows]).can_stand_in


def test_it_says_who_is_missing():
    nothing = alternative_annotator_test([])
    two = alternative_annotator_test(panel(3, [0.8, 0.8], 0.8))
    short = alternative_annotator_test(panel(3, [0.8, 0.8, 0.8], 0.8, n=29))

    assert nothing.winning_rate is nothing.can_stand_in is None
    assert "so far no output that the judge has labelled was labelled by two people" in nothing.sentence
    assert "takes 3 people who each share 30 judged outputs with somebody else; so far 2 of 2 do" in two.sentence
    assert "so far 0 of 3 do" in short.sentence


def test_people_with_few_shared_outputs_are_left_out():
    rows = panel(4, [0.8, 0.8, 0.8], 0.8)
    rows[0] = SharedOutput(0, {**rows[0].people, "guest": "1"}, rows[0].judge, 0.3)

    assert {one.person for one in alternative_annotator_test(rows).contests} == {"p0", "p1", "p2"}


def test_unknown_probabilities_are_said_to_limit_the_answer():
    rows = [SharedOutput(one.cluster, one.people, one.judge, None) for one in panel(1, [0.8] * 3, 0.9)]

    assert "reviewed outputs only" in alternative_annotator_test(rows).scope_warning
    assert alternative_annotator_test(panel(1, [0.8] * 3, 0.9)).scope_warning == ""
