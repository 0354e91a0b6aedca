"""Passports of judges: what was measured of one, whether that still holds, and if not, why: ask `valid_for`.

A valid passport says that the figures in it are of this judge, not that they are good: whoever relies on a judge looks
at both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Max, Min
from django.utils import timezone

from judge import asking, comparison, services, verdicts, ways
from judge.checks import figures
from judge.checks.figures import Answered
from judge.comparison import STAGE_OF_KIND, Filters
from judge.models import JudgeCheck, Panel, Passport, Rater, Rubric
from judge.rubrics import RubricDef
from judge.statistics.calibration import Calibration, calibration
from judge.statistics.ceiling import Ceiling, human_ceiling
from judge.statistics.intervals import Estimate
from judge.statistics.report import FAIL, OVERALL, PASS, agreement_report, conjunctions
from recommend.models import Generation, JobState, LanguageModel, Output

# What makes a judge another judge, and what a page calls it.
PARTS = {
    "model": "model",
    "engine": "engine",
    "base": "base model",
    "adapter": "adapter",
    "request_options": "set of request options",
    "prompt_version": "prompt version",
    "prompt_sha256": "prompt text",
    "questions_sha256": "questions",
    "members": "members",
    "members_sha256": "members' model, options or prompt",
    "vote": "vote",
}


class Standing(models.TextChoices):
    VALID = "valid", "Valid"
    EXPIRED = "expired", "Expired"
    MISSING = "missing", "Missing"


@dataclass(frozen=True, slots=True)
class Validity:
    """Whether there is a passport that holds.

    reason    in words, also where it is valid
    passport  the newest there is, valid or not; None where it is missing
    """

    standing: Standing
    reason: str
    passport: Passport | None = None

    @property
    def is_valid(self) -> bool:
        return self.standing == Standing.VALID

    def planted_tnr(self, criterion: str = OVERALL) -> Estimate:
        """Share of planted defects that the judge failed, on one criterion or at all."""
        return self._figure("planted_tnr", criterion)

    def natural_tnr(self, criterion: str = OVERALL) -> Estimate:
        """Share of what people failed that the judge failed too, on one criterion or altogether."""
        return self._figure("tnr", criterion)

    def _figure(self, name: str, criterion: str) -> Estimate:
        if self.passport is None:
            return Estimate.unknown(self.reason)
        rows = [row for row in self.passport.figures["criteria"] if row["name"] == criterion]
        if not rows:
            return Estimate.unknown(f"the passport has no criterion “{criterion}”")
        return Estimate(**rows[0][name])


def valid_for(kind: str, judge: Rater | None = None, *, now: datetime | None = None) -> Validity:
    """Whether a judge has a passport for outputs of a kind that holds now.

    judge  a judge model with its prompt; None for the one that serves now

    It expires when the model, its adapter, its prompt or the rubric changes, when another model or prompt makes the
    outputs than those that it was measured on, and JUDGE_PASSPORT_DAYS after its date.
    """
    found = Passport.objects.filter(rubric__kind=kind).select_related(
        "rater__language_model", "rater__panel", "rubric", "judge_check"
    )
    of = judge or services.find_serving_judge()
    if of is None:
        return Validity(Standing.MISSING, "No judge model serves.")
    passport = found.filter(rater=of).first()
    if passport is None and judge is None:
        # Of the model as it was, or of another judge: what changed is its reason.
        same_model = found.filter(rater__language_model__in=of.models) if of.panel is None else found.none()
        passport = same_model.first() or found.first()
    if passport is None:
        return Validity(Standing.MISSING, f"{of.panel or of.language_model} has never been checked on {kind}s.")
    return _validity(passport, of, now or timezone.now())


def validity_of(passport: Passport, *, now: datetime | None = None) -> Validity:
    """Whether one passport holds now for the judge that it was given to."""
    return _validity(passport, passport.rater, now or timezone.now())


def _validity(passport: Passport, judge: Rater, now: datetime) -> Validity:
    if reason := _expiry(passport, judge, now):
        return Validity(Standing.EXPIRED, reason, passport)
    until = passport.created_at + _lifetime()
    said = f"It holds until {until:%-d %B %Y}, unless the judge, the rubric or what makes the outputs changes."
    return Validity(Standing.VALID, said, passport)


def _expiry(passport: Passport, judge: Rater, now: datetime) -> str:
    """Why a passport does not hold for a judge as it is now; "" where it does."""
    reasons = [changes(passport.version, version_of(judge, passport.rubric))]
    newest = Rubric.objects.current(passport.rubric.kind)
    if newest.pk != passport.rubric_id:
        reasons.append(f"The rubric was version {passport.rubric.version} and is version {newest.version} now.")
    reasons.append(_made_otherwise(passport))
    if now - passport.created_at > _lifetime():
        reasons.append(
            f"It is of {passport.created_at:%-d %B %Y}, and a passport lasts {settings.JUDGE_PASSPORT_DAYS} days."
        )
    return " ".join(filter(None, reasons))


def _made_otherwise(passport: Passport) -> str:
    """What makes the outputs now, where it was not among those that the passport was measured on; else ""."""
    kind = Output.Kind(passport.rubric.kind)
    serving = LanguageModel.objects.filter(role=STAGE_OF_KIND[kind], state=LanguageModel.State.SERVING)
    newest = (
        Generation.objects.filter(stage=STAGE_OF_KIND[kind], state=JobState.DONE, model__in=serving)
        .order_by("-created_at")
        .values_list("model__name", "prompt_version")
        .first()
    )
    measured = passport.measured_on.get("made_by", [])
    if newest is None or not measured or list(newest) in measured:
        return ""
    then = ", ".join(f"{name} (prompt {version})" for name, version in measured)
    return f"It was measured on {kind}s of {then}; they are made by {newest[0]} (prompt {newest[1]}) now."


def version_of(judge: Rater, rubric: Rubric) -> dict[str, str]:
    """What a judge is made of today under a rubric, by the names of PARTS.

    One whose prompt version nobody is asked with any more: what its model is asked with now.
    """
    if judge.panel is not None:
        return _panel_version(judge.panel, rubric)
    model = judge.language_model
    assert model is not None  # a person has no version
    way = ways.of_version(judge.prompt_version) or services.way_of(model)
    criteria, guidelines = services.definition(rubric).criteria, asking.reads_guidelines(model)
    return {
        "model": model.name,
        "engine": model.engine,
        "base": model.base,
        "adapter": model.adapter,
        "request_options": json.dumps(model.request_options, sort_keys=True) if model.request_options else "",
        "prompt_version": way.version,
        "prompt_sha256": way.sha256,
        "questions_sha256": sha256(verdicts.questions(criteria, guidelines=guidelines).encode()).hexdigest(),
    }


def _panel_version(panel: Panel, rubric: Rubric) -> dict[str, str]:
    """A panel is its members as they are today, and what their votes count."""
    members = panel.members.select_related("rater__language_model", "rater__panel")
    parts = {str(one.rater): version_of(one.rater, rubric) for one in members}
    votes = {str(one.rater): [one.weight, one.measured] for one in members}
    return {
        "model": f"{panel} (panel)",
        "members": ", ".join(parts),
        "members_sha256": sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest(),
        "vote": f"{panel.get_vote_display()}, {json.dumps(votes, sort_keys=True)}",
    }


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What differs between two versions of a judge, in a sentence each; "" where nothing does."""
    differing = [name for name in PARTS if before.get(name, "") != now.get(name, "")]
    if ("members" in before) != ("members" in now):
        differing = ["model"]  # a panel in the place of a model: nothing of either is comparable
    if "questions_sha256" in differing and ("adapter" in differing or "questions_sha256" not in before):
        # One follows from the other, or they are of a time when it was not written down.
        differing.remove("questions_sha256")
    if "prompt_version" in differing and "prompt_sha256" in differing:
        differing.remove("prompt_sha256")  # another version has another text
    if "members" in differing:
        differing = [name for name in differing if name not in {"members_sha256", "vote"}]
    return " ".join(_change(name, before.get(name, ""), now.get(name, "")) for name in differing)


