"""The rows behind the dashboard: what the judge said, what people said blind, and both side by side.

Only first labels given blind are compared with the judge: what people said after they had seen its labels is theirs
and the judge's together.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.fields.json import KT

from judge import services
from judge.models import Assessment, Campaign, Rater, Rubric
from judge.rubrics import CriterionDef, RubricDef
from judge.statistics.rates import ClusterTotal, Population
from judge.statistics.report import OVERALL, PASS, ReviewedLabel
from recommend.models import LanguageModel, Output, Stage

STAGE_OF_KIND = {kind: stage for stage, kind in services.KIND_OF_STAGE.items()}


@dataclass(frozen=True, slots=True)
class Filters:
    """What the dashboard is about. Ids; None stands for all models, all campaigns, and the judge that serves now."""

    kind: str = Output.Kind.INTEREST
    model: UUID | None = None
    campaign: UUID | None = None
    judge: UUID | None = None

    @property
    def stage(self) -> Stage:
        return STAGE_OF_KIND[Output.Kind(self.kind)]

    def query(self, **changes: Any) -> str:
        """The filters as a query string, with some changed."""
        changed = replace(self, **changes)
        values = {field.name: getattr(changed, field.name) for field in fields(self)}
        return urlencode({name: str(value) for name, value in values.items() if value is not None})


def read_filters(params: Mapping[str, str]) -> Filters:
    """The filters of a query string; what is not understood is as if it had not been said."""
    kind = params.get("kind", "")
    return Filters(
        kind=kind if kind in Output.Kind.values else Output.Kind.INTEREST,
        model=_uuid(params.get("model", "")),
        campaign=_uuid(params.get("campaign", "")),
        judge=_uuid(params.get("judge", "")),
    )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def rubric_of(filters: Filters) -> Rubric:
    """The chosen campaign's rubric, else the newest of the kind. Raises Rubric.DoesNotExist."""
    if filters.campaign is not None:
        chosen = Campaign.objects.filter(pk=filters.campaign, stage=filters.stage).select_related("rubric").first()
        if chosen is not None:
            return chosen.rubric
    return Rubric.objects.current(filters.kind)


def judge_of(filters: Filters) -> Rater | None:
    """The chosen judge, else the one that serves now, else the newest; None where none has ever judged."""
    judges = Rater.objects.filter(language_model__isnull=False).select_related("language_model")
    if filters.judge is not None:
        return judges.filter(pk=filters.judge).first()
    serving = judges.filter(language_model__state=LanguageModel.State.SERVING)
    return serving.order_by("-created_at").first() or judges.order_by("-created_at").first()


def _of_model(filters: Filters) -> Q:
    return Q(output__generation__model=filters.model) if filters.model else Q()


def verdicts_of(filters: Filters, rubric: Rubric, judge: Rater | None) -> QuerySet[Assessment]:
    """The judge's usable and unusable answers about kept outputs."""
    if judge is None:
        return Assessment.objects.none()
    kept = Q(output__kind=filters.kind, output__rejected_by="")
    return Assessment.objects.filter(kept, _of_model(filters), rater=judge, rubric=rubric, revision=1).order_by()


def first_labels(filters: Filters, rubric: Rubric) -> QuerySet[Assessment]:
    """What people said first, blind or not."""
    found = Assessment.objects.filter(
        _of_model(filters), rater__user__isnull=False, rubric=rubric, revision=1, assignment__isnull=False
    ).order_by()
    return found.filter(assignment__unit__campaign=filters.campaign) if filters.campaign else found


def reviews_of(filters: Filters, rubric: Rubric) -> QuerySet[Assessment]:
    """People's first labels, given blind."""
    return first_labels(filters, rubric).filter(blind=True)


def said(criterion: str, label: str) -> Q:
    """Assessments with this label on a criterion; with OVERALL, those that passed or failed altogether."""
    if criterion == OVERALL:
        return Q(passed=label == PASS)
    return Q(labels__contains={criterion: label})


def reviewed_labels(
    reviews: QuerySet[Assessment], verdicts: QuerySet[Assessment], rules: RubricDef
) -> list[ReviewedLabel]:
    """Both sides of every label that people and judge gave to the same output."""
    by_output: dict[UUID, dict[str, str]] = dict(
        verdicts.filter(Exists(reviews.filter(output=OuterRef("output"))), passed__isnull=False).values_list(
            "output_id", "labels"
        )
    )
    found = list(
        reviews.values_list(
            "output_id",
            "output__generation__shopper_id",
            "rater_id",
            "labels",
            "assignment__unit__campaign_id",
            "assignment__unit__inclusion_probability",
        )
    )
    probability = _inclusion(found)
    rows = []
    for output, shopper, rater, labels, _, _ in found:
        if output not in by_output:
            continue  # reviewed before the judge came to it
        for criterion in rules.criteria:
            human, judged = labels.get(criterion.name), by_output[output].get(criterion.name)
            if human is None or judged is None:
                continue
            rows.append(
                ReviewedLabel(
                    output=output,
                    cluster=shopper,
                    criterion=criterion.name,
                    human_label=human,
                    judge_label=judged,
                    human_passed=criterion.label(human).passes,
                    judge_passed=criterion.label(judged).passes,
                    inclusion_probability=probability[output],
                    rater=rater,
                )
            )
    return rows


def _inclusion(reviews: Sequence[tuple[Any, ...]]) -> dict[UUID, float]:
    """The probability with which an output came to be reviewed at all, by any of the campaigns that were worked on.

    Campaigns draw independently of each other: 1 - the product of what each misses it with. A campaign that did not
    draw an output would have drawn it with the rate that it drew others.
    """
    rates: dict[UUID, float] = {}
    own: defaultdict[UUID, dict[UUID, float]] = defaultdict(dict)
    for output, _, _, _, campaign, probability in reviews:
        own[output][campaign] = probability
        rates[campaign] = probability
    return {
        output: 1 - math.prod(1 - drawn.get(campaign, rate) for campaign, rate in rates.items())
        for output, drawn in own.items()
    }


def populations(verdicts: QuerySet[Assessment], rules: RubricDef) -> dict[str, Population]:
    """The judge's verdicts on everything it judged, summed by shopper in the database."""
    counts: dict[str, Any] = {"passed": Count("pk", filter=Q(passed=True))}
    annotations: dict[str, Any] = {}
    for number, criterion in enumerate(rules.criteria):
        annotations[f"label_{number}"] = KT(f"labels__{criterion.name}")
        counts[f"passed_{number}"] = Count("pk", filter=Q(**{f"label_{number}__in": _passing(criterion)}))
    rows = (
        verdicts.filter(passed__isnull=False)
        .annotate(**annotations)
        .values(shopper=F("output__generation__shopper"))
        .annotate(judged=Count("pk"), **counts)
    )
    names = {OVERALL: "passed"} | {one.name: f"passed_{number}" for number, one in enumerate(rules.criteria)}
    found: list[dict[str, Any]] = [dict(row) for row in rows]
    return {
        name: {row["shopper"]: ClusterTotal(row["judged"], row[column]) for row in found}
        for name, column in names.items()
    }


def _passing(criterion: CriterionDef) -> list[str]:
    return [label.value for label in criterion.labels if label.passes]
