"""Guests: shoppers whose history comes with the request, checked by the rules of an import and kept apart.

The same history and attributes make the same guest, so that a request that is repeated, or asked again with another
model, is one shopper to every statistic that counts shoppers.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa

from recommend.extraction import Event
from recommend.imports import checks
from recommend.imports.columns import COLUMNS
from recommend.models import ITEM_NAME, GuestHistory, Item, Shopper

MAX_BEHAVIORS = 50_000  # the report's shoppers have 37,000 on average
MAX_FAULTS = 20  # told at once; the first one is often that of all
NAMES = tuple(name for name in COLUMNS if name != "shopper")


class InvalidHistoryError(ValueError):
    """A history that no run can use. `faults`: number of a behaviour, None for all of it -> what is wrong with it."""

    def __init__(self, faults: Mapping[int | None, str]) -> None:
        super().__init__("; ".join(f"{number}: {words}" for number, words in faults.items()))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class GivenHistory:
    """A history that was checked: oldest first, each behaviour with the names of an import's columns."""

    behaviors: Sequence[Mapping[str, Any]]
    attributes: Mapping[str, Any]

    @property
    def external_id(self) -> str:
        """What its guest is called: the same for the same content."""
        content = json.dumps([self.behaviors, self.attributes], sort_keys=True, ensure_ascii=False)
        return f"guest-{sha256(content.encode()).hexdigest()[:32]}"

    @property
    def first_at(self) -> datetime:
        return datetime.fromisoformat(self.behaviors[0]["occurred_at"])

    @property
    def last_at(self) -> datetime:
        return datetime.fromisoformat(self.behaviors[-1]["occurred_at"])


def check(behaviors: Sequence[Any], attributes: Mapping[str, Any], *, now: datetime) -> GivenHistory:
    """What was given, if a run can use it. Raises InvalidHistoryError.

    behaviors   objects with kind, sku or query, occurred_at and, if wished, quantity and dwell_s
    attributes  of the shopper, as `imports.values.attributes` lets them through
    now         aware; what lies more than a day behind it is refused
    """
    if not behaviors:
        _refuse("It is empty: give at least one behaviour, or name a stored shopper.")
    if len(behaviors) > MAX_BEHAVIORS:
        _refuse(
            f"{len(behaviors):,} behaviours; at most {MAX_BEHAVIORS:,} are taken with a request. Leave the oldest out, "
            "or import them and name the shopper."
        )
    if wrong := _misshapen(behaviors):
        raise InvalidHistoryError(wrong)
    checked = checks.check(_table(behaviors), now)
    skus = checked.sku.to_pylist()
    known = known_items(skus)
    unknown = np.array([bool(sku) and sku not in known for sku in skus])
    checked.refused.mark(
        unknown, "no item has this sku; GET /api/v1/items/?search=… finds items, import_items loads them", checked.sku
    )
    if checked.refused:
        raise InvalidHistoryError(_first(checked.refused))
    found = list(map(_behavior, *_columns(checked)))
    found.sort(key=lambda one: one["occurred_at"])  # all in UTC and of one form, so the order is that of time
    return GivenHistory(found, attributes)


def admit(given: GivenHistory) -> Shopper:
    """The guest of a history, made or found."""
    guest, is_new = Shopper.objects.get_or_create(
        external_id=given.external_id, defaults={"attributes": dict(given.attributes), "is_guest": True}
    )
    if is_new:
        GuestHistory.objects.create(shopper=guest, behaviors=list(given.behaviors))
    return guest


def given_by(guest: Shopper) -> GivenHistory:
    """The history of a guest, as it was given. Raises GuestHistory.DoesNotExist."""
    return GivenHistory(GuestHistory.objects.get(shopper=guest).behaviors, guest.attributes)


def read(guest: Shopper, before: datetime) -> Iterator[Event]:
    """A guest's behaviours before a moment, as a source of stored ones gives them (`sources.BehaviorSource`)."""
    for one in given_by(guest).behaviors:
        at = datetime.fromisoformat(one["occurred_at"])
        if at < before:
            query, quantity = one.get("query", ""), one.get("quantity", 1)
            yield Event(one["kind"], query, at, quantity, one.get("sku", ""), one.get("dwell_s"))


def known_items(skus: Sequence[str]) -> dict[str, tuple[Any, str, list[str]]]:
    """sku -> id, what histories call it and category, of those that there are."""
    asked = sorted({sku for sku in skus if sku and "\0" not in sku})
    rows = Item.objects.annotate(name=ITEM_NAME).filter(sku__in=asked).values_list("sku", "pk", "name", "category")
    return {sku: (pk, name, category) for sku, pk, name, category in rows.order_by()}


def _refuse(words: str) -> NoReturn:
    raise InvalidHistoryError({None: words})


def _misshapen(behaviors: Sequence[Any]) -> dict[int | None, str]:
    """What is no object of plain values under names that we know; the import's rules see to the values."""
    wrong: dict[int | None, str] = {}
    for number, one in enumerate(behaviors):
        if not isinstance(one, Mapping):
            wrong[number] = f"A behaviour is an object with {', '.join(NAMES)}."
        elif unknown := [str(name) for name in one if name not in NAMES]:
            wrong[number] = f"Unknown: {', '.join(unknown)[:100]}. Known here: {', '.join(NAMES)}."
        elif nested := [name for name, value in one.items() if not isinstance(value, str | int | float | None)]:
            wrong[number] = f'"{nested[0]}" must be plain text or a number.'
        if len(wrong) == MAX_FAULTS:
            break
    return wrong


def _table(behaviors: Sequence[Mapping[str, Any]]) -> pa.Table:
    columns = {name: [_text(one.get(name)) for one in behaviors] for name in NAMES}
    # The rules want a shopper in every row; here all are of the one who is asked for.
    columns["shopper"] = ["guest"] * len(behaviors)
    return pa.table({name: pa.array(texts, pa.string()) for name, texts in columns.items()})


def _text(value: str | int | float | None) -> str | None:
    # JSON may say 12 or 12.0 for a key or a number; halves of characters are no text for Arrow.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return None if value is None else str(value).encode("utf-8", "replace").decode()


def _first(refused: checks.Refused) -> dict[int | None, str]:
    told: dict[int | None, str] = {
        number: f"{reason}{f' (value: {value[:100]!r})' if value else ''}."
        for number, (reason, value) in sorted(refused.items())[:MAX_FAULTS]
    }
    if len(refused) > MAX_FAULTS:
        told[None] = f"{len(refused):,} behaviours are at fault; the first {MAX_FAULTS} are named."
    return told


def _columns(checked: checks.Checked) -> tuple[Sequence[Any], ...]:
    return (
        [checks.KINDS[kind] for kind in checked.kind],
        checked.sku.to_pylist(),
        checked.query.to_pylist(),
        checked.at_us.tolist(),
        checked.quantity.tolist(),
        checked.dwell_s.tolist(),
    )


def _behavior(kind: str, sku: str, query: str, at_us: int, quantity: int, dwell_s: float) -> dict[str, Any]:
    """As it is kept: without what is not there, times in UTC to the microsecond."""
    at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=at_us)
    kept: dict[str, Any] = {"kind": kind, "occurred_at": at.isoformat(timespec="microseconds")}
    optional: dict[str, str | float | None] = {
        "sku": sku,
        "query": query,
        "quantity": quantity if quantity > 1 else None,
    }
    if not math.isnan(dwell_s):
        optional["dwell_s"] = dwell_s
    return kept | {name: value for name, value in optional.items() if value not in ("", None)}
