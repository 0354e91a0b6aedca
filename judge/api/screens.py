"""One screen of work as the API gives it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet

from judge import queue, visibility
from judge.api.serializers import AssignmentSerializer
from judge.models import Assessment, Assignment
from judge.services import rubric_in_use
from recommend.models import Output

# Built once: making its fields anew costs as much as everything else that a call does.
SERIALIZER = AssignmentSerializer()


def own_assignments(user: User) -> QuerySet[Assignment]:
    """The screens of one person; those of others do not exist for them."""
    return Assignment.objects.filter(annotator=user).select_related(*queue.SCREEN).order_by("-id")


def shown(assignment: Assignment, user: User) -> dict[str, object]:
    """The screen with everything that `user` may see of it now."""
    campaign = assignment.unit.campaign
    campaign.rubric = rubric_in_use(campaign.rubric_id)
    # Beside the row's own columns; `assessments` is a relation of the row, and not what the user may see.
    screen: Any = assignment
    screen.visible = []
    if visibility.judge_is_revealed(assignment):
        outputs = Output.objects.filter(generation=assignment.unit.generation_id).kept()
        found = visibility.visible_assessments(user, outputs).filter(rubric=campaign.rubric)
        screen.visible = list(with_raters(found))
    return dict(SERIALIZER.to_representation(assignment))


def with_raters(assessments: QuerySet[Assessment]) -> QuerySet[Assessment]:
    """With what the serializer shows of each, in one query."""
    return assessments.select_related("rater__user", "rater__language_model", "rater__panel", "rubric").order_by(
        "output", "created_at"
    )
