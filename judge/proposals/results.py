"""What a trial found: both prompts against the labels that count as right, by criterion, with the difference."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from judge import services
from judge.models import Trial, TrialCase
from judge.rubrics import RubricDef
from judge.statistics.intervals import Estimate
from judge.statistics.paired import PairedFigure, PairedLabel, paired_figures
from judge.statistics.report import FAIL, OVERALL, PASS
from recommend.models import JobState

Prompt = TrialCase.Prompt


@dataclass(frozen=True, slots=True)
class Row:
    """One criterion, or all together: agreement, TPR and TNR under both prompts."""

    name: str
    title: str
    figures: tuple[PairedFigure, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """A finished trial, laid out; the first row is all criteria together.

    n_compared  outputs with a usable answer under both prompts
    unusable    answers without labels under the current and the proposed prompt: in no figure
    n_earlier   trials of other proposals against the same prompt that ended before this one
    """

    rows: tuple[Row, ...]
    n_compared: int
    n_decided: int
    unusable: tuple[int, int]
    n_earlier: int

    @property
    def headline(self) -> PairedFigure:
        """Whether an output passes altogether: what the proposal stands or falls by."""
        return self.rows[0].figures[0]

    @property
    def warnings(self) -> list[str]:
        """What to bear in mind, a sentence each."""
        said = []
        current, proposed = self.unusable
        if current or proposed:
            said.append(
                f"Answers of no use count in no figure: {proposed:,} under the proposed prompt, {current:,} under the "
                "current one."
            )
        if self.n_earlier:
            said.append(
                f"Other proposals tried against this prompt before: {self.n_earlier}, on labels that overlap with "
                "these. The best of several looks better than it is."
            )
        return said


def measured(trial: Trial) -> dict[str, Any]:
    """The figures of a trial whose questions are all answered, as JSON holds them."""
    rules = services.definition(trial.proposal.current)
    pairs: defaultdict[UUID, dict[str, TrialCase]] = defaultdict(dict)
    unusable: Counter[str] = Counter()
    for case in trial.cases.select_related("output__generation").order_by("pk"):
        if case.passed is None:
            unusable[case.prompt] += 1
        else:
            pairs[case.output_id][case.prompt] = case
    both = [(one[Prompt.CURRENT], one[Prompt.PROPOSED]) for one in pairs.values() if len(one) == len(Prompt)]
    titles = {OVERALL: "All criteria together"} | {one.name: one.title for one in rules.criteria}
    rows = {OVERALL: [row for pair in both if (row := _altogether(*pair, rules))]}
    rows |= {name: _criterion(name, both, rules) for name in titles if name != OVERALL}
    earlier = Trial.objects.filter(proposal__current=trial.proposal.current, state=JobState.DONE)
    return {
        "rows": [
            {"name": name, "title": titles[name], "figures": [asdict(one) for one in found]}
            for name, found in paired_figures(rows).items()
        ],
        "n_compared": len(both),
        "n_decided": sum(current.is_decided for current, _ in both),
        "unusable": [unusable[Prompt.CURRENT], unusable[Prompt.PROPOSED]],
        "n_earlier": earlier.exclude(proposal=trial.proposal).values("proposal").distinct().count(),
    }


def result(trial: Trial) -> Result | None:
    """What a trial found; None before it is done."""
    stored = trial.figures
    if not stored:
        return None
    return Result(
        rows=tuple(
            Row(row["name"], row["title"], tuple(_figure(one) for one in row["figures"])) for row in stored["rows"]
        ),
        n_compared=stored["n_compared"],
        n_decided=stored["n_decided"],
        unusable=(stored["unusable"][0], stored["unusable"][1]),
        n_earlier=stored["n_earlier"],
    )


def _figure(stored: dict[str, Any]) -> PairedFigure:
    estimates = {name: Estimate(**stored[name]) for name in ("first", "second", "difference")}
    return PairedFigure(**{**stored, **estimates})


def _criterion(name: str, both: list[tuple[TrialCase, TrialCase]], rules: RubricDef) -> list[PairedLabel]:
    criterion = rules.criterion(name)
    rows = []
    for current, proposed in both:
        if name not in current.right:
            continue
        right, first, second = current.right[name], current.labels[name], proposed.labels[name]
        rows.append(
            PairedLabel(
                cluster=current.output.generation.shopper_id,
                right=right,
                first=first,
                second=second,
                right_passed=criterion.label(right).passes,
                first_passed=criterion.label(first).passes,
                second_passed=criterion.label(second).passes,
            )
        )
    return rows


def _altogether(current: TrialCase, proposed: TrialCase, rules: RubricDef) -> PairedLabel | None:
    """Whether it passes every criterion; None where it is not known of each whether that is right."""
    if any(one.name not in current.right for one in rules.criteria):
        return None
    right, first, second = rules.passes(current.right), bool(current.passed), bool(proposed.passed)
    return PairedLabel(
        cluster=current.output.generation.shopper_id,
        right=PASS if right else FAIL,
        first=PASS if first else FAIL,
        second=PASS if second else FAIL,
        right_passed=right,
        first_passed=first,
        second_passed=second,
    )
