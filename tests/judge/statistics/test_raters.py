"""How well people label: every expected figure is counted by hand in its test."""

import pytest

from judge.statistics import raters
from judge.statistics.intervals import Estimate, wilson
from judge.statistics.raters import Said, Standing


def said(rater: str, number: int, label: str, **more: object) -> Said:
    """One label on criterion `c`; each output is of another shopper."""
    labels = {"c": label}
    return Said(rater, number, number, labels, **{"final": labels, **more})  # type: ignore[arg-type]


def test_accuracy_is_the_share_of_known_labels_with_wilsons_interval():
    rows = [said("ann", n, "yes" if n < 8 else "no", known={"c": "yes"}, is_sampled=False) for n in range(10)]
    rows.append(said("ann", 99, "yes"))  # nothing is known of it

    found = raters.accuracy(rows)

    assert (found.value, found.n) == (0.8, 10)
    assert (found.low, found.high) == wilson(8, 10)
    assert raters.accuracy([said("ann", 1, "yes")]).note == raters.NO_GOLD


@pytest.mark.parametrize(
    ("right", "n", "standing"),
    [
        (6, 10, Standing.UNCLEAR),  # 31 to 83 %
        (10, 30, Standing.BELOW),  # 19 to 51 %
        (19, 20, Standing.UNCLEAR),  # 76 to 99 %
        (60, 60, Standing.REACHED),  # 94 to 100 %
    ],
)
def test_who_stands_below_is_only_said_where_the_whole_interval_does(right: int, n: int, standing: Standing):
    low, high = wilson(right, n)

    assert raters.standing(Estimate(right / n, low, high, n, n), 0.8) == standing


def test_without_an_interval_nothing_is_clear():
    assert raters.standing(Estimate(0.0, None, None, 4, 1, "one shopper"), 0.8) == Standing.UNCLEAR
    assert raters.standing(Estimate.unknown("none"), 0.8) == Standing.UNKNOWN


def test_agreement_with_people_is_the_share_of_the_others():
    rows = [said("ann", 1, "yes"), said("ben", 1, "yes"), said("cleo", 1, "no"), said("ann", 2, "yes")]

    everybody, by_person = raters.with_people(rows)

    # Of output 1: ann and ben each have one of two others, cleo none; output 2 has nobody else.
    assert {name: one.value for name, one in by_person.items()} == {"ann": 0.5, "ben": 0.5, "cleo": 0.0}
    assert everybody.value == pytest.approx(1 / 3)


def test_agreement_leaves_out_gold_and_what_was_not_blind():
    rows = [
        said("ann", 1, "yes", judge={"c": "yes"}),
        said("ann", 2, "no", judge={"c": "yes"}, is_sampled=False),
        said("ann", 3, "no", judge={"c": "yes"}, is_blind=False),
        said("ben", 2, "no"),
        said("ben", 3, "no"),
    ]

    assert (raters.with_judge(rows).value, raters.with_judge(rows).n) == (1.0, 1)
    assert raters.with_people(rows)[1] == {}


def test_anchoring_tells_towards_from_away():
    judge = {"c": "yes"}
    moves = [("no", "yes"), ("no", "yes"), ("no", "no"), ("yes", "no"), ("yes", "yes"), ("yes", "yes"), ("no", "half")]
    rows = [said("ann", n, first, final={"c": last}, judge=judge) for n, (first, last) in enumerate(moves)]
    rows.append(said("ann", 50, "no", final={"c": "yes"}, judge=judge, is_blind=False))
    rows.append(said("ann", 51, "no", final={"c": "yes"}))  # the judge has not labelled it

    found = raters.anchoring(rows)

    assert (found.n_towards, found.n_away, found.n_elsewhere, found.n_revised) == (2, 1, 1, 4)
    assert found.revised.value == pytest.approx(4 / 7)
    assert found.revised.n == 7
    assert (found.followed.value, found.followed.n) == (0.5, 4)  # two of the four that differed
    assert found.left.value == pytest.approx(1 / 3)
    assert found.left.n == 3
    assert (found.towards.value, found.towards.n) == (0.5, 4)
    assert (found.revised.low, found.revised.high) == wilson(4, 7)


def test_nothing_revealed_has_no_figure_and_says_why():
    found = raters.anchoring([said("ann", 1, "yes")])

    assert (found.revised.value, found.revised.note) == (None, raters.NO_REVEAL)
    assert found.towards.note == raters.NO_REVISION
