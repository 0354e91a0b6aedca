"""The two statements that the review queue stands on: taking a place, and taking lapsed ones back."""

from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from judge.models import Campaign
from recommend.models import new_id

# One statement: a place is found, locked, counted and written down together, so no crash and no second request can
# come between. SKIP LOCKED gives each of many at once another unit; after the lock PostgreSQL checks n_taken anew.
# `own` is work of this person that was put down with a draft; it comes before anything new. Of the rest, units with
# the fewest places taken come first, then the oldest: the index (campaign, n_taken, created_at) finds them in order.
# A generation that they have under the same rubric in another campaign is theirs already.
LEASE = """
WITH room AS MATERIALIZED (
    SELECT id, overlap, lease_s, rubric_id FROM judge_campaign
    WHERE id = %(campaign)s AND state = 'active' AND (deadline IS NULL OR deadline >= %(today)s)
), own AS (
    SELECT unit.id FROM judge_assignment mine JOIN judge_campaignunit unit ON unit.id = mine.unit_id
    WHERE mine.annotator_id = %(annotator)s AND mine.state = 'expired' AND mine.draft_version > 0
      AND unit.campaign_id = (SELECT id FROM room) AND unit.n_taken < (SELECT overlap FROM room)
    ORDER BY mine.lease_until DESC LIMIT 1
    FOR UPDATE OF unit SKIP LOCKED
), fresh AS (
    SELECT unit.id FROM judge_campaignunit unit
    WHERE unit.campaign_id = (SELECT id FROM room) AND unit.n_taken < (SELECT overlap FROM room)
      AND NOT EXISTS (SELECT FROM own)
      AND NOT EXISTS (
        SELECT FROM judge_campaignunit same
        JOIN judge_assignment mine ON mine.unit_id = same.id AND mine.annotator_id = %(annotator)s
        JOIN judge_campaign theirs ON theirs.id = same.campaign_id
        WHERE same.generation_id = unit.generation_id
          AND CASE WHEN same.id = unit.id THEN mine.state <> 'expired'
              ELSE mine.state IN ('leased', 'submitted') AND theirs.rubric_id = (SELECT rubric_id FROM room) END
      )
    ORDER BY unit.n_taken, unit.created_at LIMIT 1
    FOR UPDATE SKIP LOCKED
), taken AS (
    INSERT INTO judge_assignment AS held (
        id, created_at, unit_id, annotator_id, state, lease_until, draft, draft_version, skip_reason, flag, seconds
    )
    SELECT %(id)s, now(), picked.id, %(annotator)s, 'leased', now() + room.lease_s * interval '1 second',
        '{}'::jsonb, 0, '', '', 0
    FROM (SELECT id FROM own UNION ALL SELECT id FROM fresh) picked CROSS JOIN room
    ON CONFLICT (unit_id, annotator_id) DO UPDATE SET state = 'leased', lease_until = excluded.lease_until
        WHERE held.state = 'expired'
    RETURNING held.id, held.unit_id
)
UPDATE judge_campaignunit unit SET n_taken = unit.n_taken + 1
FROM taken WHERE unit.id = taken.unit_id
RETURNING taken.id
"""

EXPIRE = """
WITH units AS (
    SELECT unit.id FROM judge_campaignunit unit
    WHERE unit.id IN (
        SELECT unit_id FROM judge_assignment WHERE state = 'leased' AND lease_until < now()
    ) AND (%(campaign)s::uuid IS NULL OR unit.campaign_id = %(campaign)s::uuid)
    FOR UPDATE SKIP LOCKED
), lapsed AS (
    UPDATE judge_assignment held SET state = 'expired' FROM units
    WHERE held.unit_id = units.id AND held.state = 'leased' AND held.lease_until < now()
    RETURNING held.unit_id
), free AS (
    SELECT unit_id, count(*) AS n FROM lapsed GROUP BY unit_id
), given_back AS (
    UPDATE judge_campaignunit unit SET n_taken = unit.n_taken - free.n FROM free WHERE unit.id = free.unit_id
    RETURNING free.n
)
SELECT coalesce(sum(n), 0) FROM given_back
"""


def take(campaign: Campaign, annotator: User) -> UUID | None:
    """Lease a place for a person; returns the assignment's id, None where nothing is free for them."""
    values: dict[str, Any] = {
        "campaign": str(campaign.pk),
        "annotator": annotator.pk,
        "id": str(new_id()),
        "today": timezone.localdate(),
    }
    with connection.cursor() as cursor:
        cursor.execute(LEASE, values)
        row = cursor.fetchone()
    return row[0] if row else None


def expire(campaign: Campaign | None = None) -> int:
    """Take back the places of lapsed leases, drafts kept; returns how many. Safe at any time, by many at once."""
    with connection.cursor() as cursor:
        cursor.execute(EXPIRE, {"campaign": str(campaign.pk) if campaign else None})
        row = cursor.fetchone()
    return int(row[0]) if row else 0
