"""What is left out of a history: oldest first, there the most repeated first, and only as much as must be."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommend import overflow
from recommend.compression import compress, decode
from recommend.extraction import Event
from recommend.periods import period_of

TODAY = date(2018, 1, 1)


def bought(text: str, days_ago: int, quantity: int = 1) -> Event:
    return Event("purchase", text, datetime(2018, 1, 1, 12, tzinfo=UTC) - timedelta(days=days_ago), quantity)


def words(text: str) -> int:
    return len(text.split())


def told(events: list[Event], max_tokens: int) -> str:
    return compress(events, reference=TODAY, max_tokens=max_tokens, count_tokens=words).text


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A period is told in part where seven words are left, as if the room were a large one."""
    monkeypatch.setattr(overflow, "PART_TOKENS", 7)


LIFE = [
    *(bought("soup", day) for day in (1, 2)),
    bought("tea", 1),
    *(bought(text, 400, 3) for text in ("soup", "tea", "rice")),
    bought("beer", 800),
]
NEWEST = (
    "1 day ago (purchased) | tea\n"  # 6 words
    "2 days ago (purchased), 1 day ago (purchased) | soup ×2"  # 11
)


@pytest.mark.usefixtures("small_parts")
def test_of_the_period_that_fits_in_part_what_newer_ones_name_most_goes_first():
    assert told(LIFE, 23) == NEWEST
    assert told(LIFE, 24) == f"{NEWEST}\n1 year ago (purchased) | rice ×3"
    assert told(LIFE, 29) == (
        "2 days ago (purchased), 1 day ago (purchased) | soup ×2\n"
        "1 year ago (purchased), 1 day ago (purchased) | tea ×4\n"
        "1 year ago (purchased) | rice ×3"
    )


@pytest.mark.usefixtures("small_parts")
def test_what_went_is_counted_by_period():
    history = compress(LIFE, reference=TODAY, max_tokens=24, count_tokens=words)

    assert [(period.label, n) for period, n in history.dropped] == [("2 years ago", 1), ("1 year ago", 2)]
    assert (history.n_events, history.n_kept_events, history.n_dropped_events) == (7, 4, 3)
    assert history.dropped_before == date(2017, 12, 30)


def test_in_a_small_room_no_period_is_told_in_part():
    assert told(LIFE, 32) == NEWEST  # the whole year would need 33 words


def test_where_one_period_is_too_much_what_weighs_least_goes():
    events = [bought("soup", 1, 2), replace(bought("tea", 1), kind="search"), replace(bought("rice", 1), kind="cart")]
    rooms: dict[str, Any] = {"max_tokens": 12, "count_tokens": words, "reference": TODAY}

    assert compress(events, **rooms).text == "1 day ago (purchased) | soup ×2"
    assert compress(events, weights={"search": 3.0}, **rooms).text == "1 day ago (searched) | tea"


events_of_a_life = st.lists(
    st.builds(bought, st.sampled_from(["soup", "tea", "rice", "beer"]), st.integers(0, 1200), st.integers(1, 3)),
    max_size=40,
)


@pytest.mark.usefixtures("small_parts")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events_of_a_life, st.integers(0, 120))
def test_only_the_oldest_goes_and_what_is_told_and_what_is_counted_are_the_whole(events, max_tokens):
    history = compress(events, reference=TODAY, max_tokens=max_tokens, count_tokens=words)

    assert words(history.text) <= max_tokens
    left = {(item, period) for item, period, _ in decode(line.text for line in history.lines)}
    dropped = Counter(
        period_of(event.at.date(), TODAY)
        for event in events
        if (event.text, period_of(event.at.date(), TODAY).label) not in left
    )
    assert dict(history.dropped) == dropped
    told_at = sorted({period_of(event.at.date(), TODAY) for event in events} - dropped.keys())
    assert not dropped or not told_at or told_at[-1] < min(dropped)


@given(st.lists(st.integers(1, 9), min_size=1), st.integers(0, 200))
def test_as_much_as_fits_is_found(sizes, room):
    total = list(accumulate(sizes, initial=0))
    room = min(room, total[-1] - 1)

    found = overflow._most(len(sizes), (0, total[-1]), room, lambda n: total[n])

    n = max(n for n, size in enumerate(total) if size <= room)
    assert found == (n, total[n], total[n + 1])
