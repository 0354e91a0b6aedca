"""Tables in one partition a month: making months ahead, listing them, dropping old ones whole."""

from datetime import date

from django.db import connection
from django.utils import timezone

TABLES = ("recommend_auditentry", "recommend_behavior")
AHEAD = 3


def make(table: str, n: int = AHEAD) -> int:
    """Make the partitions of this month and the next ones; returns how many are new."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT recommend_make_months(%s::regclass, %s, %s)", [table, timezone.now().date(), n])
        return int(cursor.fetchone()[0])


def held(table: str) -> list[date]:
    """The first days of the months that a table has, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT to_date(right(relname, 7), 'YYYY_MM') FROM pg_class JOIN pg_inherits ON inhrelid = pg_class.oid "
            "WHERE inhparent = %s::regclass AND relname ~ '_[0-9]{4}_[0-9]{2}$' ORDER BY 1",
            [table],
        )
        return [row[0] for row in cursor.fetchall()]


def drop(table: str, keep: int) -> list[date]:
    """Drop what is older than the `keep` last whole months and the running one; returns the months that are gone."""
    today = timezone.now().date()
    first = date(today.year, today.month, 1)
    for _ in range(keep):
        first = date(first.year - (first.month == 1), (first.month - 2) % 12 + 1, 1)
    gone = [month for month in held(table) if month < first]
    with connection.cursor() as cursor:
        for month in gone:
            cursor.execute(f'DROP TABLE "{table}_{month:%Y_%m}"')
    return gone
