"""Histories as people write them: what a line says, and that what is written is read again."""

from datetime import UTC, datetime

import pytest

from recommend import handwritten
from recommend.extraction import Event


@pytest.mark.parametrize(
    ("line", "behavior"),
    [
        ("2017-12-20 purchase 25671", {"occurred_at": "2017-12-20", "kind": "purchase", "sku": "25671"}),
        (
            "  2017-12-20T18:30  cart   A 7 x3  # soup, large",
            {"occurred_at": "2017-12-20T18:30", "kind": "cart", "sku": "A 7", "quantity": "3"},
        ),
        (
            "2017-12-20 search oat milk ×2",
            {"occurred_at": "2017-12-20", "kind": "search", "query": "oat milk ×2"},
        ),
        ("2017-12-20", {"occurred_at": "2017-12-20", "kind": "", "sku": ""}),
    ],
)
def test_a_line_says_when_what_and_of_which_item(line: str, behavior: dict[str, str]) -> None:
    assert handwritten.read(line) == {1: behavior}


def test_empty_lines_and_remarks_are_left_out_and_lines_keep_their_numbers() -> None:
    assert list(handwritten.read("# last year\n\n2017-12-20 purchase 1\r\n \n2017-12-21 purchase 2")) == [3, 5]


def test_what_is_written_is_read_again() -> None:
    events = [
        Event("purchase", "ice\ncubes", datetime(2017, 12, 20, tzinfo=UTC), quantity=2, sku="25671"),
        Event("search", "oat # milk", datetime(2017, 12, 24, 18, 30, tzinfo=UTC)),
    ]

    text = handwritten.write(events)

    assert text == "2017-12-20 purchase 25671 ×2  # ice cubes\n2017-12-24T18:30:00 search oat milk"
    assert [one["kind"] for one in handwritten.read(text).values()] == ["purchase", "search"]
    assert handwritten.read(text)[1] == {
        "occurred_at": "2017-12-20",
        "kind": "purchase",
        "sku": "25671",
        "quantity": "2",
    }
