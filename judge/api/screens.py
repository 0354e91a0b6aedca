"""One screen of work as the API gives it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet

from judge import visibility
from judge.api.serializers import AssignmentSerializer
from judge.models import Assessment, Assignment
from recommend.models import Output

RELATED = ("unit__campaign__rubric", "unit__generation__run", "unit__generation__shopper")


def own_assignments(user: User) -> QuerySet[Assignment]:
    """The screens of one person; those of others do not exist for them."""
    return Assignment.objects.filter(annotator=user).select_related(*RELATED).order_by("-id")


def shown(assignment: Assignment, user: User) -> dict[str, object]:
    """The screen with everything that `user` may see of it now."""
    outputs = Output.objects.filter(generation=assignment.unit.generation_id).kept()
    # Beside the row's own columns; `assessments` is a relation of the row, and not what the user may see.
    screen: Any = assignment
    screen.outputs = list(outputs.order_by("position"))
    screen.visible = list(with_raters(visibility.visible_assessments(user, outputs)))
    return dict(AssignmentSerializer(assignment).data)


def with_raters(assessments: QuerySet[Assessment]) -> QuerySet[Assessment]:
    """With what the serializer shows of each, in one query."""
    return assessments.select_related("rater__user", "rater__language_model", "rubric").order_by("output", "created_at")
