"""Compression loses nothing but what it reports; expected lines are written out by hand."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommend.compression import (
    BEHAVIOR_LABELS,
    clean_item,
    compress,
    decode,
    estimate_tokens,
    recent_items,
)
from recommend.extraction import Event
from recommend.periods import period_of

TODAY = date(2018, 1, 1)


def bought(text: str, days_ago: int, quantity: int = 1, kind: str = "purchase") -> Event:
    at = datetime(2018, 1, 1, 12, tzinfo=UTC) - timedelta(days=days_ago)
    return Event(kind, text, at, quantity)


def words(text: str) -> int:
    return len(text.split())


def test_items_with_the_same_contexts_share_a_line():
    events = [
        bought("diapers", 5, 2),
        bought("baby foods", 5, 3),
        bought("baby foods", 65, 5),
        bought("diapers", 70),
        bought("tea", 2, kind="cart"),
        bought("tea", 2),
    ]

    history = compress(events, reference=TODAY)

    assert history.text.splitlines() == [
        "2 days ago (added to cart, purchased) | tea ×2",
        "2 months ago (purchased), 5 days ago (purchased) | baby foods ×8, diapers ×3",
    ]


def test_a_search_carries_its_query_as_the_item():
    history = compress([bought("gluten free bread", 0, kind="search")], reference=TODAY)

    assert history.text == "today (searched) | gluten free bread"


def test_counts_are_units_over_all_periods():
    history = compress([bought("soup", 3, 2), bought("soup", 40, 4)], reference=TODAY)

    assert history.counts() == {"soup": 6}


@pytest.mark.parametrize(
    ("days_ago", "label"),
    [
        (0, "today"),
        (1, "1 day ago"),
        (30, "30 days ago"),
        (31, "1 month ago"),
        (59, "1 month ago"),
        (60, "2 months ago"),
        (365, "12 months ago"),
        (366, "1 year ago"),
        (729, "1 year ago"),
        (730, "2 years ago"),
    ],
)
def test_grain_is_day_then_month_then_year(days_ago, label):
    assert period_of(TODAY - timedelta(days=days_ago), TODAY).label == label


@pytest.mark.parametrize("days_ago", [0, 1, 30, 31, 75, 364, 365, 366, 400, 729, 730, 1500])
def test_a_period_begins_no_later_than_its_days(days_ago):
    period = period_of(TODAY - timedelta(days=days_ago), TODAY)

    first = TODAY - timedelta(days=period.oldest_age_days)

    assert first <= TODAY - timedelta(days=days_ago)
    assert period_of(first, TODAY) == period
    assert period_of(first - timedelta(days=1), TODAY) != period


def test_an_event_of_the_future_is_refused():
    with pytest.raises(ValueError, match="2018-01-02 lies after the reference date 2018-01-01"):
        compress([bought("soup", -1)], reference=TODAY)


def test_what_does_not_fit_goes_by_whole_periods_oldest_first():
    events = [bought("soup", 1), bought("tea", 2), bought("rice", 2), bought("beer", 40)]

    history = compress(events, reference=TODAY, max_tokens=11, count_tokens=words)

    # "1 day ago (purchased) | soup" has 6 words; with the two of the day before it would be 13.
    assert history.text == "1 day ago (purchased) | soup"
    assert (history.n_events, history.n_kept_events, history.n_dropped_events) == (4, 1, 3)
    assert history.dropped_before == date(2017, 12, 31)
    assert history.tokens == 6
    assert [(period.label, n) for period, n in history.dropped] == [("1 month ago", 1), ("2 days ago", 2)]


def test_where_one_period_is_too_much_the_rarest_items_go():
    events = [bought("soup", 1, 3), bought("tea", 1, 2), bought("rice", 1)]

    history = compress(events, reference=TODAY, max_tokens=8, count_tokens=words)

    assert history.text == "1 day ago (purchased) | soup ×3"
    assert history.n_dropped_events == 2
    assert history.dropped_before is None


def test_nothing_dropped_is_said_so():
    history = compress([bought("soup", 400)], reference=TODAY, max_tokens=100)

    assert history.dropped_before is None
    assert history.dropped == ()


def test_an_empty_history_has_no_lines():
    history = compress([], reference=TODAY, max_tokens=10)

    assert history.lines == ()
    assert history.text == ""
    assert history.tokens == 0


def test_marks_of_the_format_inside_an_item_are_replaced():
    assert clean_item("Tea, green | <b>x</b> ×2") == "Tea; green / ‹b›x‹/b› x2"


def test_recent_items_are_those_of_the_last_weeks_by_units():
    events = [bought("soup", 3, 2), bought("tea", 28, 5), bought("rice", 29, 9), bought("soup", 1)]

    assert recent_items(events, reference=TODAY) == ("tea ×5", "soup ×3")
    assert recent_items(events, reference=TODAY, max_items=1) == ("tea ×5",)


item_texts = st.text(alphabet="abc ,|×<>()12", min_size=1).filter(str.strip)
events_of_a_life = st.lists(
    st.builds(
        bought,
        item_texts,
        st.integers(0, 2000),
        st.integers(1, 9),
        st.sampled_from(sorted(BEHAVIOR_LABELS)),
    ),
    max_size=25,
)


@given(events_of_a_life)
def test_item_period_and_behaviour_can_be_read_back(events):
    history = compress(events, reference=TODAY)

    expected = {
        (clean_item(event.text), period_of(event.at.date(), TODAY).label, BEHAVIOR_LABELS[event.kind])
        for event in events
    }
    assert decode(history.text.splitlines()) == expected


@given(events_of_a_life, st.integers(0, 60))
def test_a_history_never_exceeds_its_tokens_and_its_events_add_up(events, max_tokens):
    history = compress(events, reference=TODAY, max_tokens=max_tokens, count_tokens=words)

    assert words(history.text) <= max_tokens
    assert history.n_kept_events + history.n_dropped_events == history.n_events == len(events)
    assert history.tokens == words(history.text)


@given(events_of_a_life)
def test_units_are_kept(events):
    history = compress(events, reference=TODAY)

    assert sum(history.counts().values()) == sum(event.quantity for event in events)


def test_the_estimate_is_never_below_the_real_tokenizer_on_such_lines():
    # Counted once with SmolLM2's own tokenizer.
    counted = {
        "5 days ago (purchased) | sports drinks ×2, antacids": 17,
        "27 days ago (purchased), 13 days ago (purchased) | bread and buns ×4, cold cereal ×3": 31,
        "21 days ago (purchased) | baby foods ×4, canned fruit ×2, frozen dinners ×2, salad mix ×2, cheese": 32,
    }

    assert all(n <= estimate_tokens(text) <= 1.35 * n for text, n in counted.items())
