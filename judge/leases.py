"""The statements that the review queue stands on: taking a place, keeping it, and taking lapsed ones back."""

from functools import cache
from typing import Any, cast
from uuid import UUID

from django.contrib.auth.models import User
from django.utils import timezone

from judge import gold
from judge.models import Assignment, Campaign
from recommend.models import new_id
from recommend.prepared import execute

# The campaign, if this person may work in it now.
ROOM = """
room AS MATERIALIZED (
    SELECT id, overlap, least(lease_s, %(at_most_s)s::int) AS lease_s, rubric_id,
        deadline IS NULL OR deadline >= %(today)s AS is_open
    FROM judge_campaign campaign
    WHERE id = %(campaign)s AND state = 'active' AND (
        EXISTS (SELECT FROM judge_campaign_members WHERE campaign_id = campaign.id AND user_id = %(annotator)s)
        OR NOT EXISTS (SELECT FROM judge_campaign_members WHERE campaign_id = campaign.id)
    )
)
"""

# Units among the candidates with a place for this person. A generation, or a pair of two, that they have under the same
# rubric in another campaign is theirs already.
OPEN_TO_THEM = """
    ({candidates}) candidate JOIN judge_campaignunit unit ON unit.id = candidate.id
    WHERE (unit.is_gold OR unit.n_taken < (SELECT overlap FROM room))
      AND NOT EXISTS (
        SELECT FROM judge_campaignunit same
        JOIN judge_assignment mine ON mine.unit_id = same.id AND mine.annotator_id = %(annotator)s
        JOIN judge_campaign theirs ON theirs.id = same.campaign_id
        WHERE same.generation_id = candidate.generation_id AND same.rival_id IS NOT DISTINCT FROM unit.rival_id
          AND CASE WHEN same.id = candidate.id THEN mine.state <> 'expired'
              ELSE mine.state IN ('leased', 'submitted') AND theirs.rubric_id = (SELECT rubric_id FROM room) END
      )
"""

# One statement: what a person holds is renewed, or else a place is found, locked, counted and written down, so that no
# crash and no second request can come between. SKIP LOCKED gives each of many at once another unit; after the lock
# PostgreSQL checks n_taken anew. `own` is work of this person that was put down with a draft; it comes before anything
# new.
LEASE = """
WITH {room}, renewed AS (
    UPDATE judge_assignment
    SET lease_until = greatest(lease_until, now() + (SELECT lease_s FROM room) * interval '1 second')
    WHERE state = 'leased' AND id = (
        SELECT mine.id FROM judge_assignment mine JOIN judge_campaignunit unit ON unit.id = mine.unit_id
        WHERE mine.annotator_id = %(annotator)s AND mine.state = 'leased'
          AND unit.campaign_id = (SELECT id FROM room)
        ORDER BY mine.created_at LIMIT 1
    )
    RETURNING id
), own AS (
    SELECT unit.id FROM judge_assignment mine JOIN judge_campaignunit unit ON unit.id = mine.unit_id
    WHERE mine.annotator_id = %(annotator)s AND mine.state = 'expired' AND mine.draft_version > 0
      AND unit.campaign_id = (SELECT id FROM room WHERE is_open)
      AND (unit.is_gold OR unit.n_taken < (SELECT overlap FROM room))
      AND NOT EXISTS (SELECT FROM renewed)
    ORDER BY mine.lease_until DESC LIMIT 1
    FOR UPDATE OF unit SKIP LOCKED
), fresh AS (
    SELECT unit.id FROM {open_to_them}
      AND NOT EXISTS (SELECT FROM renewed) AND NOT EXISTS (SELECT FROM own)
    ORDER BY candidate.n_taken, candidate.created_at LIMIT 1
    FOR UPDATE OF unit SKIP LOCKED
), picked AS (
    SELECT id FROM own UNION ALL SELECT id FROM fresh
), taken AS (
    INSERT INTO judge_assignment AS held (
        id, created_at, unit_id, annotator_id, state, lease_until, draft, draft_version, skip_reason, flag, seconds
    )
    SELECT %(id)s, now(), picked.id, %(annotator)s, 'leased', now() + room.lease_s * interval '1 second',
        '{{}}'::jsonb, 0, '', '', 0
    FROM picked CROSS JOIN room
    ON CONFLICT (unit_id, annotator_id) DO UPDATE SET state = 'leased', lease_until = excluded.lease_until
        WHERE held.state = 'expired'
    RETURNING held.id, held.unit_id
), counted AS (
    UPDATE judge_campaignunit unit SET n_taken = unit.n_taken + 1
    FROM taken WHERE unit.id = taken.unit_id
    RETURNING taken.id
)
SELECT (SELECT id FROM renewed UNION ALL SELECT id FROM counted), EXISTS (SELECT FROM picked)
"""

