"""Alerts: what is wrong with the judge, raised once, told to whoever listens, and open until a lead says so."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from judge import drift, events
from judge.comparison import Filters, judge_of, rubric_of
from judge.models import Alert, Rater, Rubric
from judge.statistics.drift import ALLOWANCE, LIMIT, Week, alarm_sentence
from recommend.models import Output

logger = logging.getLogger(__name__)


def watch(*, today: date | None = None) -> list[Alert]:
    """Look at the judge that serves, on every kind of output; returns the alerts that are new.

    An alarm is told of once: the newest one, where it is later than what was told before.
    """
    found = (_watch_drift(kind, today) for kind in Output.Kind)
    return [alert for alert in found if alert is not None]


def _watch_drift(kind: Output.Kind, today: date | None) -> Alert | None:
    filters = Filters(kind=kind)
    judge = judge_of(filters)
    if judge is None:
        return None
    try:
        rubric, alarms = rubric_of(filters), drift.of(filters, today=today).alarms
    except Rubric.DoesNotExist:
        return None
    if not alarms:
        return None
    told = Alert.objects.filter(signal=Alert.Signal.DRIFT, rater=judge, rubric=rubric).order_by("-about").first()
    if told is not None and told.about >= alarms[-1].start:
        return None
    return _raise(Alert.Signal.DRIFT, judge, rubric, alarms[-1].start, alarm_sentence(alarms[-1]), _facts(alarms[-1]))


@transaction.atomic
def _raise(
    signal: Alert.Signal, judge: Rater, rubric: Rubric, about: date, message: str, facts: Mapping[str, object]
) -> Alert | None:
    """Store an alert and tell of it; None where another worker was faster."""
    alert, created = Alert.objects.get_or_create(
        signal=signal, rater=judge, rubric=rubric, about=about, defaults={"message": message, "facts": dict(facts)}
    )
    if not created:
        return None
    logger.warning("%s: %s", alert, message)
    events.judge_alert(
        f"{judge} on {rubric.kind}s: {message}",
        {"alert": str(alert.pk), "signal": alert.signal, "judge": str(judge.pk), "kind": rubric.kind, **facts},
    )
    return alert


def open_on(kind: str) -> QuerySet[Alert]:
    """The alerts about a kind of output that no lead has acknowledged, newest first."""
    found = Alert.objects.filter(rubric__kind=kind, acknowledged_at=None)
    return found.select_related("rater__user", "rater__language_model", "rater__panel", "rubric")


@transaction.atomic
def acknowledge(alert: Alert, *, by: User, note: str = "") -> Alert:
    """A lead has taken notice; what was acknowledged stays as it was first."""
    held = Alert.objects.select_for_update().get(pk=alert.pk)
    if held.acknowledged_at is None:
        held.acknowledged_at, held.acknowledged_by, held.note = timezone.now(), by, note.strip()
        held.save(update_fields=["acknowledged_at", "acknowledged_by", "note"])
    return held


def _facts(week: Week) -> dict[str, object]:
    return {
        "week": week.start.isoformat(),
        "since": week.since.isoformat() if week.since else None,
        "direction": week.alarm,
        "disagreement": week.disagreement.value,
        "before": week.target,
        "labels": week.disagreement.n,
        "shoppers": week.disagreement.n_clusters,
        "sum": max(week.rising, week.falling),
        "allowance": ALLOWANCE,
        "limit": LIMIT,
    }
