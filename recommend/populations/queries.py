"""The language in which a population is chosen: terms that must all hold, such as `age=25-34 behaviors>=100`.

    all                        every shopper with behaviours; stands alone or before `sample`
    NAME=VALUE[,VALUE…]        an attribute has one of the values
    NAME!=VALUE[,VALUE…]       it has none of them, or the shopper has no such attribute
    behaviors>=N               number of behaviours; also >, <=, <, =, !=
    last_behavior>=YYYY-MM-DD  day of the last behaviour, in UTC; also >, <=, <, =, !=
    sample=SHARE               a random share of them, above 0 up to 1
    seed=N                     of the sample: the same seed draws the same shoppers, another one others; 0 if not given

A value with blanks stands in quotes. `attribute.NAME` is an attribute whose name is a word of the language.
"""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Q, QuerySet, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import MD5, Cast, Concat

from recommend.models import Shopper

EVERYBODY = "all"
ATTRIBUTE = "attribute."
WORDS = ("behaviors", "last_behavior", "sample", "seed")
TERM = re.compile(r"(?P<name>[^=!<>]+?)\s*(?P<sign>!=|>=|<=|=|>|<)\s*(?P<value>.*)", re.DOTALL)
LOOKUPS = {"=": "exact", ">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
MAX_LENGTH = 1000
# The largest number that the column holds.
MAX_BEHAVIORS = 2**31 - 1
# Shoppers whose attributes are looked through for what a misspelt name may have meant.
LOOKED_THROUGH = 1000


class PopulationError(ValueError):
    """A population job that cannot be; `field` names the value at fault, "" where it is none."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


def shoppers(query: str) -> QuerySet[Shopper]:
    """The shoppers that a query chooses. Raises PopulationError, naming the term and the remedy."""
    terms = _terms(query)
    found: QuerySet[Shopper] = Shopper.objects.known().filter(last_behavior_at__isnull=False)
    share, seed = None, None
    for term in terms:
        if term == EVERYBODY:
            continue
        name, sign, value = _parts(term)
        if name == "sample":
            share = _once(share, _share(term, sign, value), term)
        elif name == "seed":
            seed = _once(seed, _seed(term, sign, value), term)
        elif name in WORDS:
            found = found.filter(_COLUMNS[name](term, sign, value))
        else:
            found = _with_attribute(found, name.removeprefix(ATTRIBUTE), term, sign, value)
    if share is None:
        if seed is not None:
            raise _wrong("A seed is of a sample; give sample=0.1 as well, or leave the seed out.")
        return found
    return _sampled(found, share, seed or 0)


def normalised(query: str) -> str:
    """The query as it is kept: its terms in order, with one blank between them. Raises PopulationError."""
    return " ".join(shlex.quote(term) if re.search(r"[\s'\"\\]", term) else term for term in _terms(query))


def _terms(query: str) -> list[str]:
    if len(query) > MAX_LENGTH:
        raise _wrong(f"The query has {len(query):,} characters; at most {MAX_LENGTH:,} are read.")
    try:
        terms = shlex.split(query)
    except ValueError as error:
        raise _wrong(f"A quote in “{query}” is not closed.") from error
    if not terms:
        raise _wrong("Nothing is chosen. Say which shoppers, such as behaviors>=100, or all.")
    others = [term for term in terms if term != EVERYBODY and term.partition("=")[0] not in ("sample", "seed")]
    if EVERYBODY in terms and others:
        raise _wrong(f"“all” chooses everybody, and “{others[0]}” does not. Leave one of them out.")
    return terms


def _parts(term: str) -> tuple[str, str, str]:
    match = TERM.fullmatch(term)
    if match is None:
        raise _wrong(f"“{term}” is no condition. One is NAME=VALUE, such as age=25-34 or behaviors>=100.")
    if not match["value"]:
        raise _wrong(f"“{term}” has no value. Give one after {match['sign']}.")
    if "\0" in term:
        raise _wrong("The query holds a NUL character, which nothing stored can hold.")
    return match["name"], match["sign"], match["value"]


def _behaviors(term: str, sign: str, value: str) -> Q:
    if not value.isdecimal() or int(value) > MAX_BEHAVIORS:
        raise _wrong(f"“{value}” in “{term}” is no number of behaviours. Give a whole number, such as 100.")
    return _compared("n_behaviors", sign, int(value))


def _last_behavior(term: str, sign: str, value: str) -> Q:
    try:
        day = date.fromisoformat(value)
        following = day + timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise _wrong(f"“{value}” in “{term}” is no day. Give one as 2026-01-31.") from error
    start, end = (datetime.combine(one, time(), UTC) for one in (day, following))
    on_that_day = Q(last_behavior_at__gte=start, last_behavior_at__lt=end)
    by_sign = {
        "=": on_that_day,
        "!=": ~on_that_day,
        ">=": Q(last_behavior_at__gte=start),
        ">": Q(last_behavior_at__gte=end),
        "<": Q(last_behavior_at__lt=start),
        "<=": Q(last_behavior_at__lt=end),
    }
    return by_sign[sign]


def _compared(column: str, sign: str, value: int) -> Q:
    return ~Q(**{column: value}) if sign == "!=" else Q(**{f"{column}__{LOOKUPS[sign]}": value})


_COLUMNS: dict[str, Callable[[str, str, str], Q]] = {"behaviors": _behaviors, "last_behavior": _last_behavior}


def _with_attribute(found: QuerySet[Shopper], name: str, term: str, sign: str, value: str) -> QuerySet[Shopper]:
    if sign not in ("=", "!="):
        raise _wrong(f"“{term}”: an attribute is compared by = or != only; {', '.join(WORDS[:2])} take {sign} too.")
    if not Shopper.objects.known().filter(attributes__has_key=name).exists():
        raise _wrong(f"No shopper has an attribute “{name}”. {_meant(name)}")
    # As text: a file may have brought the number 2 or the word.
    column = f"attribute_{len(found.query.annotations)}"
    found = found.alias(**{column: KeyTextTransform(name, "attributes")})
    is_one = Q(**{f"{column}__in": [one.strip() for one in value.split(",")]})
    return found.filter(is_one if sign == "=" else ~is_one | Q(**{f"{column}__isnull": True}))


def _meant(name: str) -> str:
    known = sorted({key for one in _attributes() for key in one})
    if near := difflib.get_close_matches(name, [*known, *WORDS], n=1):
        return f"Did you mean “{near[0]}”?"
    return f"There are {', '.join(known)}." if known else "There are none."


def _attributes() -> Iterable[dict[str, Any]]:
    return Shopper.objects.known().exclude(attributes={}).values_list("attributes", flat=True)[:LOOKED_THROUGH]


def _share(term: str, sign: str, value: str) -> float:
    try:
        share = float(value)
    except ValueError:
        share = 0.0
    if sign != "=" or not 0 < share <= 1:
        raise _wrong(f"“{term}” is no share. Give one above 0 up to 1, such as sample=0.1 for a tenth.")
    return share


def _seed(term: str, sign: str, value: str) -> int:
    if sign != "=" or not value.isdecimal():
        raise _wrong(f"“{term}” is no seed. Give a whole number, such as seed=7.")
    return int(value)


def _once(before: Any, value: Any, term: str) -> Any:
    if before is not None:
        raise _wrong(f"“{term}” is said twice or more. Say it once.")
    return value


def _sampled(found: QuerySet[Shopper], share: float, seed: int) -> QuerySet[Shopper]:
    """Each shopper has a number for each seed, the same for ever; those below the share are drawn."""
    if share == 1:
        return found
    number = MD5(Concat(Value(f"{seed}:", TextField()), Cast("pk", TextField())))
    return found.alias(lot=number).filter(lot__lt=f"{int(share * 2**32):08x}")


def _wrong(message: str) -> PopulationError:
    return PopulationError(message, "query")
