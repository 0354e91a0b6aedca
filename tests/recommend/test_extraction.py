"""Which behaviours reach the model."""

from datetime import UTC, datetime
from typing import get_args

import pytest

from recommend.extraction import BehaviorKind, Event, Reliability, reliable

AT = datetime(2018, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("kind", ["search", "purchase", "favourite", "cart", "detail_view", "review_read"])
def test_intentional_behaviour_is_kept(kind):
    event = Event(kind, "tea", AT)

    assert reliable([event]) == [event]


@pytest.mark.parametrize("kind", ["click", "return"])
def test_clicks_and_returns_are_dropped(kind):
    assert reliable([Event(kind, "tea", AT)]) == []


def test_every_kind_is_either_kept_or_dropped_on_purpose():
    kept = {event.kind for event in reliable(Event(kind, "tea", AT) for kind in get_args(BehaviorKind))}

    assert set(get_args(BehaviorKind)) - kept == {"click", "return"}


def test_a_long_look_does_not_make_an_ordinary_click_deliberate():
    assert reliable([Event("click", "tea", AT, dwell_s=300.0)]) == []


def test_order_is_kept():
    events = [Event("search", "tea", AT), Event("click", "tea", AT), Event("purchase", "tea", AT)]

    assert [event.kind for event in reliable(events)] == ["search", "purchase"]


@pytest.mark.parametrize(("dwell_s", "counts"), [(None, False), (9.9, False), (10.0, True), (300.0, True)])
def test_a_click_is_deliberate_from_the_dwell_that_is_asked_for(dwell_s, counts):
    events = [Event("click", "tea", AT, dwell_s=dwell_s), Event("return", "tea", AT, dwell_s=300.0)]

    assert reliable(events, Reliability(deliberate_s=10.0)) == events[: int(counts)]


def test_kinds_of_one_s_own_replace_the_usual_ones():
    events = [Event(kind, "tea", AT) for kind in get_args(BehaviorKind)]

    kept = reliable(events, Reliability(kinds=frozenset({"return", "cart"})))

    assert {event.kind for event in kept} == {"return", "cart"}
