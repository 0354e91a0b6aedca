"""What a reason says is compared with the history."""

from datetime import UTC, date, datetime, timedelta

import pytest

from recommend.citations import cited, count_is_exact, names_in, stray_counts
from recommend.compression import compress
from recommend.extraction import Event

TODAY = date(2018, 1, 1)


@pytest.fixture
def history():
    at = datetime(2018, 1, 1, tzinfo=UTC)
    events = [
        Event("purchase", "baby foods", at - timedelta(days=2), 8),
        Event("purchase", "tea", at - timedelta(days=3)),
        Event("purchase", "iced tea", at - timedelta(days=3), 2),
        Event("purchase", "7 up", at - timedelta(days=9), 3),
    ]
    return compress(events, reference=TODAY)


def test_items_are_found_with_their_counts_and_lines(history):
    found = cited("Keeps buying baby foods ×8 plus tea.", history)

    assert [(one.item, one.count) for one in found] == [("baby foods", 8), ("tea", None)]
    assert "baby foods" in history.lines[found[0].line_index].text
    assert "tea" in history.lines[found[1].line_index].text


def test_the_longest_name_wins(history):
    assert [one.item for one in cited("Iced tea in summer", history)] == ["iced tea"]


def test_whole_words_only_and_any_case(history):
    assert cited("teapots and steady hands", history) == []
    assert [one.item for one in cited("TEA, daily", history)] == ["tea"]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("baby foods ×8", 8),
        ("baby foods x8", 8),
        ("baby foods × 8", 8),
        ("baby foods (8)", 8),
        ("baby foods (×8)", 8),
        ("baby foods (8 times)", 8),
        ("8 baby foods", 8),
        ("8× baby foods", 8),
        ("baby foods", None),
        ("baby foods, 8 days ago", None),
    ],
)
def test_a_count_is_read_in_the_ways_that_models_write_it(history, text, count):
    assert [one.count for one in cited(text, history)] == [count]


def test_the_count_of_one_item_is_not_taken_for_the_next(history):
    found = cited("baby foods ×8 tea", history)

    assert [(one.item, one.count) for one in found] == [("baby foods", 8), ("tea", None)]


def test_an_item_that_begins_with_a_number_is_no_count(history):
    assert [(one.item, one.count) for one in cited("Drinks 7 up ×3", history)] == [("7 up", 3)]


def test_counts_are_exact_or_not_claimed(history):
    right, wrong, silent = cited("baby foods ×8, baby foods ×9, baby foods", history)

    assert count_is_exact(right, history)
    assert not count_is_exact(wrong, history)
    assert count_is_exact(silent, history)


def test_a_count_beside_nothing_in_the_history_is_made_up(history):
    assert stray_counts("Bought baby foods ×8 and hiking boots ×2.", history) == ["and hiking boots"]
    assert stray_counts("Bought baby foods ×8.", history) == []


def test_spans_mark_the_name_in_the_text(history):
    text = "She likes iced tea ×2 a lot"

    one = cited(text, history)[0]

    assert text[one.start : one.end] == "iced tea"


def test_an_empty_history_is_cited_by_nothing():
    assert cited("tea", compress([], reference=TODAY)) == []


def test_names_in_finds_the_longest_of_any_names():
    assert names_in("cat food and Cat Litter", ["cat", "cat litter", "cat food"]) == ["cat food", "cat litter"]
