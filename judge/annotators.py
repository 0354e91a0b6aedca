"""What a lead sees of each person at work: speed, accuracy on gold units, agreement, anchoring, and recent weeks.

Nobody is locked out by a figure: who is clearly below the bar is shown, and a lead talks to them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_date

from judge.comparison import Filters, judge_of, read_filters, rubric_of, verdicts_of
from judge.models import Assessment, Assignment, Campaign, Gold, Rater, Rubric
from judge.statistics import raters
from judge.statistics.intervals import Estimate
from judge.statistics.raters import Anchoring, Said, Standing
from recommend.http import read_id

N_WEEKS = 8
EVERYBODY = "Everybody"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose work: of a kind, model and campaign, compared with a judge, under a rubric, submitted in a span of days.

    rubric        None stands for the chosen campaign's, else the one in use
    since, until  first and last day; None leaves it open
    """

    filters: Filters
    rubric: UUID | None = None
    since: date | None = None
    until: date | None = None

    def query(self) -> str:
        """As a query string."""
        own = {"rubric": self.rubric, "since": self.since, "until": self.until}
        return "&".join((self.filters.query(), urlencode({name: str(one) for name, one in own.items() if one})))


def read_wanted(params: Mapping[str, str]) -> Wanted:
    """What a query string asks for; what is not understood is as if it had not been said."""
    return Wanted(
        filters=read_filters(params),
        rubric=read_id(params.get("rubric", "")),
        since=_day(params.get("since", "")),
        until=_day(params.get("until", "")),
    )


