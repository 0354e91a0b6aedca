"""One screen of work as the API gives it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import QuerySet

from judge import pair_screens, visibility
from judge.api.pair_serializers import PairSerializer
from judge.api.serializers import AssignmentSerializer
from judge.models import Assessment, Assignment
from judge.services import rubric_in_use
from recommend import roles
from recommend.api.serializers import HistorySerializer
from recommend.models import Output
from recommend.prepared import Prepared

NOT_SHOWN = ("raw_text", "grade", "prompt_tokens", "completion_tokens")
OF_THE_RATER = tuple(
    f"rater__{name}" for name in ("prompt_version", "user__username", "language_model__name", "panel__name")
)
OF_THE_RUBRIC = tuple(f"rubric__{name}" for name in ("kind", "version", "title"))
# Built once: making its fields anew costs as much as everything else that a call does.
SERIALIZER = AssignmentSerializer()


def shown(assignment: Assignment, user: User) -> dict[str, object]:
    """The screen with everything that `user` may see of it now."""
    campaign = assignment.unit.campaign
    campaign.rubric = rubric_in_use(campaign.rubric_id)
    # Beside the row's own columns; `assessments` is a relation of the row, and not what the user may see.
    screen: Any = assignment
    screen.visible, screen.pair = [], None
    if visibility.judge_is_revealed(assignment):
        seen = SEEN_BY_LEAD if roles.has_role(user, roles.LEAD) else SEEN
        screen.visible = seen(user=user.pk, generation=assignment.unit.generation_id, rubric=campaign.rubric_id)
        for one in screen.visible:
            one.rubric = campaign.rubric
    found = dict(SERIALIZER.to_representation(assignment))
    return found | _pair(assignment) if campaign.compares else found


def _pair(assignment: Assignment) -> dict[str, object]:
    """What a pair has in the place of one generation and its outputs."""
    unit = assignment.unit
    assert unit.rival is not None
    history = pair_screens.shown_more(unit.generation, unit.rival).run.history
    return {
        "generation": None,
        "outputs": [],
        "history": dict(HistorySerializer(history).data) if history else None,
        "pair": dict(PairSerializer(pair_screens.screen(assignment)).data),
    }


def with_raters(assessments: QuerySet[Assessment]) -> QuerySet[Assessment]:
    """With what the serializer shows of each, in one query, and without what is long and not shown."""
    return _short(assessments, OF_THE_RATER + OF_THE_RUBRIC).select_related("rubric")


def _short(assessments: QuerySet[Assessment], of_others: tuple[str, ...]) -> QuerySet[Assessment]:
    shown = [field.name for field in Assessment._meta.concrete_fields if field.name not in NOT_SHOWN]
    return (
        assessments.select_related("rater__user", "rater__language_model", "rater__panel")
        .only(*shown, *of_others)
        .order_by("output", "created_at")
    )


def _seen(role: str) -> Prepared[Assessment]:
    """What somebody in this role may see now of a generation's kept outputs, under one rubric, which is not read."""

    def make(user: int, generation: UUID, rubric: UUID) -> QuerySet[Assessment]:
        person = User(pk=user)
        roles.remember(person, [role])
        outputs = Output.objects.filter(generation=generation).kept()
        return _short(visibility.visible_assessments(person, outputs).filter(rubric=rubric), OF_THE_RATER)

    return Prepared(make, user=int, generation=UUID, rubric=UUID)


# The rule asks first whether somebody is a lead; the rest of it is in the query.
SEEN, SEEN_BY_LEAD = _seen(roles.ANNOTATOR), _seen(roles.LEAD)