FREE = "WITH {room} SELECT EXISTS (SELECT FROM {open_to_them})"

# Where a new unit is looked for; the next of these only where the one before had nothing. Units with the fewest places
# taken come first, then the oldest: the index (campaign, n_taken, created_at) finds them in order. So most people find
# one at once. But who was here before the others has thousands of units at the front that are open and not for them;
# they go on from where they were, and only where that leads nowhere is everything looked through: once, by taking all
# that they have had away from all that is open, and not by asking of each unit whether they have had it.
FRONT = """
    SELECT id, generation_id, n_taken, created_at FROM judge_campaignunit
    WHERE campaign_id = (SELECT id FROM room WHERE is_open) AND n_taken < (SELECT overlap FROM room) AND NOT is_gold
    ORDER BY n_taken, created_at LIMIT 50
"""
ONWARD = """
    SELECT next.* FROM (
        SELECT unit.created_at FROM (
            SELECT unit_id, created_at FROM judge_assignment WHERE annotator_id = %(annotator)s
            ORDER BY created_at DESC LIMIT 20
        ) latest JOIN judge_campaignunit unit ON unit.id = latest.unit_id
        WHERE unit.campaign_id = (SELECT id FROM room) AND NOT unit.is_gold ORDER BY latest.created_at DESC LIMIT 1
    ) place CROSS JOIN generate_series(0, (SELECT overlap FROM room) - 1) level CROSS JOIN LATERAL (
        SELECT id, generation_id, n_taken, created_at FROM judge_campaignunit
        WHERE campaign_id = (SELECT id FROM room WHERE is_open) AND n_taken = level AND NOT is_gold
          AND created_at > place.created_at
        ORDER BY created_at LIMIT 50
    ) next
    ORDER BY next.n_taken, next.created_at LIMIT 50
"""
# What it takes away is what OPEN_TO_THEM refuses. A unit is known by its generation and its rival, or the generation
# once more: nothing is its own rival, and a campaign draws a generation once. EXCEPT hashes or sorts, where an anti
# join may become a loop over a loop, and OFFSET 0 has the planner count on all that is left and not on the first 500 of
# it; so many are more than there are connections that could have them locked.
ANYWHERE = """
    SELECT * FROM (
        SELECT id, generation_id, n_taken, created_at FROM judge_campaignunit JOIN (
            SELECT generation_id, coalesce(rival_id, generation_id) FROM judge_campaignunit
            WHERE campaign_id = (SELECT id FROM room WHERE is_open) AND n_taken < (SELECT overlap FROM room)
              AND NOT is_gold
            EXCEPT
            SELECT had.generation_id, coalesce(had.rival_id, had.generation_id) FROM judge_assignment mine
            JOIN judge_campaignunit had ON had.id = mine.unit_id
            JOIN judge_campaign theirs ON theirs.id = had.campaign_id
            WHERE mine.annotator_id = %(annotator)s AND (
                mine.state IN ('leased', 'submitted') AND theirs.rubric_id = (SELECT rubric_id FROM room)
                OR mine.state = 'skipped' AND theirs.id = (SELECT id FROM room) AND NOT had.is_gold
            )
        ) leftover USING (generation_id)
        WHERE campaign_id = (SELECT id FROM room) AND NOT is_gold
        OFFSET 0
    ) found
    ORDER BY n_taken, created_at LIMIT 500
"""