def _day(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:  # of the right shape, as 2026-02-30
        return None


@dataclass(frozen=True, slots=True)
class Annotator:
    """One person's work, or everybody's together.

    seconds_per_generation, _per_output  medians; None where no time was measured
    gold, n_gold                         share of right labels on gold units, and how many units that were
    with_people, with_judge              share of same labels on sampled outputs, before the judge was seen
    weeks                                generations submitted in each of the last weeks, the oldest first
    """

    name: str
    n_submitted: int
    n_outputs: int
    n_skipped: int
    n_flagged: int
    seconds_per_generation: float | None
    seconds_per_output: float | None
    gold: Estimate
    n_gold: int
    standing: Standing
    with_people: Estimate
    with_judge: Estimate
    anchoring: Anchoring
    weeks: tuple[int, ...]
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class Annotators:
    """Everybody who took part, the busiest first, and all of them together.

    bar         accuracy asked for on gold units, 0 to 1
    judge_gold  the judge's own accuracy on all gold of the rubric
    n_gold      gold units in force under the rubric
    weeks       the Mondays that `Annotator.weeks` begin with
    """

    wanted: Wanted
    rubric: Rubric
    judge: Rater | None
    bar: float
    judge_gold: Estimate
    n_gold: int
    weeks: tuple[date, ...]
    people: tuple[Annotator, ...]
    everybody: Annotator

    @property
    def below(self) -> list[Annotator]:
        """Who is clearly below the bar."""
        return [one for one in self.people if one.standing == Standing.BELOW]


@dataclass(frozen=True, slots=True)
class Work:
    """One screen of one person, as far as it was begun."""

    person: int
    state: str
    seconds: float
    n_outputs: int
    is_flagged: bool
    is_gold: bool
    at: datetime | None


def rubric_in(wanted: Wanted) -> Rubric:
    """The rubric whose labels are looked at. Raises Rubric.DoesNotExist."""
    if wanted.rubric is not None:
        chosen = Rubric.objects.fixed().filter(pk=wanted.rubric, kind=wanted.filters.kind).first()
        if chosen is not None:
            return chosen
    return rubric_of(wanted.filters)


def bar_of(campaign: Campaign | None) -> float:
    """The gold accuracy asked for, 0 to 1: the campaign's own, else the site's."""
    if campaign is not None and campaign.gold_bar is not None:
        return campaign.gold_bar
    return float(settings.JUDGE_GOLD_BAR)


def annotators(wanted: Wanted) -> Annotators:
    """Everything about the people who labelled one kind of output; a handful of queries for any number of them.

    Raises Rubric.DoesNotExist.
    """
    rubric, judge = rubric_in(wanted), judge_of(wanted.filters)
    campaign = Campaign.objects.filter(pk=wanted.filters.campaign).first() if wanted.filters.campaign else None
    bar = bar_of(campaign)
    known = _known(rubric)
    said = _said(wanted, rubric, judge, known)
    work = _work(wanted, rubric)
    weeks = _weeks(wanted.until)
    all_together, together = raters.with_people(said)
    names = dict(User.objects.filter(pk__in={one.person for one in work}).values_list("pk", "username"))
    people = [
        _annotator(
            name,
            [one for one in work if one.person == person],
            [one for one in said if one.rater == person],
            together.get(person, Estimate.unknown(raters.NO_PEOPLE)),
            bar,
            weeks,
        )
        for person, name in names.items()
    ]
    everybody = _annotator(EVERYBODY, work, said, all_together, bar, weeks)
    return Annotators(
        wanted=wanted,
        rubric=rubric,
        judge=judge,
        bar=bar,
        judge_gold=_judge_gold(wanted, rubric, judge, known),
        n_gold=len({generation for generation, _ in known.values()}),
        weeks=weeks,
        people=tuple(sorted(people, key=lambda one: (-one.n_submitted, one.name))),
        everybody=everybody,
    )


def below_bar(campaign: Campaign) -> list[Annotator]:
    """Who is clearly below the bar of a campaign, for its page."""
    kind = campaign.rubric.kind
    return annotators(Wanted(Filters(kind=kind, campaign=campaign.pk), rubric=campaign.rubric_id)).below


# Rows -----------------------------------------------------------------------------------------------------------------


def _known(rubric: Rubric) -> dict[UUID, tuple[UUID, Mapping[str, str]]]:
    """{output: (generation, right labels)} of all gold in force."""
    found = Gold.objects.in_force().filter(rubric=rubric).values_list("generation_id", "labels")
    return {UUID(output): (generation, labels) for generation, all_of in found for output, labels in all_of.items()}


def _chosen(wanted: Wanted, to_unit: str) -> Q:
    """What the filters leave of rows from which `to_unit` leads to a campaign's unit."""
    chosen = Q()
    if wanted.filters.campaign:
        chosen &= Q(**{f"{to_unit}campaign": wanted.filters.campaign})
    if wanted.filters.model:
        chosen &= Q(**{f"{to_unit}generation__model": wanted.filters.model})
    return chosen


def _in_span(wanted: Wanted, at: str) -> Q:
    chosen = Q()
    if wanted.since:
        chosen &= Q(**{f"{at}__date__gte": wanted.since})
    if wanted.until:
        chosen &= Q(**{f"{at}__date__lte": wanted.until})
    return chosen


def _said(
    wanted: Wanted, rubric: Rubric, judge: Rater | None, known: Mapping[UUID, tuple[UUID, Mapping[str, str]]]
) -> list[Said]:
    labels: QuerySet[Assessment] = Assessment.objects.filter(
        _chosen(wanted, "assignment__unit__"),
        _in_span(wanted, "assignment__submitted_at"),
        rater__user__isnull=False,
        rubric=rubric,
        assignment__isnull=False,
    ).order_by()
    rows = labels.order_by("revision").values_list(
        "rater__user_id",
        "output_id",
        "output__generation__shopper_id",
        "labels",
        "revision",
        "blind",
        "assignment__unit__is_gold",
    )
    first: dict[tuple[int, UUID], tuple[Any, ...]] = {}
    final: dict[tuple[int, UUID], Mapping[str, str]] = {}
    for row in rows:
        if row[4] == 1:
            first[row[0], row[1]] = row
        final[row[0], row[1]] = row[3]
    outputs = labels.values("output")
    verdicts = verdicts_of(wanted.filters, rubric, judge).filter(output__in=outputs, passed__isnull=False)
    judged = dict(verdicts.values_list("output_id", "labels"))
    return [
        Said(
            rater=person,
            output=output,
            cluster=shopper,
            labels=given,
            final=final[person, output],
            judge=judged.get(output),
            known=known[output][1] if is_gold and output in known else None,
            is_blind=blind,
            is_sampled=not is_gold,
        )
        for person, output, shopper, given, _, blind, is_gold in first.values()
    ]


def _work(wanted: Wanted, rubric: Rubric) -> list[Work]:
    begun = Assignment.objects.filter(
        Q(state__in=[Assignment.State.SUBMITTED, Assignment.State.SKIPPED]) | ~Q(flag=""),
        _chosen(wanted, "unit__"),
        unit__campaign__rubric=rubric,
        unit__rival__isnull=True,
    ).order_by()
    if wanted.since or wanted.until:
        # What was skipped has no end of its own; the day on which it was taken stands for it.
        begun = begun.filter(
            Q(_in_span(wanted, "submitted_at"), submitted_at__isnull=False)
            | Q(_in_span(wanted, "created_at"), submitted_at__isnull=True)
        )
    n_outputs = dict(
        Assessment.objects.filter(assignment__in=begun.values("pk"), revision=1)
        .order_by()
        .values("assignment")
        .annotate(n=Count("pk"))
        .values_list("assignment", "n")
    )
    return [
        Work(person, state, seconds, n_outputs.get(pk, 0), bool(flag), is_gold, at)
        for pk, person, state, seconds, flag, is_gold, at in begun.values_list(
            "pk", "annotator_id", "state", "seconds", "flag", "unit__is_gold", "submitted_at"
        )
    ]


def _judge_gold(
    wanted: Wanted, rubric: Rubric, judge: Rater | None, known: Mapping[UUID, tuple[UUID, Mapping[str, str]]]
) -> Estimate:
    verdicts = verdicts_of(wanted.filters, rubric, judge).filter(output__in=known, passed__isnull=False)
    rows = verdicts.values_list("rater_id", "output_id", "output__generation__shopper_id", "labels")
    return raters.accuracy(
        Said(rater, output, shopper, labels, labels, known=known[output][1]) for rater, output, shopper, labels in rows
    )


# Figures --------------------------------------------------------------------------------------------------------------


def _annotator(
    name: str, work: Sequence[Work], said: Sequence[Said], with_people: Estimate, bar: float, weeks: Sequence[date]
) -> Annotator:
    done = [one for one in work if one.state == Assignment.State.SUBMITTED]
    timed = [one for one in done if one.seconds > 0]
    accuracy = raters.accuracy(said)
    begun = Counter(_monday(timezone.localtime(one.at).date()) for one in done if one.at is not None)
    return Annotator(
        name=name,
        n_submitted=len(done),
        n_outputs=sum(one.n_outputs for one in done),
        n_skipped=sum(one.state == Assignment.State.SKIPPED for one in work),
        n_flagged=sum(one.is_flagged for one in work),
        seconds_per_generation=median([one.seconds for one in timed]) if timed else None,
        seconds_per_output=median([one.seconds / max(1, one.n_outputs) for one in timed]) if timed else None,
        gold=accuracy,
        n_gold=sum(one.is_gold for one in done),
        standing=raters.standing(accuracy, bar),
        with_people=with_people,
        with_judge=raters.with_judge(said),
        anchoring=raters.anchoring(said),
        weeks=tuple(begun[week] for week in weeks),
        last_at=max((one.at for one in done if one.at is not None), default=None),
    )


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _weeks(until: date | None) -> tuple[date, ...]:
    """The Mondays of the last weeks, up to a day or today."""
    last = _monday(until or timezone.localdate())
    return tuple(last - timedelta(weeks=ago) for ago in reversed(range(N_WEEKS)))
