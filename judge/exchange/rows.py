"""Rows from a cursor of the server: memory does not grow with their number, and all are of one moment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from judge.exchange.columns import COLUMNS, select
from judge.models import Assessment

BATCH_ROWS = 2_000

Row = tuple[Any, ...]


def tuples(assessments: QuerySet[Assessment]) -> Iterator[list[Row]]:
    """The rows in the order of COLUMNS, some thousands at a time; ids and columns of JSON as their text.

    PostgreSQL writes an id in a tenth of the time in which Python makes a UUID of it and a text of that.
    """
    inner, params = select(assessments).query.sql_with_params()
    # Names come from COLUMNS, never from outside.
    columns = ", ".join(f"{one.name}::text" if one.kind == "id" else one.name for one in COLUMNS)
    return _fetched(f"SELECT {columns} FROM ({inner}) AS found", params)  # noqa: S608


def objects(assessments: QuerySet[Assessment]) -> Iterator[list[str]]:
    """Each row as the text of a JSON object, written by PostgreSQL: a quarter of the time that Python takes.

    Labels and probabilities are null where there are none, not an empty object, whose type readers cannot tell.
    """
    inner, params = select(assessments).query.sql_with_params()
    # Names come from COLUMNS, never from outside.
    columns = ", ".join(
        f"nullif({name}, '{{}}') AS {name}" if kind in ("labels", "probabilities") else name
        for name, kind in ((column.name, column.kind) for column in COLUMNS)
    )
    sql = f"SELECT row_to_json(ordered)::text FROM (SELECT {columns} FROM ({inner}) AS found) AS ordered"  # noqa: S608
    for batch in _fetched(sql, params):
        yield [text for (text,) in batch]


def _fetched(sql: str, params: tuple[Any, ...]) -> Iterator[list[Row]]:
    # One transaction from the first row to the last: a cursor that outlives its transaction would have the server
    # write out all rows before it sends the first.
    with transaction.atomic():
        with connection.cursor() as cursor:
            # Every row will be fetched: without this the planner assumes a tenth, and walks indexes for the rest too.
            cursor.execute("SET LOCAL cursor_tuple_fraction = 1.0")
        with connection.chunked_cursor() as cursor:
            cursor.execute(sql, params)
            while batch := cursor.fetchmany(BATCH_ROWS):
                yield batch
