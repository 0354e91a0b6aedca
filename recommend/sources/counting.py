"""How many behaviours each shopper has, stored with the shopper: pages list and sort by it."""

from dataclasses import dataclass
from itertools import islice

from django.db import connection, transaction

from recommend.sources.base import BehaviorSource

ROWS_AT_ONCE = 10_000

_CREATE = "CREATE TEMP TABLE totals (external_id text, n bigint, last_at timestamptz) ON COMMIT DROP"
_INSERT = "INSERT INTO totals SELECT * FROM unnest(%s::text[], %s::bigint[], %s::timestamptz[])"
_UPDATE = """
    WITH summed AS (SELECT external_id, sum(n) AS n, max(last_at) AS last_at FROM totals GROUP BY external_id)
    UPDATE recommend_shopper AS shopper SET n_behaviors = coalesce(summed.n, 0), last_behavior_at = summed.last_at
    FROM recommend_shopper AS every LEFT JOIN summed ON summed.external_id = every.external_id
    WHERE shopper.id = every.id
      AND (every.n_behaviors, every.last_behavior_at) IS DISTINCT FROM (coalesce(summed.n, 0), summed.last_at)
"""
_COUNT = """
    SELECT count(DISTINCT totals.external_id) FILTER (WHERE shopper.id IS NOT NULL),
           count(DISTINCT totals.external_id) FILTER (WHERE shopper.id IS NULL), coalesce(sum(n), 0)
    FROM totals LEFT JOIN recommend_shopper AS shopper ON shopper.external_id = totals.external_id
"""


@dataclass(frozen=True, slots=True)
class Counted:
    """Shoppers that have behaviours, external ids with behaviours that are no shopper of ours, and all behaviours."""

    shoppers: int
    unknown: int
    behaviors: int


@transaction.atomic
def count(source: BehaviorSource) -> Counted:
    """Store the number and the last moment of every shopper's behaviours. Raises SourceError; then nothing changed."""
    with connection.cursor() as cursor:
        cursor.execute(_CREATE)
        found = source.totals()
        # Not by COPY: a source may be reading by this very connection.
        while part := list(islice(found, ROWS_AT_ONCE)):
            cursor.execute(_INSERT, [list(column) for column in zip(*part, strict=True)])
        cursor.execute(_UPDATE)
        cursor.execute(_COUNT)
        return Counted(*map(int, cursor.fetchone()))
