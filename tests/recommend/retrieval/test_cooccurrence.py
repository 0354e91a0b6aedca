"""The collaborative arm, with numbers worked out by hand."""

from uuid import UUID

import numpy as np
import pytest

from recommend.retrieval.cooccurrence import Cooccurrence, fit

IDS = [UUID(int=n << 64 | n) for n in range(1, 5)]
A, B, C, D = IDS


def fitted(*histories: list[UUID], **options) -> Cooccurrence:
    shoppers = [number for number, history in enumerate(histories) for _ in history]
    items = [IDS.index(item) for history in histories for item in history]
    ids = np.array([item.bytes for item in IDS], dtype="V16")
    return fit(np.array(shoppers, dtype=int), np.array(items, dtype=int), ids, **options)


def test_followers_count_by_one_over_their_distance() -> None:
    model = fitted([A, B, C])

    scores = model.scores([A])

    # B follows A at distance 1, C at distance 2; all items are equally popular.
    assert scores == pytest.approx({B: 1.0, C: 0.5})


def test_cooccurrence_has_a_direction() -> None:
    model = fitted([A, B], [A, B], [A, B])

    assert model.scores([A]) == {B: 1.0}
    assert model.scores([B]) == {}


def test_one_shopper_does_not_lead_into_the_next() -> None:
    model = fitted([A], [B])

    assert model.scores([A]) == {}


def test_popular_followers_are_damped() -> None:
    # After A: B once and C once at distance 1, but C is 16 times as popular: 16 ** -0.25 = 1/2.
    model = fitted([A, B], [A, C], *[[C]] * 15, [A], [B], [B])

    scores = model.scores([A])

    assert scores[B] == 1.0
    assert scores[C] == pytest.approx(3**0.25 / 16**0.25)


def test_recent_items_vote_louder() -> None:
    model = fitted(*[[A, C]] * 3, *[[B, D]] * 3)

    scores = model.scores([A, B])

    # B is the last item (age 0), A the one before (age 1, a vote of e^(-1/3)).
    assert scores == pytest.approx({D: 1.0, C: np.exp(-1 / 3)})


def test_rare_items_have_no_neighbours() -> None:
    model = fitted([A, B], *[[C, D]] * 5)

    assert model.scores([A]) == {}


def test_only_the_best_followers_are_kept() -> None:
    model = fitted([A, B, C, D], n_followers=1)

    assert model.scores([A]) == {B: 1.0}


def test_unknown_items_and_an_empty_history_do_not_vote() -> None:
    model = fitted([A, B])

    assert model.scores([UUID(int=99)]) == {}
    assert model.scores([]) == {}


def test_no_events_fit_to_a_model_without_votes() -> None:
    assert fitted().scores([A]) == {}


def test_a_stored_model_votes_as_before() -> None:
    model = fitted([A, B, C])

    loaded = Cooccurrence.from_bytes(model.to_bytes())

    assert loaded.scores([A]) == model.scores([A])