def issue(check: JudgeCheck) -> Passport:
    """Write down what a finished check and people's labels say of the judge."""
    rules = services.definition(check.rubric)
    measured = figures.measure(_answers(check), rules)
    natural = _natural(check, rules)
    titles = {criterion.name: criterion.title for criterion in rules.criteria} | {OVERALL: "All criteria together"}
    return Passport.objects.create(
        judge_check=check,
        rater=check.rater,
        rubric=check.rubric,
        version=check.version,
        figures={
            "criteria": [
                {"name": name, "title": titles[name], "planted_tnr": asdict(measured.planted_tnr[name])}
                | {figure: asdict(estimate) for figure, estimate in by_people.items()}
                for name, by_people in natural.figures.items()
            ],
            "defects": [asdict(one) for one in measured.defects],
            "probes": [asdict(one) for one in measured.probes],
            "n_asked": measured.n_asked,
            "n_unusable": measured.n_unusable,
        },
        measured_on=_sample(check) | natural.reviewed_on,
    )


def _lifetime() -> timedelta:
    return timedelta(days=settings.JUDGE_PASSPORT_DAYS)


def _change(name: str, before: str, now: str) -> str:
    if name == "questions_sha256":
        return "The judge is asked in other words, or shown other examples."
    if name == "members_sha256":
        return "A member of the panel has another model, options or prompt than then."
    if name == "prompt_sha256":
        return "The judge's prompt was edited without a new version."
    return f"The judge's {PARTS[name]} was {before or 'none'} and is {now or 'none'} now."


