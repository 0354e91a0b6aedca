"""Packs compute every chat as if it stood alone. Needs the training environment."""

import pytest

pytest.importorskip("torch", reason="torch is in the training environment only (requirements/train.txt)")

from training.adapter.packing import Encoded, pack, packs


def test_shared_beginnings_are_laid_out_once():
    one = Encoded((1, 2, 3, 4), answer_start=3, task="judge")
    two = Encoded((1, 2, 5), answer_start=2, task="judge")

    made = pack([one, two])

    assert made.tokens.tolist() == [1, 2, 3, 4, 5]
    assert made.positions.tolist() == [0, 1, 2, 3, 2]
    assert made.sources.tolist() == [2, 1]
    assert made.targets.tolist() == [4, 5]
    assert [(part.start, part.end) for part in made.segments] == [(0, 2), (2, 4), (4, 5)]


def test_weights_follow_their_targets():
    made = pack([Encoded((1, 2, 3), 1, "judge", weights=(8.0, 1.0)), Encoded((1, 4), 1, "tags")])

    assert made.targets.tolist() == [2, 3, 4]
    assert made.weights.tolist() == [8.0, 1.0, 1.0]


def test_a_branch_sees_its_ancestors_and_not_its_siblings():
    made = pack([Encoded((1, 2, 3, 4), 3, "judge"), Encoded((1, 2, 5), 2, "judge")])

    last = made.segments[-1]

    assert last.n_lead == 2
    assert last.seen.tolist() == []
    assert last.mask.shape == (1, 3)
    assert (last.mask == 0).all()


def test_own_tokens_are_seen_causally():
    (part,) = pack([Encoded((1, 2, 3), 1, "judge")]).segments

    assert [[value == 0 for value in row] for row in part.mask.tolist()] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]


def test_packs_count_shared_tokens_once():
    chats = [Encoded((1, 2, 3, number), 3, "judge") for number in range(10, 16)]

    found = list(packs([chats], max_tokens=6))

    # Three shared tokens and one each: three chats fill six.
    assert [len(group) for group in found] == [3, 3]


def test_no_chat_is_lost_between_packs():
    groups = [[Encoded((number, 2, 3), 1, "tags")] for number in range(7)]

    found = list(packs(groups, max_tokens=7))

    assert sum(len(group) for group in found) == 7
