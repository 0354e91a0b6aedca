"""The collaborative arm, with numbers worked out by hand."""

import io
from collections.abc import Sequence
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommend.retrieval.cooccurrence import Cooccurrence, Shape, fit

IDS = [UUID(int=n << 64 | n) for n in range(1, 5)]
A, B, C, D = IDS
PLAIN = {"damping": 0.0, "backward": 0.0}


def fitted(*histories: Sequence[UUID | set[UUID]], **shape) -> Cooccurrence:
    """A model of these shoppers; a set of items is a basket, taken at one moment."""
    events = [
        (shopper, IDS.index(item), moment)
        for shopper, history in enumerate(histories)
        for moment, taken in enumerate(history)
        for item in (sorted(taken) if isinstance(taken, set) else [taken])
    ]
    shoppers, items, moments = np.array(events, dtype=int).reshape(-1, 3).T
    ids = np.array([item.bytes for item in IDS], dtype="V16")
    return fit(shoppers, items, moments, ids, shape=Shape(**shape))


def votes(model: Cooccurrence, *history: UUID) -> dict[UUID, float]:
    return model.scores([[item] for item in history])


def test_followers_count_by_one_over_their_distance() -> None:
    model = fitted([A, B, C], **PLAIN)

    # B follows A at distance 1, C at distance 2.
    assert votes(model, A) == pytest.approx({B: 1.0, C: 0.5})


def test_a_basket_is_one_step_and_its_items_have_no_order() -> None:
    model = fitted([{A, B}, C], **PLAIN)

    # A and B vote for each other by 1 as for C, which follows both at distance 1.
    assert votes(model, A) == {B: 1.0, C: 1.0}
    assert votes(model, B) == {A: 1.0, C: 1.0}


def test_a_basket_does_not_count_an_item_after_itself() -> None:
    shoppers, items, moments = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]), np.array([5, 5, 6, 1])
    ids = np.array([item.bytes for item in IDS], dtype="V16")

    model = fit(shoppers, items, moments, ids, shape=Shape(backward=0.0))

    assert votes(model, A) == {B: 1.0}


def test_cooccurrence_has_a_direction() -> None:
    histories = [[A, B], [A, B], [A, B]]

    assert votes(fitted(*histories, backward=0.0), B) == {}
    assert votes(fitted(*histories, backward=0.5), B) == {A: 1.0}


def test_what_came_before_votes_at_its_own_weight() -> None:
    model = fitted([C, A, B], backward=0.5, damping=0.0)

    assert votes(model, A) == pytest.approx({B: 1.0, C: 0.5})


def test_items_that_are_taken_again_vote_for_themselves() -> None:
    histories = [[A, A, B], [B]]

    # One of two takings of A was followed by another; B was never taken again. The vote of A for B is 1.
    assert votes(fitted(*histories, **PLAIN), A) == pytest.approx({B: 1.0, A: 0.5})
    assert votes(fitted(*histories, loyalty=4.0, **PLAIN), A) == pytest.approx({A: 1.0, B: 0.5})
    assert votes(fitted(*histories, loyalty=0.0, **PLAIN), A) == {B: 1.0}


def test_a_habit_fades_by_its_own_measure() -> None:
    model = fitted([A, A, B], [B], loyalty=4.0, recency=1.0, habit=2.0, **PLAIN)

    # At age 1 A has a vote of 4 × 1/2 × e^(-1/2) for itself, and of e^(-1) for B.
    assert votes(model, A, UUID(int=99)) == pytest.approx({A: 1.0, B: np.exp(-1) / (2 * np.exp(-1 / 2))})


def test_taking_two_at_once_is_not_taking_it_again() -> None:
    shoppers, items, moments = np.array([0, 0, 1, 1]), np.array([0, 0, 0, 0]), np.array([5, 5, 6, 7])
    ids = np.array([item.bytes for item in IDS], dtype="V16")

    assert fit(shoppers, items, moments, ids).returns.tolist() == [0.25, 0.0, 0.0, 0.0]


def test_items_beyond_the_window_do_not_cooccur() -> None:
    model = fitted([A, B, C], window=1, **PLAIN)

    assert votes(model, A) == {B: 1.0}


