"""Languages that the models can be asked to write in, each with what our rules need to know of it. Pure.

Only languages whose explanations the rules can measure are here: those that put spaces between words, and Chinese, for
which the report gives its own length.
"""

from dataclasses import dataclass

ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Language:
    """A language as prompts and rules see it.

    tag_words  fewest and most words of an item tag: where words are compounded, or not parted at all, one is enough
    """

    code: str
    name: str
    tag_words: tuple[int, int] = (1, 8)
    explanation_length: str = "3 to 12 words"

    @property
    def order(self) -> str:
        """The sentence of a prompt that asks for it, with a space before; none for English, the prompts' own."""
        return "" if self.code == ENGLISH else f" Write in {self.name}; name items as the history writes them."


_ALL = (
    Language(ENGLISH, "English", tag_words=(2, 8)),
    Language("zh", "Chinese", explanation_length="6 to 10 characters"),
    Language("cs", "Czech"),
    Language("da", "Danish"),
    Language("de", "German"),
    Language("es", "Spanish"),
    Language("fi", "Finnish"),
    Language("fr", "French"),
    Language("hu", "Hungarian"),
    Language("it", "Italian"),
    Language("nl", "Dutch"),
    Language("no", "Norwegian"),
    Language("pl", "Polish"),
    Language("pt", "Portuguese"),
    Language("ro", "Romanian"),
    Language("sv", "Swedish"),
    Language("tr", "Turkish"),
    Language("uk", "Ukrainian"),
)
LANGUAGES = {language.code: language for language in _ALL}
CHOICES = [(language.code, language.name) for language in _ALL]
