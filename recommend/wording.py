"""Amounts and times as people read them. Pure."""

from __future__ import annotations

from decimal import Decimal

NONE = "–"


def money(amount: Decimal | None) -> str:
    """An amount with as many digits as it takes to be told from nothing; a dash where there is none.

    >>> money(Decimal("0.00094")), money(Decimal("12.5")), money(None)
    ('0.00094', '12.50', '–')
    """
    if amount is None:
        return NONE
    return f"{amount:,.2f}" if amount >= 1 or not amount else f"{float(amount):.2g}"


def duration(seconds: float | None) -> str:
    """A time in its two largest units; a dash where there is none.

    >>> duration(42), duration(90), duration(3_720), duration(200_000), duration(None)
    ('42 s', '1 min 30 s', '1 h 2 min', '2 d 7 h', '–')
    """
    if seconds is None:
        return NONE
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    left, parts = round(seconds), list[str]()
    for name, size in units:
        n, left = divmod(left, size)
        if n or (name == "s" and not parts):
            parts.append(f"{n} {name}")
    return " ".join(parts[:2])


def pace(per_second: float | None) -> str:
    """How many a second, or a minute or an hour where that is less than one; a dash where there is none.

    >>> pace(12.345), pace(0.5), pace(0.01), pace(None)
    ('12.3 a second', '30.0 a minute', '36.0 an hour', '–')
    """
    if per_second is None:
        return NONE
    if per_second >= 1:
        return f"{per_second:,.1f} a second"
    return f"{60 * per_second:.1f} a minute" if 60 * per_second >= 1 else f"{3600 * per_second:.1f} an hour"
