"""The programmatic teacher and its planted defects: every target must hold of the history that it is about."""

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from judge.rubrics import RUBRICS, passes
from recommend.citations import cited, count_is_exact
from recommend.compression import compress
from recommend.extraction import Event
from recommend.languages import ENGLISH, LANGUAGES
from recommend.sample_names import _CATEGORIES, _IN_DEPARTMENT
from recommend.stages.explanations import ItemInfo
from recommend.stages.interests import STAGES, InterestOutput
from training.adapter import defects, teacher
from training.adapter.examples import HELD_OUT_SHARE, REFERENCES, balanced, is_held_out
from training.adapter.groups import ABSENT_ITEMS, GROUPS, NEEDS, OF_CATEGORY

TODAY = date(2018, 1, 1)
USUAL = teacher.Population(
    expected={group.name: 1.0 for group in GROUPS},
    popular={
        "baby care": [("baby foods", "junior baby food"), ("diapers", "baby diapers")],
        "soups and comfort food": [("soup", "condensed soup"), ("dinner mixes", "skillet dinners")],
    },
)


def history(**units: int):
    """A history of items bought 5 days ago; underscores in the names are spaces."""
    at = datetime(2018, 1, 1, tzinfo=UTC) - timedelta(days=5)
    events = [Event("purchase", name.replace("_", " "), at, count) for name, count in units.items()]
    return compress(events, reference=TODAY)


def test_groups_use_each_category_once_and_only_names_of_the_sample():
    used = [category for group in GROUPS for category in group.categories]
    used += [category for categories in NEEDS.values() for category in categories]
    known = set(_CATEGORIES.values()) | set(_IN_DEPARTMENT.values())

    assert len(used) == len(set(used))
    assert set(used) <= known
    assert 45 <= len(GROUPS) <= 60


def test_sensitive_purchases_belong_to_no_interest():
    for category in ("cigarettes", "pain relievers", "incontinence products", "family planning", "laxatives"):
        assert category not in OF_CATEGORY


def test_a_group_bought_far_above_the_population_is_an_interest():
    (found,) = teacher.interests(history(baby_foods=6, diapers=2, milk=9), USUAL, 6)

    assert found == InterestOutput("baby care", "emerging", "Lately bought baby foods ×6.")


def test_interests_come_in_the_order_of_the_history():
    found = teacher.interests(history(soup=3, beef=4, yogurt=6, baby_foods=5), USUAL, 3)

    assert [one.text for one in found] == ["yogurt and light dairy", "baby care", "beef and steak dinners"]


def test_a_reason_ends_where_two_units_stand_behind_the_interest():
    (found,) = teacher.interests(history(diapers=2, baby_foods=1, infant_formula=1), USUAL, 6)

    assert found.reason == "Lately bought diapers ×2."


def test_of_three_single_purchases_two_are_named():
    (found,) = teacher.interests(history(diapers=1, baby_foods=1, infant_formula=1), USUAL, 6)

    assert found.reason == "Lately bought baby foods plus diapers."


def test_what_the_population_buys_as_much_is_no_interest():
    usual = teacher.Population(expected={**USUAL.expected, "soups and comfort food": 2.0}, popular={})

    assert teacher.interests(history(soup=3), usual, 6) == []


def test_one_purchase_is_no_interest():
    assert teacher.interests(history(baby_foods=1, soup=1), USUAL, 6) == []


def test_a_bulk_purchase_counts_six_units_at_most():
    usual = teacher.Population(expected={**USUAL.expected, "yogurt and light dairy": 3.5}, popular={})

    assert teacher.interests(history(yogurt=90), usual, 6) == []
    assert "yogurt ×90" in teacher.interests(history(yogurt=90), USUAL, 6)[0].reason


def test_what_returns_in_a_second_period_is_long_term():
    at = datetime(2018, 1, 1, tzinfo=UTC)
    events = [Event("purchase", "soup", at - timedelta(days=days), 3) for days in (2, 9)]

    (found,) = teacher.interests(compress(events, reference=TODAY), USUAL, 6)

    assert (found.stage, found.reason) == ("long-term", "Keeps buying soup ×6.")


def test_holiday_items_are_seasonal():
    (found,) = teacher.interests(history(Christmas_items=4), USUAL, 6)

    assert (found.stage, found.reason) == ("seasonal", "Bought Christmas items ×4 for the season.")
    assert {found.stage, "long-term", "emerging"} == set(STAGES)


def test_reasons_cite_exactly():
    past = history(baby_foods=6, diapers=2, infant_formula=1, soup=4, dinner_mixes=1)

    for one in teacher.interests(past, USUAL, 6):
        citations = cited(one.reason, past)
        assert [citation.item for citation in citations] == teacher.reason_items(one.reason)
        assert all(count_is_exact(citation, past) for citation in citations)


