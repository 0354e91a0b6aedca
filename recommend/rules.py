"""Quality rules that need no model: each looks at one output and says why it rejects it, or nothing. Pure.

Sources are the requirements of the V1 report for interests, tags and explanations; numbers of ours say so.
A rejected output is kept and shown as rejected. Those for item tags: `tag_rules`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from recommend.languages import ENGLISH, LANGUAGES, Language, Length

# V1, explanation requirements: empty adjectives, slogan clichés, exaggeration.
CLICHES = ("practical", "versatile", "elegant", "essential gadget", "must-have", "100%", "guaranteed")
# Ours.
INTEREST_WORDS = (1, 6)
SHORT_FORM_WORDS = (1, 8)

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


def check_interest(
    text: str, reason: str, *, cites: int, made_up: Sequence[str] = (), earlier: Sequence[str], most: int
) -> Rejection | None:
    """Rules for an interest.

    cites    how many items of the shopper's history the reason names
    made_up  what the reason counts (“hiking boots ×2”) though the history does not have it
    earlier  interests before it in the same answer
    most     how many interests were asked for
    """
    return (
        wrong_length(text, INTEREST_WORDS)
        or duplicate(text, earlier)
        or too_many(len(earlier), most)
        or (None if reason.strip() else Rejection("no_reason", "It gives no reason."))
        or (None if cites else Rejection("cites_nothing", f"Its reason names nothing of the history: “{reason}”"))
        or (Rejection("hallucination", f"Nothing in the history is “{made_up[0]}”.") if made_up else None)
    )


def check_explanation(text: str, *, title: str, language: Language = LANGUAGES[ENGLISH]) -> Rejection | None:
    """Rules for an explanation of the item with `title`, in that language."""
    cliche = next((phrase for phrase in CLICHES if phrase in text.lower()), None)
    return (
        _explanation_length(text, language.explanation_length)
        or (Rejection("cliche", f"“{cliche}” is an empty phrase.") if cliche else None)
        or (
            Rejection("copies_title", "It only repeats the title.")
            if set(words(text)) <= set(words(title)) and words(text)
            else None
        )
    )


def check_short_form(text: str, *, title: str, brand: str, category: str) -> Rejection | None:
    """Rules for the short form of an item: short, and about that item, of which it names a word at least."""
    known = set(words(f"{title} {brand} {category}"))
    unrelated = Rejection("unrelated", f"“{text}” has no word of the item’s title, brand and category.")
    return wrong_length(text, SHORT_FORM_WORDS) or (None if known & set(words(text)) else unrelated)


def _explanation_length(text: str, wanted: Length) -> Rejection | None:
    said = f"{wanted.count(text)} {wanted.unit}; {wanted} are wanted."
    return None if wanted.fits(text) else Rejection("length", said)


def wrong_length(text: str, limits: tuple[int, int]) -> Rejection | None:
    """Fewer or more words than the limits, which count as right themselves."""
    n, (low, high) = len(words(text)), limits
    return None if low <= n <= high else Rejection("length", f"{n} words; {low} to {high} are wanted.")


def duplicate(text: str, earlier: Sequence[str]) -> Rejection | None:
    """What says the same as one before it."""
    same = next((other for other in earlier if normal_form(other) == normal_form(text)), None)
    return None if same is None else Rejection("duplicate", f"It says the same as “{same}”.")


def too_many(n_earlier: int, most: int) -> Rejection | None:
    """More than were asked for."""
    return None if n_earlier < most else Rejection("too_many", f"{most} were asked for.")
