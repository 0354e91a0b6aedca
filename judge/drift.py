"""Does the judge drift? Its disagreement with people on what uniform campaigns drew, by the week of labelling.

Labels count in the week in which they were given: a week that is over does not change any more. Only uniform plans
count, as what others draw leans to where the judge is unsure, more in some weeks than in others.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db.models import Count, F, OuterRef, Q, Subquery
from django.db.models.functions import TruncWeek
from django.utils import timezone

from judge.comparison import Filters, judge_of, reviews_of, rubric_of, verdicts_of
from judge.models import Campaign
from judge.statistics.drift import Drift, Seen, drift


def of(filters: Filters, *, today: date | None = None) -> Drift:
    """The chart for a judge and kind, of the weeks that are over; one query. Raises Rubric.DoesNotExist."""
    rubric, judge = rubric_of(filters), judge_of(filters)
    if judge is None:
        return drift([])
    verdicts = verdicts_of(filters, rubric, judge).filter(output=OuterRef("output"), passed__isnull=False)
    rows = (
        reviews_of(filters, rubric)
        .filter(
            assignment__unit__campaign__plan=Campaign.Plan.UNIFORM,
            created_at__lt=_this_monday(today or timezone.localdate()),
            passed__isnull=False,
        )
        .annotate(judged=Subquery(verdicts.values("passed")[:1]), week=TruncWeek("created_at"))
        .filter(judged__isnull=False)
        .values("week", shopper=F("output__generation__shopper"))
        .annotate(n=Count("pk"), n_differing=Count("pk", filter=~Q(passed=F("judged"))))
    )
    return drift(Seen(row["week"].date(), row["shopper"], row["n"], row["n_differing"]) for row in rows)


def _this_monday(today: date) -> datetime:
    return timezone.make_aware(datetime.combine(today - timedelta(days=today.weekday()), datetime.min.time()))
