"""The catalogue and the log of the database."""

import io

import numpy as np
from django.db import connection, transaction

from recommend import histories, sessions
from recommend.models import Behavior, Item
from recommend.retrieval.fitting import Report
from recommend.towers.features import ItemRow
from recommend.towers.log import Log

_COPY_HEADER = 19  # bytes before the first row of COPY's binary format
_NAMES = ("shopper", "item", "how", "moment")
_COLUMNS = [part for name in _NAMES for part in ((f"{name}_bytes", ">i4"), (name, ">i8"))]
_COPY_ROW = np.dtype([("fields", ">i2"), *_COLUMNS])
_IGNORED = ("search", "return")  # neither takes an item


class NothingToLearnError(ValueError):
    """There are no behaviours with items."""


def catalogue() -> list[ItemRow]:
    """The items that somebody did something with, by id."""
    rows = Item.objects.filter(n_behaviors__gt=0).order_by("pk")
    values = rows.values_list("pk", "title", "category", "brand", "price", "n_behaviors").iterator()
    return [
        ItemRow(pk.bytes, title, tuple(category), brand, None if price is None else float(price), n)
        for pk, title, category, brand, price, n in values
    ]


@transaction.atomic
def read(report: Report = lambda message: None) -> Log:
    """All behaviours with an item, by shopper and time. Raises NothingToLearnError where there are none.

    Popularity is that of the last `fit_retrieval`.
    """
    items = catalogue()
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT kind FROM recommend_behavior")
        there = {kind for (kind,) in cursor.fetchall()}
        kinds = sorted(kind for kind in Behavior.Kind.values if kind in there and kind not in _IGNORED)
        if not items or not kinds:
            raise NothingToLearnError(
                "Nobody took an item: import behaviours, run `manage.py fit_retrieval`, and try again."
            )
        cursor.execute(
            """SELECT shopper.id FROM recommend_shopper AS shopper
               WHERE EXISTS (SELECT FROM recommend_behavior WHERE shopper_id = shopper.id) ORDER BY shopper.id"""
        )
        shoppers = np.array([row[0].bytes for row in cursor.fetchall()], dtype="V16")
    events = _events(kinds)
    visits = sessions.moments(events["shopper"], events["moment"].astype(np.int64), histories.session_gap())
    report(f"{len(events):,} behaviours of {len(shoppers):,} shoppers with {len(items):,} items")
    return Log.of(
        items,
        shoppers,
        kinds,
        shoppers=events["shopper"].astype(np.int64),
        items=events["item"].astype(np.int64),
        how=events["how"].astype(np.int64),
        moments=visits,
    )


def _events(kinds: list[str]) -> np.ndarray:
    """Rows of numbers by shopper and time, as `_COPY_ROW`; binary COPY reads straight into numpy."""
    # The kinds stand in the statement: COPY takes no parameters from Django's cursor while DEBUG is on.
    names = ", ".join(f"'{kind}'" for kind in kinds)
    query = f"""COPY (
        WITH items AS (
            SELECT id, row_number() OVER (ORDER BY id) - 1 AS number FROM recommend_item WHERE n_behaviors > 0
        ), shoppers AS (
            SELECT id, row_number() OVER (ORDER BY id) - 1 AS number FROM recommend_shopper AS shopper
            WHERE EXISTS (SELECT FROM recommend_behavior WHERE shopper_id = shopper.id)
        )
        SELECT shoppers.number, items.number, array_position(ARRAY[{names}], event.kind::text)::int8 - 1,
            (extract(epoch FROM event.occurred_at) * 1000000)::int8
        FROM recommend_behavior AS event
        JOIN items ON items.id = event.item_id
        JOIN shoppers ON shoppers.id = event.shopper_id
        WHERE event.kind IN ({names})
        ORDER BY shoppers.number, event.occurred_at, event.id
    ) TO STDOUT (FORMAT binary)"""  # noqa: S608  # names of our own
    buffer = io.BytesIO()
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        for chunk in copy:
            buffer.write(chunk)
    rows: np.ndarray = np.frombuffer(buffer.getbuffer()[_COPY_HEADER:-2], dtype=_COPY_ROW)
    return rows
