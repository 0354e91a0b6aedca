"""Agreement on sets, against NLTK's figures, the published distances, and alpha of single labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.statistics.agreement import krippendorff_alpha
from judge.statistics.sets import jaccard, jaccard_distance, masi, masi_distance, set_agreement, set_alpha
from tests.judge.statistics.figures import limits, value

UNITS = [
    ("ab", "ab", "a"),
    ("abc", "bc", None),
    ("d", "d", "d"),
    ("", "a", "ab"),
    ("bd", "ac", "bd"),
    ("abcd", "abcd", "abc"),
    ("c", None, "c"),
    ("ad", "d", "a"),
]
RATED = [[None if one is None else frozenset(one) for one in row] for row in UNITS]
sets = st.frozensets(st.integers(0, 5), max_size=6)


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [
        # Passonneau 2006, section 3: 1 for the same set, 2/3 for one in the other, 1/3 for an overlap, 0 for none.
        ("ab", "ab", 0),
        ("abc", "ab", 1 - 2 / 3 * 2 / 3),
        ("abc", "bcd", 1 - 1 / 3 * 2 / 4),
        ("ab", "cd", 1),
        ("", "", 0),
        ("", "a", 1),
    ],
)
def test_masi_is_that_of_the_paper(a: str, b: str, distance: float):
    assert masi_distance(set(a), set(b)) == pytest.approx(distance)


def test_jaccard_leaves_out_how_they_overlap():
    assert jaccard_distance(set("abc"), set("bcd")) == pytest.approx(1 / 2)
    assert (jaccard_distance(set(), set()), jaccard_distance(set(), {"a"})) == (0, 1)


def test_alphas_are_those_of_nltk():
    """NLTK 3.10.4: AnnotationTask(data, distance).alpha(), with its jaccard_distance and masi_distance, two empty sets
    taken to be the same."""
    found = set_agreement(RATED)

    assert value(found.jaccard) == pytest.approx(0.4501510574018128, abs=1e-12)
    assert value(found.masi) == pytest.approx(0.4066726780883677, abs=1e-12)
    assert (found.n_units, found.n_raters) == (8, 3)


def test_common_members_are_averaged_over_pairs_and_then_over_units():
    found = set_agreement([[frozenset("ab"), frozenset("a"), frozenset("ab")], [frozenset("c"), frozenset("d"), None]])

    assert value(found.overlap) == pytest.approx(((0.5 + 1 + 0.5) / 3 + 0) / 2)


@given(st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=4), min_size=2, max_size=20))
def test_sets_of_one_are_single_labels(units: list[list[int]]):
    width = max(len(row) for row in units)
    alpha = krippendorff_alpha([[*row, *[None] * (width - len(row))] for row in units])

    for distance in (jaccard, masi):
        found = set_alpha([[frozenset([one]) for one in row] for row in units], distance)
        if alpha.value is None:
            assert found.value is None
        else:
            assert value(found) == pytest.approx(alpha.value)


@given(sets, sets)
def test_distances_are_symmetric_and_masi_is_the_stricter(a: frozenset[int], b: frozenset[int]):
    for distance in (jaccard_distance, masi_distance):
        assert distance(a, b) == pytest.approx(distance(b, a))
        assert 0 <= distance(a, b) <= 1
        assert (distance(a, b) == 0) == (a == b)
    assert masi_distance(a, b) >= jaccard_distance(a, b) - 1e-12


def test_a_unit_weighted_twice_counts_as_two():
    rng = np.random.default_rng(3)
    units = [[frozenset(np.flatnonzero(rng.random(5) < 0.7).tolist()) for _ in range(2)] for _ in range(30)]

    weighted = set_alpha(units, masi, weights=[2.0] * 10 + [1.0] * 20)
    doubled = set_alpha([*units, *units[:10]], masi)

    # But for the correction for small samples, which counts sets.
    assert value(weighted) == pytest.approx(value(doubled), abs=0.01)


def test_the_interval_counts_shoppers():
    rng = np.random.default_rng(1)
    kinds = [frozenset("ab"), frozenset("abc"), frozenset("c"), frozenset("bd")]
    rows = [
        [kinds[rng.integers(4)] if rng.random() < 0.3 else kinds[place % 4] for _ in range(2)] for place in range(60)
    ]

    apart = set_agreement(rows, list(range(60)))
    alike = set_agreement([row for row in rows for _ in range(3)], [place for place in range(60) for _ in range(3)])

    assert limits(alike.masi) == pytest.approx(limits(apart.masi), abs=0.06)
    assert apart.masi.n_clusters == alike.masi.n_clusters == 60


def test_where_nothing_can_be_computed_it_says_why():
    same = [[frozenset("a"), frozenset("a")]] * 3

    assert set_alpha(same, masi).note == "all sets are the same"
    assert set_agreement([[frozenset("a"), None]]).masi.value is None
    assert set_agreement([]).overlap.note
