"""Each rule for item tags rejects what it is for, and says which value it means."""

from datetime import date
from typing import Any

import pytest

from recommend.languages import LANGUAGES
from recommend.rules import Rejection
from recommend.seasons import out_of_season
from recommend.tag_rules import TagContext, check_tag, phrases


def tag(text="organic baby puree", interest="baby care", *, earlier=(), **context) -> Rejection | None:
    usual: dict[str, Any] = {"interests": ["baby care"], "recent": (), "day": date(2018, 1, 1), "most": 10}
    return check_tag(text, interest, earlier=earlier, context=TagContext(**(usual | context)))


def test_a_sound_tag_passes() -> None:
    assert tag() is None


@pytest.mark.parametrize(
    ("found", "rule", "value"),
    [
        (tag("smart baby monitor"), "filler", "smart"),
        (tag("baby bath set"), "filler", "set"),
        (tag("outdoor sports equipment"), "too_broad", "equipment"),
        (tag("baby products"), "too_broad", "products"),
        (tag(interest="camping"), "unknown_interest", "camping"),
        (tag("Organic baby purees", earlier=["organic baby puree"]), "duplicate", "organic baby puree"),
        (tag("more of it", earlier=["one two", "three four"], most=2), "too_many", "2"),
        (tag("baby puree", recent=["Baby purees"]), "bought_last_month", "baby puree"),
        (tag("potato chips", recent=["Chips, potato"]), "bought_last_month", "potato chips"),
        (tag("puree"), "length", "1 words"),
        (tag("Happy Baby oat puree", brands={"happy baby", "oat"}), "brand", "happy baby"),
        (tag("Sony WH-1000XM5 headphones"), "model_name", "WH-1000XM5"),
        (tag("chocolate Easter bunny", day=date(2018, 6, 1)), "out_of_season", "February to April, not June"),
    ],
)
def test_a_tag_is_rejected_by_the_rule_that_it_breaks(found: Rejection | None, rule: str, value: str) -> None:
    assert found is not None
    assert found.rule == rule
    assert value in found.because


def test_a_filler_counts_as_a_word_and_not_inside_one() -> None:
    assert tag("sunset lemon tea") is None


def test_a_broad_word_that_describes_is_none() -> None:
    assert tag("sports equipment bag") is None


def test_a_brand_counts_as_whole_words() -> None:
    assert tag("oatmeal cookies", brands={"oat"}) is None


@pytest.mark.parametrize("text", ["SPF50 sunscreen lotion", "500ml glass bottle", "USB3 hub", "A4 drawing paper"])
def test_a_measure_is_no_model_name(text: str) -> None:
    assert tag(text, day=date(2018, 6, 1)) is None


def test_the_interest_of_a_tag_may_differ_in_case() -> None:
    assert tag(interest="Baby Care") is None


def test_seasons_of_another_language_are_not_ours_to_read() -> None:
    assert tag("summer dress", language=LANGUAGES["de"]) is None
    assert tag("summer dress") is not None


def test_phrases_are_all_runs_of_words() -> None:
    assert phrases("Oat milk bar") == {"oat", "milk", "bar", "oat milk", "milk bar", "oat milk bar"}


@pytest.mark.parametrize(
    ("text", "fits", "does_not"),
    [
        ("winter coat", (10, 11, 12, 1, 2), (3, 9)),
        ("summer dresses", (4, 8), (3, 9)),
        ("Valentine's cookies", (1, 2), (3, 12)),
        ("christmas lights", (10, 12), (1, 9)),
        ("New Year party hats", (12, 1), (2, 11)),
        ("back to school bags", (7, 9), (6, 10)),
        ("summer sausage", range(1, 13), ()),
        ("fallen leaf print", range(1, 13), ()),
        ("spring water", range(1, 13), ()),
    ],
)
def test_a_seasonal_word_fits_its_season_and_the_time_before(text, fits, does_not) -> None:
    assert all(out_of_season(text, date(2018, month, 15)) is None for month in fits)
    assert all(out_of_season(text, date(2018, month, 15)) is not None for month in does_not)


def test_south_of_the_equator_the_seasons_of_the_sun_are_half_a_year_off_and_holidays_are_not() -> None:
    assert out_of_season("summer dress", date(2018, 1, 1), south=True) is None
    assert out_of_season("winter coat", date(2018, 1, 1), south=True) == ("winter", "April to August")
    assert out_of_season("christmas lights", date(2018, 6, 1), south=True) == ("christmas", "October to December")