def test_tags_are_what_was_bought_next_then_what_is_popular():
    wanted = [InterestOutput("soups and comfort food", "emerging", "Lately bought soup ×3.")]

    found = teacher.tags(
        wanted,
        recent=("soup ×3",),
        bought_next=[("dinner mixes", "skillet dinners"), ("beef", "angus beef"), ("soup", "dry soup")],
        bought_lately={"condensed soup": "soup"},
        usual=USUAL,
        n=8,
    )

    assert [tag.text for tag in found] == ["skillet dinners", "dry soup"]
    assert found[0].reason == "Goes with soup ×3; no dinner mixes lately."
    assert found[1].reason == "Buys soup; may like another kind."


def test_tags_are_spread_over_the_interests():
    wanted = [
        InterestOutput("soups and comfort food", "emerging", "Lately bought soup ×3."),
        InterestOutput("baby care", "emerging", "Lately bought diapers ×3."),
    ]

    found = teacher.tags(wanted, (), [], {}, USUAL, 3)

    assert [tag.interest for tag in found] == ["soups and comfort food", "baby care", "soups and comfort food"]


@pytest.mark.parametrize(
    ("kind", "category", "is_tag"),
    [
        ("shredded cheese", "cheese", True),
        ("bananas", "bananas and tropical fruit", False),
        ("assorted candy", "bagged candy", False),
        ("bakery bread", "bakery bread", False),
        ("revlon lip colour", "make-up", False),
        ("12-pack soda cans", "soft drinks", False),
    ],
)
def test_a_tag_has_modifier_and_core_and_no_filler(kind, category, is_tag):
    assert teacher.is_tag(kind, category) is is_tag


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_explanations_of_every_interest_keep_the_length(group):
    for category in group.categories:
        interest = InterestOutput(group.name, "emerging", f"Lately bought {group.categories[0]} ×3.")
        item = ItemInfo("Extra special party size thing, 8 oz", f"grocery > {category} > thing")

        text = teacher.explanation(interest, item)

        assert LANGUAGES[ENGLISH].explanation_length.fits(text), text
        assert "thing" in text
        assert text[0].isupper()


def test_planted_defects_break_exactly_what_they_say():
    past = history(baby_foods=6, diapers=2, soup=4, toilet_paper=3, tea=1)
    good = teacher.interests(past, USUAL, 6)

    cases = defects.interest_cases(past, {}, good, USUAL, random.Random(0))

    by_defect = {case.defect: case for case in cases}
    assert set(by_defect) == {
        "",
        "invented item",
        "invented purchase",
        "invented count",
        "unrelated",
        "weak",
        "necessity",
    }
    for case in cases:
        assert passes("interest", case.verdict.labels) is (case.defect == "")
    assert any(name in by_defect["invented item"].input.output_reason for name in ABSENT_ITEMS)
    assert by_defect["necessity"].verdict.labels == {"willingness": "Necessity", "reasonableness": "Strong"}
    miscounted = cited(by_defect["invented count"].input.output_reason, past)
    assert not all(count_is_exact(citation, past) for citation in miscounted)


def test_a_tag_defect_fails_one_criterion_only():
    past = history(baby_foods=6, soup=4)
    good = teacher.tags(teacher.interests(past, USUAL, 6), (), [], {}, USUAL, 4)

    cases = defects.tag_cases(past, {}, good, USUAL, random.Random(0))

    for case in cases:
        assert list(case.verdict.labels.values()).count("No") == (1 if case.defect else 0)
    assert {case.defect for case in cases} >= {"", "wrong interest", "vague", "no such product"}


def test_explanation_defects_fail_and_lesser_ones_pass():
    interest = InterestOutput("baby care", "emerging", "Lately bought diapers ×3.")
    item = ItemInfo("Baby juices, 4 oz, private label", "grocery > baby foods > baby juices")

    cases = defects.explanation_cases(interest, item, "Baby juices for happy little eaters", random.Random(0))

    for case in cases:
        assert passes("explanation", case.verdict.labels) is (case.defect == "")
        assert set(case.verdict.labels) == {criterion.name for criterion in RUBRICS["explanation"].criteria}
    assert {case.defect for case in cases} == {"", "irrelevant", "invented claim", "word salad", "unsafe"}


def test_good_and_bad_cases_are_balanced():
    interest = InterestOutput("baby care", "emerging", "Lately bought diapers ×3.")
    item = ItemInfo("Baby juices, 4 oz", "grocery > baby foods > baby juices")
    cases = defects.explanation_cases(interest, item, "Baby juices for happy little eaters", random.Random(0)) * 3

    chosen = balanced(cases, random.Random(1))

    assert sum(not case.defect for case in chosen) == 4
    assert sum(bool(case.defect) for case in chosen) == 5


def test_households_are_split_by_a_seeded_hash():
    names = [f"household-{number}" for number in range(4000)]

    held_out = [name for name in names if is_held_out(name, seed=1)]

    assert held_out == [name for name in names if is_held_out(name, seed=1)]
    assert abs(len(held_out) / 4000 - HELD_OUT_SHARE) < 0.02
    assert set(held_out) != {name for name in names if is_held_out(name, seed=2)}


def test_the_date_of_the_demo_is_never_trained_on():
    assert all(day + teacher.FUTURE < TODAY for day in REFERENCES)
