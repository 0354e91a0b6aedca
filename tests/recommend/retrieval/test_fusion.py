"""Fusion keeps the identity of the report: beta 1 is the collaborative order, beta 0 the semantic one."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommend.retrieval.fusion import Candidate, fuse

unit = st.floats(0, 1, width=32)


def candidate(n: int, collaborative: float, *similarities: float, group: str = "") -> Candidate:
    return Candidate(UUID(int=n), group or str(n), collaborative, similarities)


candidates = st.lists(st.tuples(unit, unit, unit), min_size=1, max_size=20).map(
    lambda rows: [candidate(n, col, one, two) for n, (col, one, two) in enumerate(rows)]
)


@given(candidates, unit)
def test_the_score_is_the_weighted_sum_of_its_parts(pool: list[Candidate], beta: float) -> None:
    for found in fuse(pool, beta=beta, n=len(pool)):
        if found.tag is not None:
            assert found.score == pytest.approx(beta * found.collaborative + (1 - beta) * found.semantic)


@given(candidates)
def test_beta_1_ranks_by_the_collaborative_arm_alone(pool: list[Candidate]) -> None:
    found = [one.collaborative for one in fuse(pool, beta=1.0, n=len(pool))]

    assert found == sorted(found, reverse=True)


@given(candidates)
def test_beta_0_ranks_by_the_semantic_arm_alone(pool: list[Candidate]) -> None:
    found = [one.semantic for one in fuse(pool, beta=0.0, n=len(pool))]

    assert found == sorted(found, reverse=True)


def test_the_nearest_tag_is_named() -> None:
    (found,) = fuse([candidate(1, 0.5, 0.2, 0.9, 0.4)], beta=0.5, n=1)

    assert found.tag == 1
    assert found.semantic == 1.0


def test_without_tags_the_collaborative_arm_speaks_alone() -> None:
    found = fuse([candidate(1, 0.5), candidate(2, 1.0)], beta=0.0, n=2)

    assert [(one.item_id.int, one.score, one.tag) for one in found] == [(2, 1.0, None), (1, 0.5, None)]


def test_a_group_gives_one_item() -> None:
    pool = [candidate(1, 1.0, 0.5, group="chips"), candidate(2, 0.9, 0.5, group="chips"), candidate(3, 0.1, 0.5)]

    assert [one.item_id.int for one in fuse(pool, beta=1.0, n=3)] == [1, 3]


def test_a_beta_outside_0_to_1_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"beta is 1\.5"):
        fuse([candidate(1, 1.0, 1.0)], beta=1.5, n=1)
