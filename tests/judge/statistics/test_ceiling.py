"""People among themselves beside the judge with people, against figures worked out by hand."""

import numpy as np
import pytest

from judge.statistics.agreement import gwet_ac, krippendorff_alpha
from judge.statistics.ceiling import SharedOutput, human_ceiling
from judge.statistics.intervals import proportion
from tests.judge.statistics.figures import limits, value

SCALE = ("Yes", "No")


def shared(people, judge, cluster, inclusion=0.5):
    """One output; `people` and `judge` are strings of Y and N, a person a letter."""
    words = {"Y": "Yes", "N": "No"}
    return SharedOutput(cluster, {f"p{i}": words[one] for i, one in enumerate(people)}, words.get(judge), inclusion)


def test_agreement_among_people_counts_pairs_and_an_output_once():
    rows = [shared("YY", "Y", 1), shared("YN", "Y", 2), shared("YYN", "N", 3)]

    ceiling = human_ceiling("relevance", rows, SCALE)

    # Pairs alike: 1 of 1, 0 of 1, 1 of 3. Judge alike: 2 of 2, 1 of 2, 1 of 3.
    assert ceiling.people.raw.value == pytest.approx((1 + 0 + 1 / 3) / 3)
    assert ceiling.judge.raw.value == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    assert ceiling.difference.value == pytest.approx((0 + 1 / 2 + 0) / 3)
    assert (ceiling.n_outputs, ceiling.n_people, ceiling.people.raw.n) == (3, 3, 3)


def test_coefficients_are_those_of_the_same_labels():
    rng = np.random.default_rng(3)
    rows = [shared("".join(rng.choice(["Y", "N"], 2, p=[0.7, 0.3])), "Y", i // 2) for i in range(60)]
    ratings = [tuple(one.people.values()) for one in rows]
    clusters = [one.cluster for one in rows]

    ceiling = human_ceiling("relevance", rows, SCALE)

    assert ceiling.people.ac1 == gwet_ac(ratings, clusters, labels=SCALE, weights=[2.0] * 60)
    assert value(ceiling.people.alpha) == pytest.approx(value(krippendorff_alpha(ratings, clusters, labels=SCALE)))
    assert ceiling.people.raw == proportion([a == b for a, b in ratings], clusters, [2.0] * 60)


def test_a_judge_worse_than_people_is_said_to_fall_short_by_so_many_points():
    # People agree on 55 of 60; the judge agrees with them on 40 of those.
    rows = [shared("YY", "Y" if i < 40 else "N", i) if i < 55 else shared("YN", "Y", i) for i in range(60)]

    ceiling = human_ceiling("relevance", rows, SCALE)

    assert value(ceiling.difference) == pytest.approx((40 + 5 * 0.5) / 60 - 55 / 60)
    low, high = limits(ceiling.difference)
    assert high < 0
    assert ceiling.sentence == (
        "Two people gave the same label to 92% of the 60 outputs they share (82–96%); judge and person to 71% "
        f"(58–81%). The judge falls short of people by {round(-100 * high)} to {round(-100 * low)} points: "
        "there is that much left to gain."
    )


def test_a_judge_as_good_as_people_is_not_called_better():
    rows = [shared("YN" if i % 5 == 0 else "YY", "YN"[i % 10 == 1], i) for i in range(60)]

    assert "No difference shows" in human_ceiling("relevance", rows, SCALE).sentence


def test_a_judge_between_people_who_disagree_is_closer_to_each():
    rows = [shared("YN", "Y", i) if i % 3 else shared("YY", "Y", i) for i in range(60)]

    assert "closer to people than they are to each other" in human_ceiling("relevance", rows, SCALE).sentence


def test_weights_undo_a_sample_that_preferred_disagreements():
    rows = [shared("YN", "Y", i, 1.0) for i in range(10)] + [shared("YY", "Y", 10 + i, 1 / 9) for i in range(10)]

    ceiling = human_ceiling("relevance", rows, SCALE)

    assert ceiling.people.raw.value == pytest.approx(0.9)
    assert ceiling.scope_warning == ""


def test_outputs_of_unknown_probability_are_compared_and_said_to_stand_for_themselves_only():
    ceiling = human_ceiling("relevance", [shared("YN", "Y", i, None) for i in range(10)], SCALE)

    assert ceiling.people.raw.value == 0
    assert "reviewed outputs only" in ceiling.scope_warning


def test_without_shared_outputs_it_says_what_overlap_to_set():
    ceiling = human_ceiling("relevance", [], SCALE)

    assert ceiling.people.raw.value is ceiling.judge.ac1.value is ceiling.difference.value is None
    assert ceiling.sentence.startswith(
        "How far people agree is unknown: no output has been labelled by two people. "
        "Open a campaign with an overlap of 2 that draws 10 to 20%"
    )


def test_people_have_a_ceiling_before_the_judge_has_said_anything():
    ceiling = human_ceiling("relevance", [shared("YY", "-", i) for i in range(12)], SCALE)

    assert ceiling.people.raw.value == 1
    assert ceiling.judge.raw.note == "the judge has labelled none of what two people labelled"
    assert ceiling.sentence.endswith("; the judge has labelled none of what two people labelled.")
