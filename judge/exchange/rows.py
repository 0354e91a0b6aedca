"""Rows as PostgreSQL writes them: COPY of one statement, so memory does not grow with them and all are of one moment.

Python only looks at what PostgreSQL cannot finish; making objects of 60,000 rows would take it longer than the query.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db import connection, transaction
from django.db.models import QuerySet

from judge.exchange.columns import select
from judge.models import Assessment

BATCH_ROWS = 2_000

CSV = "FORMAT csv"
# For columns of JSON: it has no raw control characters, so nothing is quoted, and what stands between SEPARATORs is it.
JSON = "FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02'"
SEPARATOR = b"\x01"


def copied(
    assessments: QuerySet[Assessment], columns: Iterable[str], options: str, tail: str = "", of: str = "*"
) -> Iterator[list[bytes]]:
    """The rows, each with its line end, some thousands at a time.

    columns   SQL over the names in COLUMNS; from this package's constants, never from outside, as are all of these
    options   of COPY: CSV or JSON
    tail      what follows FROM: the order
    of        what is `found`, where it is not the COLUMNS as they are
    """
    inner, params = select(assessments).query.sql_with_params()
    found = f"SELECT {of} FROM ({inner}) AS stored"  # noqa: S608
    sql = f"COPY (SELECT {', '.join(columns)} FROM ({found}) AS found {tail}) TO STDOUT ({options})"  # noqa: S608
    with transaction.atomic(), connection.cursor() as cursor:
        # Compiling expressions for 38 columns takes a second, which rows in the hundred thousands do not give back.
        cursor.execute("SET LOCAL jit = off")
        statement = connection.ops.compose_sql(sql, params)  # type: ignore[attr-defined]  # PostgreSQL's has it
        with cursor.copy(statement) as copy:
            batch: list[bytes] = []
            for row in copy:
                batch.append(bytes(row))
                if len(batch) == BATCH_ROWS:
                    yield batch
                    batch = []
            if batch:
                yield batch
