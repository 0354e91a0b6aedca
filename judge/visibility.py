"""Who may see which assessments: one rule, asked by pages and API alike.

Labels given before the judge was seen are the ones that count, so what could give the judge or a colleague away stays
hidden from a person until their own labels are in. The rule is part of the query: what it hides does not exist for
them.
"""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Exists, OuterRef, Q, QuerySet

from judge.models import Assessment, AssessmentQuerySet, Assignment, Campaign, CampaignUnit
from recommend import audit, roles
from recommend.audit import Verb
from recommend.models import Output


def visible_assessments(user: User | AnonymousUser, outputs: QuerySet[Output]) -> AssessmentQuerySet:
    """The assessments of `outputs` that a user may see now.

    Everybody sees their own. A lead sees all others, except those of a generation that they themselves hold, not yet
    submitted, in a blind campaign. Whoever is no lead sees no other person's, and the judge's only under a rubric
    under which they submitted that generation, or where no blind campaign has drawn it. Signed out: nothing.
    """
    if not user.is_authenticated:
        return Assessment.objects.none()
    found = Assessment.objects.filter(output__in=outputs)
    # Asked once and not of each assessment, of which an export has a million.
    held = blind_work(user)
    in_hand = Q(output__generation__in=held.values("unit__generation"))
    in_hand |= Q(output__generation__in=held.filter(unit__rival__isnull=False).values("unit__rival"))
    others = ~in_hand
    if not roles.has_role(user, roles.LEAD):
        others &= Q(rater__user__isnull=True) & (Exists(_submitted(user)) | ~Exists(_drawn_blind()))
    return found.filter(Q(rater__user=user) | others)


def judge_is_revealed(assignment: Assignment) -> bool:
    """Whether the person at work on an assignment sees the judge's labels beside it; beside a pair, never."""
    if assignment.unit.rival_id is not None:
        return False
    return not assignment.unit.campaign.blind or assignment.state == Assignment.State.SUBMITTED


def note_opened(assignment: Assignment) -> None:
    """Put into the audit log that a person was shown a screen of work, or after the submit the judge's labels on it."""
    submitted = assignment.state == Assignment.State.SUBMITTED and assignment.unit.rival_id is None
    verb = Verb.LABELS_REVEALED if submitted else Verb.ASSIGNMENT_OPENED
    audit.record(verb, assignment, {"judge_shown": judge_is_revealed(assignment)})


def blind_work(user: User) -> QuerySet[Assignment]:
    """What a person holds, not yet submitted, in blind campaigns: of that they see nobody else's labels."""
    return Assignment.objects.filter(annotator=user, state=Assignment.State.LEASED, unit__campaign__blind=True)


def _submitted(user: User) -> QuerySet[Assignment]:
    return Assignment.objects.filter(
        annotator=user,
        state=Assignment.State.SUBMITTED,
        unit__generation=OuterRef("output__generation"),
        unit__rival__isnull=True,
        unit__campaign__rubric=OuterRef("rubric"),
    )


def _drawn_blind() -> QuerySet[CampaignUnit]:
    # Closed campaigns count: they can be opened again, and a colleague's work may still be open.
    return CampaignUnit.objects.filter(
        generation=OuterRef("output__generation"), rival__isnull=True, campaign__in=Campaign.objects.filter(blind=True)
    )
