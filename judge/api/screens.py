"""One screen of work as the API gives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce

from judge import pair_screens, visibility
from judge.api.pair_serializers import PairSerializer
from judge.api.serializers import AssessmentSerializer, AssignmentSerializer
from judge.models import Assessment, Assignment
from judge.services import rubric_in_use
from recommend import roles
from recommend.api.serializers import HistorySerializer
from recommend.models import Output
from recommend.prepared import Prepared

SHOWN = AssessmentSerializer.Meta.fields
OF_OTHERS = (
    *(f"rater__{name}" for name in ("prompt_version", "user__username", "language_model__name", "panel__name")),
    *(f"rubric__{name}" for name in ("kind", "version", "title")),
)
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
        found = seen(user=user.pk, generation=assignment.unit.generation_id, rubric=campaign.rubric_id)
        screen.visible = [one | {"rater": _rater(one), "rubric": campaign.rubric} for one in found]
    written = dict(SERIALIZER.to_representation(assignment))
    return written | _pair(assignment) if campaign.compares else written


def _rater(row: Mapping[str, Any]) -> dict[str, object]:
    found = {name: row[f"rater_{name}"] for name in ("id", "name", "prompt_version")}
    return found | {"is_person": row["rater_user_id"] is not None}


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
    related = ("rater__user", "rater__language_model", "rater__panel", "rubric")
    return assessments.select_related(*related).only(*SHOWN, *OF_OTHERS).order_by("output", "created_at")


def _seen(role: str) -> Prepared[dict[str, Any]]:
    """What somebody in this role may see now of a generation's kept outputs, under one rubric, which is not read."""

    def make(user: int, generation: UUID, rubric: UUID) -> QuerySet[Assessment, dict[str, Any]]:
        person = User(pk=user)
        roles.remember(person, [role])
        outputs = Output.objects.filter(generation=generation).kept()
        seen = visibility.visible_assessments(person, outputs).filter(rubric=rubric).order_by("output", "created_at")
        shown: QuerySet[Assessment, dict[str, Any]] = seen.values(
            *(name for name in SHOWN if name not in ("rater", "rubric")),
            "rater_id",
            rater_user_id=F("rater__user"),
            rater_prompt_version=F("rater__prompt_version"),
            rater_name=Coalesce("rater__user__username", "rater__panel__name", "rater__language_model__name"),
        )
        return shown

    return Prepared(make, user=int, generation=UUID, rubric=UUID)


# The rule asks first whether somebody is a lead; the rest of it is in the query.
SEEN, SEEN_BY_LEAD = _seen(roles.ANNOTATOR), _seen(roles.LEAD)