def test_one_shopper_does_not_lead_into_the_next() -> None:
    assert votes(fitted([A], [B]), A) == {}


def test_popular_followers_are_damped() -> None:
    # After A: B once and C once at distance 1, but C is taken 16 times, B 3 times.
    model = fitted([A, B], [A, C], *[[C]] * 15, [A], [B], [B], damping=0.25)

    assert votes(model, A) == pytest.approx({B: 1.0, C: 3**0.25 / 16**0.25})


def test_recent_moments_vote_louder() -> None:
    model = fitted(*[[A, C]] * 3, *[[B, D]] * 3, backward=0.0, recency=3.0)

    # B is the last moment (age 0), A the one before (age 1, a vote of e^(-1/3)).
    assert votes(model, A, B) == pytest.approx({D: 1.0, C: np.exp(-1 / 3)})
    assert model.scores([[A, B]]) == pytest.approx({C: 1.0, D: 1.0})


def test_rare_items_have_no_neighbours() -> None:
    assert votes(fitted([A, B], *[[C, D]] * 5), A) == {}


def test_only_the_best_followers_are_kept() -> None:
    model = fitted([A, B, C, D], n_followers=1, **PLAIN)

    assert votes(model, A) == {B: 1.0}


def test_unknown_items_and_an_empty_history_do_not_vote() -> None:
    model = fitted([A, B])

    assert votes(model, UUID(int=99)) == {}
    assert model.scores([]) == {}


def test_who_votes_for_an_item_is_told_with_the_share_of_each() -> None:
    # A follows from B at distance 1 and from C at distance 2; D from none.
    model = fitted([C, B, A], [C, B, A], [C, B, A], recency=1.0, **PLAIN)

    # B shares its one vote with nobody; C gives a third of its own to A (1/2 of 1 + 1/2), and e times less, one moment
    # earlier.
    found = model.votes_for(A, [[C], [B]])

    from_c = (1 / 3) * np.exp(-1)
    assert list(found) == [B, C]
    assert found == pytest.approx({B: 1 / (1 + from_c), C: from_c / (1 + from_c)})
    assert model.votes_for(D, [[C], [B]]) == {}
    assert model.votes_for(UUID(int=99), [[C], [B]]) == {}


def test_what_comes_back_votes_for_itself_among_others() -> None:
    model = fitted([A, B, A, B], [A, B, A, B], [A, B, A, B])

    found = model.votes_for(A, [[A], [B]])

    assert set(found) == {A, B}
    assert sum(found.values()) == pytest.approx(1.0)


@given(history=st.lists(st.lists(st.sampled_from(IDS), min_size=1, max_size=3), max_size=8))
def test_the_votes_for_an_item_are_those_that_its_voters_have(history: list[list[UUID]]) -> None:
    model = fitted([A, B, C, D, A], [B, {A, C}, D, B], [D, C, B, A, D])

    for number, item in enumerate(IDS):
        alone = {
            one: model.votes([[taken for taken in moment if taken == one] for moment in history])[number] for one in IDS
        }
        total = model.votes(history)[number]
        expected = {one: vote / total for one, vote in alone.items() if vote > 0}
        assert model.votes_for(item, history) == pytest.approx(expected)


def test_no_events_fit_to_a_model_without_votes() -> None:
    assert votes(fitted(), A) == {}


def test_a_stored_model_votes_as_before() -> None:
    model = fitted([A, B, C], recency=7.0)

    loaded = Cooccurrence.from_bytes(model.to_bytes())

    assert (loaded.recency, loaded.habit) == (7.0, 30.0)
    assert votes(loaded, A, B) == votes(model, A, B)


def test_a_model_stored_before_it_named_its_recency_has_that_of_then() -> None:
    model = fitted([A, B, C], recency=7.0)
    older = io.BytesIO()
    np.savez(older, items=model.items, indptr=model.indptr, followers=model.followers, weights=model.weights)

    loaded = Cooccurrence.from_bytes(older.getvalue())

    assert loaded.recency == 3.0
    assert votes(loaded, A) == votes(fitted([A, B, C], recency=3.0), A)
