"""HR@K by hand."""

import pytest

from recommend.hit_rates import hit_rate


def test_a_hit_is_of_the_category_of_what_is_taken_next() -> None:
    predicted = {"a": ["cheese", "tea"], "b": ["bread"], "c": ["soap"]}
    actual = {"a": ["tea"], "b": ["cheese"], "c": ["soap"], "d": ["tea"]}

    # a and c of four: d has no tags.
    assert hit_rate(predicted, actual) == 0.5


def test_only_the_first_thirty_tags_count() -> None:
    tags = [f"category {number}" for number in range(40)]

    assert hit_rate({"a": tags}, {"a": ["category 29"]}) == 1.0
    assert hit_rate({"a": tags}, {"a": ["category 30"]}) == 0.0


def test_of_a_basket_each_item_may_have_come_first() -> None:
    assert hit_rate({"a": ["tea"]}, {"a": ["tea", "bread", "soap", "tea"]}) == 0.5


def test_without_anything_taken_there_is_no_rate() -> None:
    with pytest.raises(ValueError, match="no next interaction"):
        hit_rate({"a": ["tea"]}, {})
