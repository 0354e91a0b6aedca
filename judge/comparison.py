"""The rows behind the dashboard: what the judge said, what people said blind, and both side by side.

Only first labels given blind are compared with the judge: what people said after they had seen its labels is theirs
and the judge's together.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.fields.json import KT

from judge import campaigns, services
from judge.models import Assessment, Campaign, Rater, Rubric
from judge.rubrics import RubricDef
from judge.statistics.ceiling import SharedOutput
from judge.statistics.rates import ClusterTotal, Population
from judge.statistics.report import FAIL, OVERALL, PASS, ReviewedLabel
from judge.statistics.sequential import THRESHOLD, Screen
from recommend.http import read_id
from recommend.models import LanguageModel, Output, Stage

STAGE_OF_KIND = {kind: stage for stage, kind in services.KIND_OF_STAGE.items()}


class Span(models.TextChoices):
    """How long a period of acceptance over time is."""

    DAY = "day", "By day"
    WEEK = "week", "By week"
    MONTH = "month", "By month"


class Split(models.TextChoices):
    """What acceptance over time is told apart by."""

    ALL = "all", "All together"
    KIND = "kind", "Each kind"
    MODEL = "model", "Each model"
    PROMPT = "prompt", "Each prompt version"


@dataclass(frozen=True, slots=True)
class Review:
    """One person's first blind labels for one output.

    inclusion_probability  that the output came to any person
    sharing_probability    that it came to two; None where no campaign asks for two
    kind, model,           of the output, and of the generation that it is from
    prompt_version
    made_at                when that generation was made
    """

    output: UUID
    generation: UUID
    shopper: UUID
    rater: UUID
    labels: Mapping[str, str]
    passed: bool | None
    at: datetime
    kind: str
    model: UUID
    prompt_version: str
    made_at: datetime
    inclusion_probability: float
    sharing_probability: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judge's labels for one output, and {criterion: {label: probability}} where its engine gives them."""

    labels: Mapping[str, str]
    passed: bool | None
    probabilities: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Filters:
    """What the dashboard is about. Ids; None stands for all models, all campaigns, and the judge that serves now.

    gate  the acceptance asked for in percent, 1 to 99; None for the usual one
    by    what acceptance over time is told apart by, a Split; None for nothing
    span  how long its periods are, a Span; None for weeks
    """

    kind: str = Output.Kind.INTEREST
    model: UUID | None = None
    campaign: UUID | None = None
    judge: UUID | None = None
    gate: int | None = None
    by: str | None = None
    span: str | None = None

    @property
    def split(self) -> Split:
        return Split(self.by) if self.by else Split.ALL

    @property
    def over(self) -> Span:
        return Span(self.span) if self.span else Span.WEEK

    @property
    def threshold(self) -> float:
        """The acceptance that the gate asks for, 0 to 1."""
        return THRESHOLD if self.gate is None else self.gate / 100

    @property
    def stage(self) -> Stage:
        return STAGE_OF_KIND[Output.Kind(self.kind)]

    def query(self, **changes: Any) -> str:
        """The filters as a query string, with some changed."""
        return urlencode(replace(self, **changes)._chosen())

    def others(self) -> list[tuple[str, str]]:
        """All but the gate, for a form that sets it."""
        return [one for one in self._chosen() if one[0] != "gate"]

    def besides_time(self) -> list[tuple[str, str]]:
        """All but how acceptance over time is shown, for a form that sets it."""
        return [one for one in self._chosen() if one[0] not in ("by", "span")]

    def _chosen(self) -> list[tuple[str, str]]:
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        return [(name, str(value)) for name, value in values if value is not None]


def read_filters(params: Mapping[str, str]) -> Filters:
    """The filters of a query string; what is not understood is as if it had not been said."""
    kind = params.get("kind", "")
    return Filters(
        kind=kind if kind in Output.Kind.values else Output.Kind.INTEREST,
        model=read_id(params.get("model", "")),
        campaign=read_id(params.get("campaign", "")),
        judge=read_id(params.get("judge", "")),
        gate=_percent(params.get("gate", "")),
        by=_one_of(Split, params.get("by", "")),
        span=_one_of(Span, params.get("span", "")),
    )


