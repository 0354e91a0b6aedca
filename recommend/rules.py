"""Quality rules that need no model: each looks at one output and says why it rejects it, or nothing. Pure.

Sources are the requirements of the V1 report for interests, tags and explanations; numbers of ours say so.
A rejected output is kept and shown as rejected.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from recommend.languages import ENGLISH, LANGUAGES, Language
from recommend.stages import explanations

# V1, tag requirements: fillers that make a tag broad.
FILLERS = frozenset({"smart", "modular", "set"})
# V1, explanation requirements: empty adjectives, slogan clichés, exaggeration.
CLICHES = ("practical", "versatile", "elegant", "essential gadget", "must-have", "100%", "guaranteed")
# Ours.
INTEREST_WORDS = (1, 6)

_WORD = re.compile(r"[^\W_]+(?:[-'’&][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Rejection:
    """Which rule rejected an output, and why in words that name the value."""

    rule: str
    because: str


def words(text: str) -> list[str]:
    """The words of a text, lower case.

    >>> words("Shredded low-fat cheese, 8 oz!")
    ['shredded', 'low-fat', 'cheese', '8', 'oz']
    """
    return [word.lower() for word in _WORD.findall(text)]


def normal_form(text: str) -> str:
    """What makes two texts the same to a reader: case, punctuation, spacing and a plural s do not count.

    >>> normal_form("Potato Chips!") == normal_form("potato chip")
    True
    """
    return " ".join(word.removesuffix("s") if len(word) > 3 else word for word in words(text))


def check_interest(text: str, reason: str, *, cites: int, earlier: Sequence[str], most: int) -> Rejection | None:
    """Rules for an interest.

    cites    how many items of the shopper's history the reason names
    earlier  interests before it in the same answer
    most     how many interests were asked for
    """
    return (
        _length(text, INTEREST_WORDS)
        or _duplicate(text, earlier)
        or _count(len(earlier), most)
        or (None if reason.strip() else Rejection("no_reason", "It gives no reason."))
        or (None if cites else Rejection("cites_nothing", f"Its reason names nothing of the history: “{reason}”"))
    )


def check_tag(
    text: str,
    interest: str,
    *,
    interests: Collection[str],
    earlier: Sequence[str],
    recent: Collection[str],
    most: int,
    language: Language = LANGUAGES[ENGLISH],
) -> Rejection | None:
    """Rules for an item tag.

    interests  the shopper's interests, one of which the tag must serve
    recent     what the shopper clicked, bought or searched in the past month
    """
    fillers = sorted(FILLERS.intersection(words(text)))
    known = {normal_form(name) for name in interests}
    return (
        _length(text, language.tag_words)
        or _duplicate(text, earlier)
        or _count(len(earlier), most)
        or (Rejection("filler", f"“{fillers[0]}” says nothing about a product.") if fillers else None)
        or (
            None
            if normal_form(interest) in known
            else Rejection("unknown_interest", f"“{interest}” is none of the shopper's interests.")
        )
        or (
            Rejection("bought_last_month", f"The shopper took “{text}” within the past month.")
            if normal_form(text) in {normal_form(name) for name in recent}
            else None
        )
    )


def check_explanation(text: str, *, title: str) -> Rejection | None:
    """Rules for an explanation of the item with `title`."""
    cliche = next((phrase for phrase in CLICHES if phrase in text.lower()), None)
    return (
        _explanation_length(text)
        or (Rejection("cliche", f"“{cliche}” is an empty phrase.") if cliche else None)
        or (
            Rejection("copies_title", "It only repeats the title.")
            if set(words(text)) <= set(words(title)) and words(text)
            else None
        )
    )


def _explanation_length(text: str) -> Rejection | None:
    if explanations.length_is_right(text):
        return None
    low, high = explanations.MIN_WORDS, explanations.MAX_WORDS
    return Rejection("length", f"{len(words(text))} words; {low} to {high} are wanted.")


def _length(text: str, limits: tuple[int, int]) -> Rejection | None:
    n, (low, high) = len(words(text)), limits
    return None if low <= n <= high else Rejection("length", f"{n} words; {low} to {high} are wanted.")


def _duplicate(text: str, earlier: Sequence[str]) -> Rejection | None:
    same = next((other for other in earlier if normal_form(other) == normal_form(text)), None)
    return None if same is None else Rejection("duplicate", f"It says the same as “{same}”.")


def _count(n_earlier: int, most: int) -> Rejection | None:
    return None if n_earlier < most else Rejection("too_many", f"{most} were asked for.")
