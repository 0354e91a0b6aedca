"""Values of catalogue and shopper rows: what is accepted, in which form it is stored, why it is not."""

import json
import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from recommend.imports.problems import RowError

MAX_TEXT = 1000
MAX_PRICE = Decimal("9999999999.99")


def text(values: Mapping[str, Any], name: str, *, limit: int = MAX_TEXT, required: bool = False) -> str:
    """A text of at most `limit` characters without control characters; "" where there is none.

    Numbers are taken as their digits, since keys like sku are often numbers in the files. Raises RowError.
    """
    value = values.get(name)
    if value is None or value == "":
        if required:
            raise RowError(f'"{name}" is missing')
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise RowError(f'"{name}" must be text', _json(value))
    if isinstance(value, float) and value != value:  # NaN is how pandas writes "none"
        return text({}, name, required=required)
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # pandas makes floats of whole numbers where a column has gaps
    return _checked(str(value), name, limit)


def category(values: Mapping[str, Any]) -> list[str]:
    """The category path, broadest first: a list, or a text whose levels are parted by ">"."""
    value = values.get("category")
    if value is None or value == "":
        return []
    levels = value.split(">") if isinstance(value, str) else value
    if not isinstance(levels, list) or not all(isinstance(level, str) for level in levels):
        raise RowError('"category" must be a list of texts, or one text like "Food > Fruit > Apples"', _json(value))
    return [_checked(level.strip(), "category", 200) for level in levels if level.strip()]


def price(values: Mapping[str, Any]) -> Decimal | None:
    """The price rounded to cents; None where there is none."""
    value = values.get("price")
    if value is None or value == "" or value != value:
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(value, bool) or not number.is_finite():
        raise RowError('"price" must be a number like 2.99, without currency or thousands sign', _json(value))
    if not 0 <= number <= MAX_PRICE:
        raise RowError(f'"price" must lie between 0 and {MAX_PRICE}', str(value))
    return number.quantize(Decimal("0.01"))


def image_url(values: Mapping[str, Any]) -> str:
    """Address of a picture; "" where there is none."""
    value = text(values, "image_url", limit=500)
    if not value:
        return ""
    try:
        url = urlsplit(value)
        is_address = url.scheme == "https" and bool(url.hostname)
    except ValueError:
        is_address = False
    if not is_address or re.search(r"[\s\"'<>\\]", value):
        raise RowError('"image_url" must be an address like https://images.example.com/tea.jpg', value)
    return value


def attributes(values: Mapping[str, Any]) -> dict[str, Any]:
    """Named attributes: texts, numbers, true or false. In CSV a JSON object. Attributes without value are left out."""
    value = values.get("attributes")
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise RowError(f'"attributes" is broken JSON ({error})', value) from error
    if not isinstance(value, dict):
        raise RowError('"attributes" must be an object like {"age": "35-44"}', _json(value))
    return {
        _checked(str(name), "attributes", 100): _attribute(name, one)
        for name, one in value.items()
        if one is not None and one != ""
    }


def _attribute(name: str, value: object) -> str | int | float | bool:
    if isinstance(value, str):
        return _checked(value, f"attributes.{name}", MAX_TEXT)
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float) and abs(value) < float("inf"):
        return value
    raise RowError(f'attribute "{name}" must be text, a number, true or false', _json(value))


def _checked(value: str, name: str, limit: int) -> str:
    if len(value) > limit:
        raise RowError(f'"{name}" has {len(value):,} characters; at most {limit:,} are allowed', value)
    for character in "" if value.isprintable() else value:
        # "Cc" control characters break pages and terminals, and PostgreSQL cannot store NUL; "Cs" is half a character.
        if unicodedata.category(character) in ("Cc", "Cs"):
            raise RowError(f'"{name}" holds the control character U+{ord(character):04X}; remove it', value)
    return value


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