def _answers(check: JudgeCheck) -> list[Answered]:
    rows = check.cases.filter(answered_at__isnull=False).values_list(
        "pk",
        "compared_with",
        "probe",
        "defect",
        "criterion",
        "output__generation__shopper",
        "labels",
        "passed",
        "probabilities",
    )
    return [Answered(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class _Natural:
    """The judge against people's first blind labels: {criterion, or OVERALL: {name of a figure: it}}."""

    figures: dict[str, dict[str, Estimate]]
    reviewed_on: dict[str, Any]


def _natural(check: JudgeCheck, rules: RubricDef) -> _Natural:
    """What people's labels say of the judge, and which labels these are."""
    filters = Filters(kind=check.rubric.kind, judge=check.rater_id)
    found = comparison.reviews_of(filters, check.rubric)
    reviews = comparison.read_reviews(found)
    verdicts = comparison.read_verdicts(comparison.verdicts_of(filters, check.rubric, check.rater), found)
    rows = comparison.reviewed_labels(reviews, verdicts, rules)
    shared = comparison.shared_outputs(reviews, verdicts, rules)
    scales = {criterion.name: criterion.values for criterion in rules.criteria}
    report = agreement_report(rows, {}, scales)
    by_criterion = {name: [row for row in rows if row.criterion == name] for name in scales}
    said = {OVERALL: conjunctions(by_criterion), **by_criterion}
    when = found.aggregate(first=Min("created_at"), last=Max("created_at"))
    names = found.order_by("assignment__unit__campaign__name").values_list(
        "assignment__unit__campaign__name", flat=True
    )
    return _Natural(
        figures={
            row.name: {name: getattr(row, name) for name in ("tpr", "tnr", "ac1", "kappa")}
            | {"ece": _error(calibration(row.name, said[row.name]))}
            | _ceiling(human_ceiling(row.name, shared[row.name], scales.get(row.name, (PASS, FAIL))))
            for row in (report.overall, *report.criteria)
        },
        reviewed_on={
            "campaigns": list(names.distinct()),
            "n_reviewed": len({row.output for row in rows}),
            "reviewed": _dates(when["first"], when["last"]),
        },
    )


def _error(found: Calibration) -> Estimate:
    """How far the judge's probabilities are off, 0 to 1, by people's labels: the expected calibration error."""
    return found.raw.error if found.raw else Estimate.unknown(found.missing, found.n)


def _ceiling(found: Ceiling) -> dict[str, Estimate]:
    """How often two people give the same label, and judge and person on the same outputs."""
    return {"people_same": found.people.raw, "judge_same": found.judge.raw}


def _sample(check: JudgeCheck) -> dict[str, Any]:
    """What the check was made of."""
    cases = check.cases.order_by()
    when = cases.aggregate(first=Min("output__created_at"), last=Max("output__created_at"))
    made_by = cases.values_list("output__generation__model__name", "output__generation__prompt_version").distinct()
    pairs = sorted(made_by)
    return {
        "n_outputs": cases.values("output").distinct().count(),
        "n_shoppers": cases.values("output__generation__shopper").distinct().count(),
        "generators": list(dict.fromkeys(name for name, _ in pairs)),
        "made_by": [list(pair) for pair in pairs],
        "made": _dates(when["first"], when["last"]),
        "budget": check.budget,
        "seed": check.seed,
    }


def _dates(first: datetime | None, last: datetime | None) -> list[str]:
    """The first and the last day, once where they are the same."""
    return list(dict.fromkeys(one.date().isoformat() for one in (first, last) if one is not None))
