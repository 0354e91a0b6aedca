"""Rules for item tags (V1 report, requirements of the item-tag prompt): what code can decide of them. Pure.

What it cannot, whether a tag serves its interest or such a product exists, is for the judge and for people.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from recommend.languages import ENGLISH, LANGUAGES, Language
from recommend.rules import Rejection, duplicate, normal_form, too_many, words, wrong_length
from recommend.seasons import out_of_season

# V1: fillers that make a tag broad.
FILLERS = frozenset({"smart", "modular", "set"})
# Core words that fit whole departments, after V1's failing example “fashion sports equipment”; the list is ours.
BROAD_CORES = frozenset({"equipment", "essentials", "goods", "items", "necessities", "products", "stuff", "things"})
# Two capitals and two digits are a model's number (WH-1000XM5), but for these: they say what a product does.
_MODEL = re.compile(r"(?<![\w-])(?=(?:\S*[A-Z]){2})(?=(?:\S*\d){2})(?!(?:SPF|UPF|UV|IP|PM)\d)[A-Z\d][A-Za-z\d-]*")


@dataclass(frozen=True, slots=True)
class TagContext:
    """What a tag is held against.

    interests  the shopper's, one of which it must serve
    recent     what the shopper clicked, bought or searched in the past month
    day        of the request
    most       how many tags are asked for
    brands     of the catalogue, lower case; those whose words are in no tag may be left out
    south      whether the shopper lives south of the equator
    """

    interests: Collection[str]
    recent: Collection[str]
    day: date
    most: int
    brands: Collection[str] = ()
    south: bool = False
    language: Language = LANGUAGES[ENGLISH]


def check_tag(text: str, interest: str, *, earlier: Sequence[str], context: TagContext) -> Rejection | None:
    """The first rule that a tag breaks; `earlier` are the shopper's tags before it."""
    return (
        wrong_length(text, context.language.tag_words)
        or duplicate(text, earlier)
        or too_many(len(earlier), context.most)
        or _vague(text)
        or _named(text, context.brands)
        or _unknown(interest, context.interests)
        or _taken(text, context.recent)
        or _untimely(text, context)
    )


def phrases(text: str) -> set[str]:
    """All runs of words in a text, lower case: what of it could be a brand.

    >>> sorted(phrases("Oat milk"))
    ['milk', 'oat', 'oat milk']
    """
    found = text.lower().split()
    return {" ".join(found[first:last]) for first in range(len(found)) for last in range(first + 1, len(found) + 1)}


def _vague(text: str) -> Rejection | None:
    found = words(text)
    filler = next((word for word in found if word in FILLERS), None)
    if filler:
        return Rejection("filler", f"“{filler}” says nothing about a product.")
    if found[-1] in BROAD_CORES:
        return Rejection("too_broad", f"“{found[-1]}” could be anything; name the product.")
    return None


def _named(text: str, brands: Collection[str]) -> Rejection | None:
    brand = max(phrases(text).intersection(brands), key=len, default=None)
    if brand:
        return Rejection("brand", f"“{brand}” is a brand; a tag says what kind of product it is.")
    model = _MODEL.search(text)
    return Rejection("model_name", f"“{model.group()}” is one product's name.") if model else None


def _unknown(interest: str, interests: Collection[str]) -> Rejection | None:
    if normal_form(interest) in {normal_form(name) for name in interests}:
        return None
    return Rejection("unknown_interest", f"“{interest}” is none of the shopper's interests.")


def _taken(text: str, recent: Collection[str]) -> Rejection | None:
    # The order of the words makes no other product: “chips, potato” is how a catalogue writes potato chips.
    same = set(normal_form(text).split())
    if any(set(normal_form(name).split()) == same for name in recent):
        return Rejection("bought_last_month", f"The shopper took “{text}” within the past month.")
    return None


def _untimely(text: str, context: TagContext) -> Rejection | None:
    if context.language.code != ENGLISH:
        return None
    found = out_of_season(text, context.day, south=context.south)
    return Rejection("out_of_season", f"“{found[0]}” fits {found[1]}, not {context.day:%B}.") if found else None
