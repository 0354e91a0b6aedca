"""Each rule rejects what it is for, and says which value it means."""

import pytest

from recommend.languages import LANGUAGES
from recommend.rules import Rejection, check_explanation, check_interest, normal_form


def interest(
    text="baby care", reason="Bought diapers ×9.", *, cites=1, made_up=(), earlier=(), most=6
) -> Rejection | None:
    return check_interest(text, reason, cites=cites, made_up=made_up, earlier=earlier, most=most)


def test_a_sound_interest_passes() -> None:
    assert interest() is None


@pytest.mark.parametrize(
    ("found", "rule"),
    [
        (interest(reason="Likes the colour blue.", cites=0), "cites_nothing"),
        (interest(reason="Bought diapers ×9 and hiking boots ×2.", made_up=["hiking boots"]), "hallucination"),
        (interest(reason="  "), "no_reason"),
        (interest("Baby cares", earlier=["baby care"]), "duplicate"),
        (interest(earlier=["a b", "c d"], most=2), "too_many"),
        (interest("one two three four five six seven"), "length"),
        (interest("!!!"), "length"),
    ],
)
def test_an_interest_is_rejected_by_the_rule_that_it_breaks(found: Rejection | None, rule: str) -> None:
    assert found is not None
    assert found.rule == rule


def test_a_reason_that_cites_nothing_is_quoted_in_the_rejection() -> None:
    found = interest(reason="Likes the colour blue.", cites=0)

    assert found is not None
    assert "Likes the colour blue." in found.because


def test_a_sound_explanation_passes() -> None:
    assert check_explanation("Gentle first bites for your little one", title="Baby cereal, 8 oz") is None


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Nice cereal", "length"),
        ("A must-have for every young family", "cliche"),
        ("100% effective against hunger, we promise", "cliche"),
        ("Baby cereal, 8 oz", "copies_title"),
    ],
)
def test_an_explanation_is_rejected_by_the_rule_that_it_breaks(text: str, rule: str) -> None:
    found = check_explanation(text, title="Baby cereal, 8 oz")

    assert found is not None
    assert found.rule == rule


def test_chinese_is_measured_in_characters() -> None:
    assert check_explanation("夏日穿搭清爽有型", title="亚麻裤", language=LANGUAGES["zh"]) is None

    found = check_explanation("夏日穿搭", title="亚麻裤", language=LANGUAGES["zh"])
    assert found is not None
    assert found.because == "4 characters; 6 to 10 characters are wanted."


def test_two_texts_are_the_same_whatever_their_case_signs_and_plural() -> None:
    assert normal_form("Potato  Chips!") == normal_form("potato chip")
    assert normal_form("gas") != normal_form("ga")