# A gold unit that this person has not met: not labelled or decided by them, under this rubric in any campaign. Each
# person meets them in an order of their own. Never more of them than planned, and never a generation for which a plan
# still needs people: it must not be spoiled for the sample.
GOLD = """
    SELECT unit.id, unit.generation_id, unit.created_at,
        hashtext(unit.id::text || (%(annotator)s::bigint)::text) AS n_taken
    FROM judge_campaignunit unit JOIN judge_gold known ON known.generation_id = unit.generation_id
    WHERE unit.campaign_id = (SELECT id FROM room WHERE is_open) AND unit.is_gold
      AND known.rubric_id = (SELECT rubric_id FROM room) AND known.withdrawn_at IS NULL
      AND known.by_id <> %(annotator)s
      AND NOT EXISTS (
        SELECT FROM judge_assessment said JOIN judge_rater rater ON rater.id = said.rater_id
        JOIN recommend_output output ON output.id = said.output_id
        WHERE output.generation_id = unit.generation_id AND said.rubric_id = known.rubric_id
          AND rater.user_id = %(annotator)s
      ) AND NOT EXISTS (
        SELECT FROM judge_resolution decided JOIN recommend_output output ON output.id = decided.output_id
        WHERE output.generation_id = unit.generation_id AND decided.rubric_id = known.rubric_id
          AND decided.by_id = %(annotator)s
      ) AND NOT EXISTS (
        SELECT FROM judge_campaignunit same JOIN judge_campaign theirs ON theirs.id = same.campaign_id
        LEFT JOIN judge_assignment mine ON mine.unit_id = same.id AND mine.annotator_id = %(annotator)s
        WHERE same.generation_id = unit.generation_id AND same.id <> unit.id AND same.rival_id IS NULL
          AND theirs.rubric_id = known.rubric_id
          AND (mine.id IS NOT NULL OR NOT same.is_gold AND theirs.state <> 'closed' AND same.n_taken < theirs.overlap)
      ) AND (
        SELECT coalesce(sum(n_taken), 0) FROM judge_campaignunit WHERE campaign_id = unit.campaign_id AND is_gold
      ) < %(n_gold_places)s
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


FINISH = """
WITH done AS (
    UPDATE judge_assignment
    SET state = 'submitted', submitted_at = %(submitted_at)s, lease_until = %(lease_until)s, seconds = %(seconds)s
    WHERE id = %(id)s
    RETURNING unit_id, annotator_id
), counted AS (
    UPDATE judge_campaignunit unit SET n_submitted = n_submitted + 1, n_taken = n_taken + %(change)s
    FROM done WHERE unit.id = done.unit_id
    RETURNING unit.campaign_id, done.annotator_id
)
INSERT INTO judge_tally AS tally (id, created_at, campaign_id, annotator_id, n_submitted)
SELECT %(tally)s, now(), campaign_id, annotator_id, 1 FROM counted
ON CONFLICT (campaign_id, annotator_id) DO UPDATE SET n_submitted = tally.n_submitted + 1
"""


def take(campaign: Campaign, annotator: User, at_most_s: int | None = None) -> UUID | None:
    """Renew what a person holds in a campaign, or lease a place for them; returns the assignment's id.

    The lease is for the campaign's time, or for `at_most_s` seconds if that is less. None where nothing is free for
    them, or the campaign is not for them or not active.
    """
    values = _values(campaign, annotator, at_most_s) | {"id": new_id()}
    places: tuple[str, ...] = (FRONT, ONWARD, ANYWHERE)
    # Gold is never the last thing in a queue, where it would stand out.
    if gold.is_due(campaign, annotator) and is_free(campaign, annotator):
        places = (GOLD, *places)
        values["n_gold_places"] = gold.n_places(campaign, campaign.overlap * campaign.units.sampled().count())
    for candidates in places:
        ((found, was_picked),) = cast("list[tuple[UUID | None, bool]]", execute(_statement(LEASE, candidates), values))
        if found is not None:
            return found
        if was_picked:
            # The same person took it in another tab at this very moment: now they hold it.
            return take(campaign, annotator, at_most_s)
    return None


def is_free(campaign: Campaign, annotator: User) -> bool:
    """Whether `take` would find a place in a campaign for a person who holds none there."""
    values = _values(campaign, annotator)
    for candidates in (FRONT, ONWARD, ANYWHERE):
        ((found,),) = execute(_statement(FREE, candidates), values)
        if found:
            return True
    return False


@cache
def _statement(template: str, candidates: str) -> str:
    return template.format(room=ROOM, open_to_them=OPEN_TO_THEM.format(candidates=candidates))


def _values(campaign: Campaign, annotator: User, at_most_s: int | None = None) -> dict[str, Any]:
    return {
        "campaign": campaign.pk,
        "annotator": annotator.pk,
        "today": timezone.localdate(),
        "at_most_s": at_most_s,
    }


def finish(assignment: Assignment, change: int) -> None:
    """Store that a held assignment is submitted, with its time; `change` is the number of places that this takes."""
    values = {
        "id": assignment.pk,
        "submitted_at": assignment.submitted_at,
        "lease_until": assignment.lease_until,
        "seconds": assignment.seconds,
        "change": change,
        "tally": new_id(),  # of the first submit
    }
    execute(FINISH, values)


def expire(campaign: Campaign | None = None) -> int:
    """Take back the places of lapsed leases, drafts kept; returns how many. Safe at any time, by many at once."""
    ((n,),) = execute(EXPIRE, {"campaign": campaign.pk if campaign else None})
    return int(n)
