"""How long a text may be in each language."""

import pytest

from recommend.languages import LANGUAGES, Length


@pytest.mark.parametrize(
    ("text", "language", "right"),
    [
        ("Two words", "en", False),
        ("Just three words", "en", True),
        ("one two three four five six seven eight nine ten eleven twelve", "en", True),
        ("one two three four five six seven eight nine ten eleven twelve thirteen", "en", False),
        ("Ready-to-drink tea, for you!", "en", True),
        ("", "en", False),
        ("Babyglück löffelweise", "de", True),
        ("Babyglück", "de", False),
        ("Deux mots", "fr", False),
        ("夏日穿搭清爽有型", "zh", True),
        ("夏日，穿搭！清爽 有型", "zh", True),
        ("夏日穿搭", "zh", False),
        ("夏日穿搭清爽有型夏日穿搭清爽", "zh", False),
        ("夏日穿搭清爽有型", "en", False),
    ],
)
def test_length_of_an_explanation(text: str, language: str, right: bool) -> None:
    assert LANGUAGES[language].explanation_length.fits(text) is right


def test_a_length_says_its_unit() -> None:
    assert (str(Length(6, 10, "characters")), str(Length(3, 12))) == ("6 to 10 characters", "3 to 12 words")
