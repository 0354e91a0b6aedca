"""Fusion keeps the identity of the report: beta 1 is the collaborative order, beta 0 the semantic one."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommend.retrieval.fusion import MEASURES, Candidate, fuse

unit = st.floats(0, 1, width=32)


def candidate(n: int, collaborative: float, *similarities: float) -> Candidate:
    return Candidate(UUID(int=n), "both", collaborative, similarities)


candidates = st.lists(st.tuples(unit, unit, unit), min_size=1, max_size=20).map(
    lambda rows: [candidate(n, col, one, two) for n, (col, one, two) in enumerate(rows)]
)


@given(candidates, unit, st.sampled_from(MEASURES))
def test_the_score_is_the_weighted_sum_of_its_parts(pool: list[Candidate], beta: float, by) -> None:
    for found in fuse(pool, beta=beta, by=by):
        if found.tag is not None:
            assert found.score == pytest.approx(beta * found.collaborative + (1 - beta) * found.semantic)


@given(candidates, st.sampled_from(MEASURES))
def test_beta_1_ranks_by_the_collaborative_arm_alone(pool: list[Candidate], by) -> None:
    votes = {one.item_id: one.collaborative for one in pool}

    found = [votes[one.item_id] for one in fuse(pool, beta=1.0, by=by)]

    assert found == sorted(found, reverse=True)


@given(candidates, st.sampled_from(MEASURES))
def test_beta_0_ranks_by_the_semantic_arm_alone(pool: list[Candidate], by) -> None:
    found = [one.semantic for one in fuse(pool, beta=0.0, by=by)]

    assert found == sorted(found, reverse=True)


def test_the_nearest_tag_is_named() -> None:
    (found,) = fuse([candidate(1, 0.5, 0.2, 0.9, 0.4)], beta=0.5)

    assert found.tag == 1
    assert found.semantic == 1.0


@pytest.mark.parametrize("by", MEASURES)
def test_without_tags_the_collaborative_arm_speaks_alone(by) -> None:
    found = fuse([candidate(1, 0.5), candidate(2, 1.0)], beta=0.0, by=by)

    assert [(one.item_id.int, one.tag) for one in found] == [(2, None), (1, None)]
    assert [one.score for one in found] == [1.0, 0.5] if by == "value" else [1.0, 61 / 62]


def test_by_rank_an_arm_says_only_who_comes_before_whom() -> None:
    # Collaborative order 1, 2, 3; semantic order 3, 2, and 1 nowhere. The far first place of 1 counts as a place.
    pool = [candidate(1, 1.0, 0.0), candidate(2, 0.02, 0.5), candidate(3, 0.01, 0.6)]

    found = fuse(pool, beta=0.5, by="rank")

    assert [one.item_id.int for one in found] == [3, 2, 1]
    assert [one.score for one in found] == pytest.approx([(61 / 63 + 1) / 2, (61 / 62 + 61 / 62) / 2, 0.5])
    # By value the narrow lead of 3 over 1 rests on one arm alone: .505 to .5.
    assert [one.item_id.int for one in fuse(pool, beta=0.5)] == [3, 1, 2]


def test_equal_values_share_their_place() -> None:
    found = fuse([candidate(1, 0.4), candidate(2, 0.4), candidate(3, 0.2)], beta=1.0, by="rank")

    assert [one.collaborative for one in found] == pytest.approx([1.0, 1.0, 61 / 63])


def test_an_item_keeps_who_brought_it() -> None:
    pool = [
        Candidate(UUID(int=1), "collaborative", 1.0, (0.1,)),
        Candidate(UUID(int=2), "semantic", 0.0, (0.9,)),
    ]

    assert {one.item_id.int: one.arm for one in fuse(pool, beta=0.5)} == {1: "collaborative", 2: "semantic"}


def test_a_beta_outside_0_to_1_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"beta is 1\.5"):
        fuse([candidate(1, 1.0, 1.0)], beta=1.5)
