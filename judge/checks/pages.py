"""What the passport pages show, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import QuerySet

from judge import passports, services, visibility
from judge.checks import figures, perturbations
from judge.models import CheckCase, JudgeCheck, Passport
from judge.passports import Validity
from judge.rubrics import RubricDef
from judge.statistics.intervals import Estimate
from judge.statistics.wording import percent, percent_range

BY_CRITERION = ("planted_tnr", "tnr", "tpr", "ac1", "kappa", "ece", "people_same", "judge_same")
MAX_EARLIER = 20
MAX_CASES = 50


@dataclass(frozen=True, slots=True)
class CriterionRow:
    """The figures of one criterion: all but `planted_tnr` rest on people's labels.

    ece                      how far the judge's probabilities are off, 0 to 1
    people_same, judge_same  how often two people give the same label, and judge and person on the same outputs
    """

    title: str
    planted_tnr: Estimate
    tnr: Estimate
    tpr: Estimate
    ac1: Estimate
    kappa: Estimate
    ece: Estimate
    people_same: Estimate
    judge_same: Estimate


@dataclass(frozen=True, slots=True)
class DefectRow:
    """How often one planted defect was noticed."""

    name: str
    title: str
    criterion: str
    caught: Estimate
    on_criterion: Estimate


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """What a change that should not matter did, as words."""

    name: str
    title: str
    figure: str
    range: str
    n: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A passport laid out; `catches_nothing` where it noticed none of the planted defects."""

    passport: Passport
    headline: str
    catches_nothing: bool
    criteria: tuple[CriterionRow, ...]
    defects: tuple[DefectRow, ...]
    probes: tuple[ProbeRow, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """One kind of output: whether its judge has a passport, the one shown, and the others.

    running  the check of that kind that has not ended
    """

    validity: Validity
    shown: Shown | None
    earlier: tuple[Passport, ...]
    checks: tuple[JudgeCheck, ...]
    running: JudgeCheck | None


def page(kind: str, chosen: UUID | None) -> Page:
    """The page of a kind: with the chosen passport, else the one that decides whether there is a valid one."""
    found = Passport.objects.filter(rubric__kind=kind).select_related(
        "rater__language_model", "rater__panel", "rater__user", "rubric"
    )
    validity = passports.valid_for(kind)
    one = found.filter(pk=chosen).first() if chosen else None
    if one is not None:
        validity = passports.validity_of(one)
    passport = one or validity.passport
    checks = tuple(JudgeCheck.objects.filter(rubric__kind=kind).with_progress()[:MAX_EARLIER])
    return Page(
        validity=validity,
        shown=shown(passport) if passport else None,
        earlier=tuple(found[:MAX_EARLIER]),
        checks=checks,
        running=next((check for check in checks if check.is_active), None),
    )


def shown(passport: Passport) -> Shown:
    """A stored passport as the page draws it."""
    stored = passport.figures
    criteria = tuple(
        CriterionRow(row["title"], *(_stored(row, name) for name in BY_CRITERION)) for row in stored["criteria"]
    )
    planted = criteria[0].planted_tnr
    titles = {row["name"]: row["title"] for row in stored["criteria"]}
    return Shown(
        passport=passport,
        headline=figures.planted_sentence(planted),
        catches_nothing=planted.value == 0,
        criteria=criteria,
        defects=tuple(
            DefectRow(
                row["name"],
                row["title"],
                titles[row["criterion"]],
                Estimate(**row["caught"]),
                Estimate(**row["on_criterion"]),
            )
            for row in stored["defects"]
        ),
        probes=tuple(_probe(row) for row in stored["probes"]),
    )


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One answered question: what was done, what the judge read, and what it said."""

    case: CheckCase
    title: str
    text: str
    reason: str
    interest: str
    labels: tuple[tuple[str, str, bool], ...]


def cases(check: JudgeCheck, user: User, *, probe: str, defect: str) -> list[CaseRow]:
    """Answered questions of a check, at most MAX_CASES: of one probe and one defect where these are given.

    Without those about outputs that this person holds blind: what the judge says of them is not theirs to know yet.
    """
    held = visibility.blind_work(user).values("unit__generation")
    found: QuerySet[CheckCase] = check.cases.filter(answered_at__isnull=False).exclude(output__generation__in=held)
    if probe:
        found = found.filter(probe=probe)
    if defect:
        found = found.filter(defect=defect)
    rules = services.definition(check.rubric)
    return [_case(one, rules) for one in found.order_by("pk")[:MAX_CASES]]


def _case(case: CheckCase, rules: RubricDef) -> CaseRow:
    titles = {defect.name: defect.title for defects in perturbations.DEFECTS.values() for defect in defects}
    return CaseRow(
        case=case,
        title=titles.get(case.defect, case.get_probe_display()),
        text=case.question["output_text"],
        reason=case.question["output_reason"],
        interest=case.question["interest_text"],
        labels=tuple(
            (one.title, case.labels[one.name], case.labels[one.name] in one.passing)
            for one in rules.criteria
            if one.name in case.labels
        ),
    )


def _stored(row: Mapping[str, Any], name: str) -> Estimate:
    """A figure of a criterion; earlier passports lack some."""
    return Estimate(**row[name]) if name in row else Estimate.unknown("it was not measured at that time")


def _probe(row: Mapping[str, Any]) -> ProbeRow:
    estimate = Estimate(**row["estimate"])
    if row["is_shift"]:
        figure, interval = _points(estimate.value), f"{_points(estimate.low)} to {_points(estimate.high)}"
        interval = interval if estimate.low is not None else ""
    else:
        figure = "–" if estimate.value is None else percent(estimate.value)
        interval = percent_range(estimate)
    return ProbeRow(row["name"], row["title"], figure, interval, estimate.n, row["sentence"])


def _points(share: float | None) -> str:
    """A difference of shares in percentage points: “+2.0”."""
    return "–" if share is None else f"{100 * share:+.1f}".replace("-", "−")
