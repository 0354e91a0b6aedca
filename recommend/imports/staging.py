"""Behaviours on their way into the table: binary COPY into a staging table, then one INSERT.

The rows are laid out in COPY's binary format by numpy, which costs a tenth of what a Python call for each row does.
"""

import struct

import numpy as np
import pyarrow as pa
from django.db.backends.utils import CursorWrapper
from numpy.typing import NDArray

from recommend.imports.checks import KINDS, Array

CREATE = """
    CREATE TEMP TABLE staged (
        shopper uuid, item uuid, kind smallint, at timestamptz, quantity int, dwell float8, key bigint, query text
    )
"""
# The columns of `staged` as COPY's binary format wants them: the number of fields, then length and value of each, all
# big-endian. The query comes last since it alone has no fixed length.
_ROW = np.dtype(
    [
        ("n_fields", ">i2"),
        ("len_shopper", ">i4"),
        ("shopper", "V16"),
        ("len_item", ">i4"),
        ("item", "V16"),
        ("len_kind", ">i4"),
        ("kind", ">i2"),
        ("len_at", ">i4"),
        ("at", ">i8"),
        ("len_quantity", ">i4"),
        ("quantity", ">i4"),
        ("len_dwell", ">i4"),
        ("dwell", ">f8"),
        ("len_key", ">i4"),
        ("key", ">i8"),
        ("len_query", ">i4"),
    ]
)
_FIELDS = [name for name in _ROW.names or () if not name.startswith(("n_", "len_"))]
_HEADER, _END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_POSTGRES_EPOCH_US = 946_684_800_000_000  # 2000-01-01 in microseconds since 1970
_WRITE_BYTES = 1 << 17

# Equal rows of one file are numbered, so that each is an event of its own and has the same key next time. Sorting by
# month, shopper and time fills one part of the table after the other, puts a shopper's month side by side on disk, and
# keeps the pages of its indexes in memory. What is new is counted as it comes in, at a cost by the size of the file and
# not of the histories that it adds to.
INSERT = """
    WITH added AS (
        INSERT INTO recommend_behavior
            (created_at, shopper_id, item_id, kind, occurred_at, quantity, dwell_s, query, source_key)
        SELECT now(), shopper, nullif(item, '00000000-0000-0000-0000-000000000000'), (%s::text[])[kind + 1],
            at, quantity, nullif(dwell, 'NaN'), query,
            CASE WHEN n = 1 THEN key
            ELSE ((key::numeric + (n - 1) * 7046029254386353131::numeric) %% 9223372036854775808)::bigint END
        FROM (
            SELECT *, row_number() OVER (PARTITION BY month, shopper, at, key) AS n
            FROM (SELECT *, date_trunc('month', at, 'UTC') AS month FROM staged) AS dated
        ) AS numbered
        ORDER BY month, shopper, at
        ON CONFLICT (shopper_id, occurred_at, source_key) DO NOTHING
        RETURNING shopper_id, occurred_at
    ), counted AS (
        SELECT shopper_id, count(*) AS n, max(occurred_at) AS last_at FROM added GROUP BY shopper_id
    ), noted AS (
        UPDATE recommend_shopper AS shopper
        SET n_behaviors = shopper.n_behaviors + n, last_behavior_at = greatest(last_behavior_at, last_at)
        FROM counted WHERE counted.shopper_id = shopper.id
    )
    SELECT coalesce(sum(n), 0)::bigint FROM counted
"""
MONTHS = """
    SELECT recommend_make_months('recommend_behavior', month, 1)
    FROM (SELECT DISTINCT date_trunc('month', at AT TIME ZONE 'UTC')::date FROM staged) AS months (month)
"""
# Two imports of the same behaviours at once: the second waits here, then finds them there.
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('recommend_behavior import'))"


def copy(
    cursor: CursorWrapper,
    *,
    shopper: NDArray[np.void],
    item: NDArray[np.void],
    kind: NDArray[np.int16],
    at_us: NDArray[np.int64],
    quantity: NDArray[np.int32],
    dwell_s: NDArray[np.float64],
    key: NDArray[np.int64],
    query: Array,
) -> None:
    """Append rows to `staged`, all columns of the same length."""
    values = (shopper, item, kind, at_us - _POSTGRES_EPOCH_US, quantity, dwell_s, key)
    rows = np.zeros(len(key), _ROW)
    rows["n_fields"] = len(_FIELDS) + 1
    for name, column in zip(_FIELDS, values, strict=True):
        rows[name] = column
        rows[f"len_{name}"] = _ROW[name].itemsize
    data = memoryview(_HEADER + _with_queries(rows, query) + _END)
    with cursor.copy("COPY staged FROM STDIN (FORMAT binary)") as stream:
        for start in range(0, len(data), _WRITE_BYTES):
            stream.write(data[start : start + _WRITE_BYTES])


def _with_queries(rows: NDArray[np.void], query: Array) -> bytes:
    has_query = query.to_numpy(zero_copy_only=False) != ""
    if not has_query.any():
        return rows.tobytes()
    parts = [rows[~has_query].tobytes()]
    searches = memoryview(rows[has_query].tobytes())
    for number, text in enumerate(query.filter(pa.array(has_query)).to_pylist()):
        data = text.encode()
        row = searches[number * _ROW.itemsize : (number + 1) * _ROW.itemsize - 4]
        parts += [bytes(row), struct.pack(">i", len(data)), data]
    return b"".join(parts)


def store(cursor: CursorWrapper) -> int:
    """Insert what is staged and not there yet, and count it with its shoppers. Returns how many rows were added."""
    cursor.execute(_LOCK)
    cursor.execute("SET LOCAL work_mem = '256MB'")
    cursor.execute(MONTHS)
    checks_are_off = _switch_row_checks_off(cursor)
    cursor.execute(INSERT, [list(KINDS)])
    (added,) = cursor.fetchone()
    if checks_are_off:
        cursor.execute("SET LOCAL session_replication_role = origin")
    cursor.execute("DROP TABLE pg_temp.staged")
    return int(added)


def _switch_row_checks_off(cursor: CursorWrapper) -> bool:
    """Spare PostgreSQL two foreign-key queries for each row; False where that is not ours to decide.

    The look-up of shoppers and items has checked and locked every row that is referenced, as those queries would, once
    for each row and not once for each reference: half of the import's time. The switch is a superuser's, or granted
    (GRANT SET ON PARAMETER session_replication_role TO …). It silences all triggers, so it stays off where the table
    has somebody's own.
    """
    cursor.execute(
        "SELECT count(*) FROM pg_trigger JOIN pg_partition_tree('recommend_behavior') ON relid = tgrelid "
        "WHERE NOT tgisinternal AND tgname <> 'append_only'"
    )
    if cursor.fetchone() != (0,):
        return False
    cursor.execute("SELECT has_parameter_privilege('session_replication_role', 'SET')")
    if cursor.fetchone() != (True,):
        return False
    cursor.execute("SET LOCAL session_replication_role = replica")
    return True