def _one_of(choices: type[models.TextChoices], text: str) -> str | None:
    return text if text in choices.values else None


def _percent(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 2 and int(text) else None


def rubric_of(filters: Filters) -> Rubric:
    """The chosen campaign's rubric, else the newest of the kind. Raises Rubric.DoesNotExist."""
    if filters.campaign is not None:
        chosen = Campaign.objects.filter(pk=filters.campaign, stage=filters.stage).select_related("rubric").first()
        if chosen is not None:
            return chosen.rubric
    return Rubric.objects.current(filters.kind)


def judge_of(filters: Filters) -> Rater | None:
    """The chosen judge, else the one that serves now, else the newest; None where none has ever judged."""
    judges = Rater.objects.filter(user__isnull=True).select_related("language_model", "panel")
    if filters.judge is not None:
        return judges.filter(pk=filters.judge).first()
    found = services.find_serving_judge()
    if found is not None and not found._state.adding:
        return found
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
    """What people said first of sampled units, blind or not."""
    found = Assessment.objects.filter(
        _of_model(filters), rater__user__isnull=False, rubric=rubric, revision=1, assignment__unit__is_gold=False
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


def read_reviews(reviews: QuerySet[Assessment]) -> list[Review]:
    """Reviews as plain values, in the order in which they were submitted."""
    found = list(
        reviews.order_by("created_at", "pk").values_list(
            "output_id",
            "output__generation_id",
            "output__generation__shopper_id",
            "rater_id",
            "labels",
            "passed",
            "created_at",
            "output__kind",
            "output__generation__model_id",
            "output__generation__prompt_version",
            "output__generation__created_at",
            "assignment__unit__campaign_id",
            "assignment__unit__campaign__overlap",
            "assignment__unit__inclusion_probability",
        )
    )
    # Every sampled unit has its probability; a table that allows for gold units cannot say so.
    drawn = [(row[0], row[-3], row[-2], cast("float", row[-1])) for row in found]
    chances = inclusion(drawn, _chances_elsewhere(found))
    return [Review(*row[:-3], *chances[row[0]]) for row in found]


def read_verdicts(verdicts: QuerySet[Assessment], reviews: QuerySet[Assessment]) -> dict[UUID, Verdict]:
    """The judge's usable answers about the outputs that were reviewed, by output."""
    rows = verdicts.filter(Exists(reviews.filter(output=OuterRef("output"))), passed__isnull=False)
    return {
        output: Verdict(labels, passed, probabilities)
        for output, labels, passed, probabilities in rows.values_list("output_id", "labels", "passed", "probabilities")
    }


def reviewed_labels(
    reviews: Sequence[Review], verdicts: Mapping[UUID, Verdict], rules: RubricDef
) -> list[ReviewedLabel]:
    """Both sides of every label that people and judge gave to the same output."""
    rows = []
    for review in reviews:
        verdict = verdicts.get(review.output)
        if verdict is None:
            continue  # reviewed before the judge came to it
        for criterion in rules.criteria:
            human, judged = review.labels.get(criterion.name), verdict.labels.get(criterion.name)
            if human is None or judged is None:
                continue
            rows.append(
                ReviewedLabel(
                    output=review.output,
                    cluster=review.shopper,
                    criterion=criterion.name,
                    human_label=human,
                    judge_label=judged,
                    human_passed=criterion.label(human).passes,
                    judge_passed=criterion.label(judged).passes,
                    inclusion_probability=review.inclusion_probability,
                    rater=review.rater,
                    judge_probability=criterion.pass_probability(verdict.probabilities),
                )
            )
    return rows


def shared_outputs(
    reviews: Sequence[Review], verdicts: Mapping[UUID, Verdict], rules: RubricDef
) -> dict[str, list[SharedOutput]]:
    """What two or more people, and the judge, said of the same outputs: by criterion, and OVERALL."""
    by_output: defaultdict[UUID, list[Review]] = defaultdict(list)
    for review in reviews:
        by_output[review.output].append(review)
    several = [found for found in by_output.values() if len(found) > 1]
    shared: dict[str, list[SharedOutput]] = {OVERALL: [], **{one.name: [] for one in rules.criteria}}
    for found in several:
        verdict = verdicts.get(found[0].output)
        for name, rows in shared.items():
            people: dict[Hashable, str] = {
                one.rater: label for one in found if (label := _label(name, one)) is not None
            }
            if len(people) > 1:
                judge = None if verdict is None else _label(name, verdict)
                rows.append(SharedOutput(found[0].shopper, people, judge, found[0].sharing_probability))
    return shared


def screens_in_order(reviews: Sequence[Review]) -> list[Screen]:
    """Each generation as it was reviewed first, in the order of labelling: what share of its outputs passed."""
    first: dict[UUID, list[Review]] = {}
    for review in reviews:
        one = first.setdefault(review.generation, [])
        if not one or one[0].rater == review.rater:
            one.append(review)
    return [
        Screen(
            cluster=found[0].shopper,
            passed=sum(bool(review.passed) for review in found) / len(found),
            inclusion_probability=found[0].inclusion_probability,
        )
        for found in first.values()
    ]


def _label(name: str, said: Review | Verdict) -> str | None:
    if name != OVERALL:
        return said.labels.get(name)
    return None if said.passed is None else PASS if said.passed else FAIL


def _chances_elsewhere(found: Sequence[tuple[Any, ...]]) -> dict[UUID, dict[UUID, float]]:
    """The probability with which each campaign draws the outputs that only another one drew; nothing for one alone."""
    generations = {row[0]: row[1] for row in found}
    at_work = {row[-3] for row in found}
    if len(at_work) < 2:
        return {}
    asked = Campaign.objects.filter(pk__in=at_work).select_related("rubric")
    by_campaign = {one.pk: campaigns.chances(one, generations.values()) for one in asked}
    return {
        output: {campaign: chances[generation] for campaign, chances in by_campaign.items()}
        for output, generation in generations.items()
    }


def inclusion(
    reviews: Iterable[tuple[UUID, UUID, int, float]], elsewhere: Mapping[UUID, Mapping[UUID, float]]
) -> dict[UUID, tuple[float, float | None]]:
    """How probable it was that an output came to one person at least, and to two, by any campaign worked on.

    reviews    output, campaign, its overlap, and the probability with which it drew the output
    elsewhere  {output: {campaign: probability}}, with which the campaigns that did not draw it would have drawn it

    Campaigns draw independently of each other. The second is None where no campaign asks for two people: how the output
    came to a second one is then not known.
    """
    overlaps: dict[UUID, int] = {}
    own: defaultdict[UUID, dict[UUID, float]] = defaultdict(dict)
    for output, campaign, overlap, probability in reviews:
        own[output][campaign] = probability
        overlaps[campaign] = overlap
    return {output: _chances({**elsewhere.get(output, {}), **drawn}, overlaps) for output, drawn in own.items()}


def _chances(drawn: Mapping[UUID, float], overlaps: Mapping[UUID, int]) -> tuple[float, float | None]:
    """The probability that at least one person, and that at least two, are given what campaigns draw like this."""
    missed_by_all = math.prod(1 - p for p in drawn.values())
    by_one_person = sum(
        p * math.prod(1 - other for key, other in drawn.items() if key != campaign)
        for campaign, p in drawn.items()
        if overlaps[campaign] == 1
    )
    two = 1 - missed_by_all - by_one_person
    return 1 - missed_by_all, two if two > 1e-12 else None


def populations(verdicts: QuerySet[Assessment], rules: RubricDef) -> dict[str, Population]:
    """The judge's verdicts on everything it judged, summed by shopper in the database."""
    counts: dict[str, Any] = {"passed": Count("pk", filter=Q(passed=True))}
    annotations: dict[str, Any] = {}
    for number, criterion in enumerate(rules.criteria):
        annotations[f"label_{number}"] = KT(f"labels__{criterion.name}")
        counts[f"passed_{number}"] = Count("pk", filter=Q(**{f"label_{number}__in": criterion.passing}))
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
