"""Languages that the models can be asked to write in, each with what our rules need to know of it. Pure.

Only languages whose explanations the rules can measure are here: those that put spaces between words, and Chinese, for
which the report gives its own length.
"""

import re
from dataclasses import dataclass
from typing import Literal

ENGLISH = "en"

_COUNTED = {"words": re.compile(r"[\w'’%-]*\w[\w'’%-]*"), "characters": re.compile(r"\w")}


@dataclass(frozen=True, slots=True)
class Length:
    """How long a text may be, both ends included; punctuation and spaces do not count.

    >>> str(Length(3, 12)), Length(3, 12).count("Ready-to-drink tea, for you!")
    ('3 to 12 words', 4)
    """

    fewest: int
    most: int
    unit: Literal["words", "characters"] = "words"

    def __str__(self) -> str:
        return f"{self.fewest} to {self.most} {self.unit}"

    def count(self, text: str) -> int:
        """How long a text is, in the unit."""
        return len(_COUNTED[self.unit].findall(text))

    def fits(self, text: str) -> bool:
        """Whether a text is neither too short nor too long."""
        return self.fewest <= self.count(text) <= self.most


# The report gives a length for Chinese alone, 6 to 10 characters; the others are ours. Where words are compounded, two
# say what takes three elsewhere.
_SPACED, _COMPOUNDED, _CHINESE = Length(3, 12), Length(2, 12), Length(6, 10, "characters")


@dataclass(frozen=True, slots=True)
class Language:
    """A language as prompts and rules see it.

    tag_words           fewest and most words of an item tag: where words are compounded, or not parted at all, one is
                        enough
    explanation_length  of the line beside an item
    """

    code: str
    name: str
    tag_words: tuple[int, int] = (1, 8)
    explanation_length: Length = _SPACED

    @property
    def order(self) -> str:
        """The sentence of a prompt that asks for it, with a space before; none for English, the prompts' own."""
        return "" if self.code == ENGLISH else f" Write in {self.name}; name items as the history writes them."


_ALL = (
    Language(ENGLISH, "English", tag_words=(2, 8)),
    Language("zh", "Chinese", explanation_length=_CHINESE),
    Language("cs", "Czech"),
    Language("da", "Danish", explanation_length=_COMPOUNDED),
    Language("de", "German", explanation_length=_COMPOUNDED),
    Language("es", "Spanish"),
    Language("fi", "Finnish", explanation_length=_COMPOUNDED),
    Language("fr", "French"),
    Language("hu", "Hungarian", explanation_length=_COMPOUNDED),
    Language("it", "Italian"),
    Language("nl", "Dutch", explanation_length=_COMPOUNDED),
    Language("no", "Norwegian", explanation_length=_COMPOUNDED),
    Language("pl", "Polish"),
    Language("pt", "Portuguese"),
    Language("ro", "Romanian"),
    Language("sv", "Swedish", explanation_length=_COMPOUNDED),
    Language("tr", "Turkish"),
    Language("uk", "Ukrainian"),
)
LANGUAGES = {language.code: language for language in _ALL}
CHOICES = [(language.code, language.name) for language in _ALL]
