"""Which seasonal words fit a date, so that nobody is offered a snow shovel in June. Pure; English words only.

A word fits in its season and while that is coming: what is on sale in October for Christmas is timely. Months and words
are ours; the V1 report asks for products of the current or coming season and leaves it to its models.
"""

import re
from calendar import month_name
from collections.abc import Iterator
from datetime import date

# Month -> words that fit in it, north of the equator; those of the sun's seasons move by half a year south of it.
_SUN = {
    ("winter", "wintertime", "wintry", "ski"): (10, 11, 12, 1, 2),
    ("springtime",): (1, 2, 3, 4, 5),
    ("summer", "summertime", "summery", "beach", "sunscreen"): (4, 5, 6, 7, 8),
    ("autumn", "autumnal", "fall"): (7, 8, 9, 10, 11),
}
_CALENDAR = {
    ("new year",): (12, 1),
    ("valentine",): (1, 2),
    ("easter",): (2, 3, 4),
    ("back to school",): (7, 8, 9),
    ("halloween",): (9, 10),
    ("thanksgiving",): (10, 11),
    ("christmas", "xmas", "advent", "hanukkah"): (10, 11, 12),
}
# Named after a season, and eaten all year.
_ALL_YEAR = re.compile(r"\b(?:summer (?:sausage|squash|roll)|winter (?:squash|melon|wheat)|ski mask)s?\b")


def out_of_season(text: str, day: date, *, south: bool = False) -> tuple[str, str] | None:
    """The first word of a text whose season neither is nor comes next, and the months that it fits; None without one.

    south   whether the shopper lives south of the equator, where summer is in January

    >>> out_of_season("organic Christmas tea", date(2018, 1, 1))
    ('christmas', 'October to December')
    >>> out_of_season("summer dress", date(2018, 1, 1), south=True) is None
    True
    """
    lower = _ALL_YEAR.sub(" ", text.lower())
    for words, months in _fitting(south):
        found = re.search(rf"\b({'|'.join(words)})(?:'?s|’s)?\b", lower)
        if found and day.month not in months:
            return found.group(1), f"{month_name[months[0]]} to {month_name[months[-1]]}"
    return None


def _fitting(south: bool) -> Iterator[tuple[tuple[str, ...], tuple[int, ...]]]:
    yield from _CALENDAR.items()
    for words, months in _SUN.items():
        yield words, tuple((month + 5) % 12 + 1 for month in months) if south else months
