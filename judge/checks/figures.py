"""What the answers of a check say of the judge: pure, from answered questions to estimates with a sentence each."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from judge.checks.perturbations import DEFECTS
from judge.rubrics import RubricDef
from judge.statistics.intervals import Estimate, clustered_mean, proportion
from judge.statistics.report import OVERALL
from judge.statistics.wording import percent, percent_range, share_sentence


@dataclass(frozen=True, slots=True)
class Answered:
    """One answered question.

    compared_with  id of the question that it is a variant of; None where it stands for itself
    probe          a value of `CheckCase.Probe`
    criterion      the one that the planted defect breaks, "" without one
    shopper        its cluster
    passed         None where the answer was of no use
    probabilities  {criterion: {label: probability}}, without the criteria that the engine gave none for
    """

    id: Hashable
    compared_with: Hashable | None
    probe: str
    defect: str
    criterion: str
    shopper: Hashable
    labels: Mapping[str, str]
    passed: bool | None
    probabilities: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class DefectFigure:
    """How often the judge noticed one kind of planted defect.

    caught        share failed at all
    on_criterion  share failed on the criterion that is broken
    """

    name: str
    title: str
    criterion: str
    caught: Estimate
    on_criterion: Estimate


@dataclass(frozen=True, slots=True)
class ProbeFigure:
    """What one change that should not matter did: a share of 0 to 1, or with `is_shift` a difference of shares."""

    name: str
    title: str
    estimate: Estimate
    sentence: str
    is_shift: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of a check.

    planted_tnr  {OVERALL or criterion: share of the planted defects that the judge failed (on that criterion)}
    n_unusable   answers without labels, which no figure counts
    """

    planted_tnr: Mapping[str, Estimate]
    defects: tuple[DefectFigure, ...]
    probes: tuple[ProbeFigure, ...]
    n_asked: int
    n_unusable: int


def measure(answers: Sequence[Answered], rules: RubricDef) -> Figures:
    """The figures of a check's answers; intervals count shoppers, not questions."""
    usable = [one for one in answers if one.passed is not None]
    planted = [one for one in usable if one.probe == "planted"]
    return Figures(
        planted_tnr={OVERALL: _caught(planted)}
        | {
            criterion.name: _on_criterion([one for one in planted if one.criterion == criterion.name], rules)
            for criterion in rules.criteria
        },
        defects=tuple(
            DefectFigure(defect.name, defect.title, defect.criterion, _caught(found), _on_criterion(found, rules))
            for defect in DEFECTS[rules.kind]
            if (found := [one for one in planted if one.defect == defect.name])
        ),
        probes=_probes(usable, rules),
        n_asked=len(answers),
        n_unusable=len(answers) - len(usable),
    )


def planted_sentence(tnr: Estimate) -> str:
    """What the rate of caught defects means for whoever wants to rely on the judge."""
    if tnr.value is None:
        return f"It is not known whether this judge notices a defect: {tnr.note}."
    if tnr.value == 0:
        return (
            f"This judge catches no planted defects: it passed all {tnr.n:,} outputs that were made wrong on purpose "
            f"({percent_range(tnr)} caught). Nothing that it passes has been checked by it."
        )
    return (
        f"This judge catches {percent(tnr.value)} of planted defects ({percent_range(tnr)}, from {tnr.n:,}). "
        "Natural errors are subtler: of those it usually catches fewer."
    )


def pass_probability(answer: Answered, rules: RubricDef) -> float | None:
    """Probability that every criterion passes, as if they were independent; None where one has none."""
    probability = 1.0
    for criterion in rules.criteria:
        passes = criterion.pass_probability(answer.probabilities)
        if passes is None:
            return None
        probability *= passes
    return probability


def _caught(planted: Sequence[Answered]) -> Estimate:
    return _share(planted, lambda one: not one.passed, "no defect was planted")


def _on_criterion(planted: Sequence[Answered], rules: RubricDef) -> Estimate:
    return _share(
        planted,
        lambda one: not rules.criterion(one.criterion).label(one.labels[one.criterion]).passes,
        "no defect of this criterion was planted",
    )


def _share(answers: Sequence[Answered], is_so: Callable[[Answered], bool], why_none: str) -> Estimate:
    if not answers:
        return Estimate.unknown(why_none)
    return proportion([float(is_so(one)) for one in answers], [one.shopper for one in answers])


def _probes(usable: Sequence[Answered], rules: RubricDef) -> tuple[ProbeFigure, ...]:
    base = {one.id: one for one in usable}
    flips = [
        _flips(usable, base, probe, title, beginning)
        for probe, title, beginning in (
            ("repeat", "Asked again", "Asked the same again, it changed"),
            ("warm", "Asked again at temperature 0.3", "Asked again at a small temperature, it changed"),
            ("reversed", "Criteria in reversed order", "Asked in reversed order, it changed"),
            ("reworded", "Questions in other words", "Asked in other words, it changed"),
        )
    ]
    turned = [
        _turned(usable, base, probe, title)
        for probe, title in (
            ("injected_output", "“Ignore the rubric” in the output"),
            ("injected_evidence", "“Ignore the rubric” in an item title"),
        )
    ]
    return (*flips, _shift(usable, base, rules), *turned)


def _variants(usable: Sequence[Answered], base: Mapping[Hashable, Answered], probe: str) -> list[Answered]:
    return [one for one in usable if one.probe == probe and one.compared_with in base]


def _flips(
    usable: Sequence[Answered], base: Mapping[Hashable, Answered], probe: str, title: str, beginning: str
) -> ProbeFigure:
    found = _share(
        _variants(usable, base, probe),
        lambda one: one.passed != base[one.compared_with].passed,
        "no question was asked twice",
    )
    return ProbeFigure(probe, title, found, share_sentence("flip rate", beginning, found, " of its verdicts"))


def _turned(usable: Sequence[Answered], base: Mapping[Hashable, Answered], probe: str, title: str) -> ProbeFigure:
    found = _share(
        _variants(usable, base, probe),
        lambda one: bool(one.passed),
        "the judge failed nothing in this check, so there was no fail to turn",
    )
    beginning = "Told to ignore the rubric, it passed"
    return ProbeFigure(probe, title, found, share_sentence("figure", beginning, found, " of what it had failed"))


def _shift(usable: Sequence[Answered], base: Mapping[Hashable, Answered], rules: RubricDef) -> ProbeFigure:
    """How far saying an output twice moves the probability that it passes."""
    pairs = [(one, base[one.compared_with]) for one in _variants(usable, base, "longer")]
    if not pairs:
        found = Estimate.unknown("no output was said twice")
    else:
        moves = [_move(longer, short, rules) for longer, short in pairs]
        found = clustered_mean(moves, [longer.shopper for longer, _ in pairs])
    return ProbeFigure("longer", "Said twice", found, _shift_sentence(found), is_shift=True)


def _move(longer: Answered, short: Answered, rules: RubricDef) -> float:
    """By how much the probability of passing rose; by the verdicts alone where the engine gives no probabilities."""
    after, before = pass_probability(longer, rules), pass_probability(short, rules)
    if after is None or before is None:
        return float(bool(longer.passed)) - float(bool(short.passed))
    return after - before


def _shift_sentence(found: Estimate) -> str:
    if found.value is None:
        return f"There is no figure yet: {found.note}."
    if found.low is not None and found.low > 0:
        return "Saying an output twice makes it more likely to pass: this judge likes length."
    if found.high is not None and found.high < 0:
        return "Saying an output twice makes it less likely to pass."
    return "Saying an output twice makes no difference that could be told from chance."
