"""What was said of outputs: a lead's decision counts before people's labels, and these before the judge's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from judge.models import Assessment, Rater, Resolution, Rubric
from judge.proposals.truth import most_said, same_words
from judge.rubrics import RubricDef

LEAD, PEOPLE, JUDGE = "lead", "people", "judge"


@dataclass(frozen=True, slots=True)
class Said:
    """The labels of one output that count, and where they are from.

    labels       {criterion: label}; a criterion on which people are split evenly is the judge's, if it said anything
    by           the weightiest who said any of them
    assessments  of the people, or the judge, whose labels count
    decisions    of leads
    at           the day of the newest of these
    """

    labels: Mapping[str, str]
    by: str
    at: date
    assessments: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()

    def passes(self, rules: RubricDef) -> bool | None:
        """Whether every criterion passed; None where one has no label."""
        if any(one.name not in self.labels for one in rules.criteria):
            return None
        return all(one.label(self.labels[one.name]).passes for one in rules.criteria)


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads labels under one rubric and what was worded the same before it; `judge` None: people alone."""

    rubrics: Sequence[Rubric]
    judge: Rater | None

    @classmethod
    def of(cls, rubric: Rubric, judge: Rater | None) -> Reading:
        return cls(same_words(rubric), judge)

    def said(self, outputs: Iterable[UUID]) -> dict[UUID, Said]:
        """What was said of each output; one of which nobody said anything is left out."""
        wanted = list(outputs)
        decided, people, judged = self._decided(wanted), self._people(wanted), self._judged(wanted)
        return {
            output: _weighed(decided.get(output), people.get(output, []), judged.get(output))
            for output in wanted
            if output in decided or output in people or output in judged
        }

    def _decided(self, outputs: Sequence[UUID]) -> dict[UUID, Resolution]:
        found = Resolution.objects.filter(rubric__in=self.rubrics, output__in=outputs)
        return {one.output_id: one for one in found.order_by("created_at", "revision")}  # the one in force comes last

    def _people(self, outputs: Sequence[UUID]) -> dict[UUID, list[Assessment]]:
        # First labels: what people said after they had seen the judge's is theirs and the judge's together.
        found: defaultdict[UUID, list[Assessment]] = defaultdict(list)
        said = Assessment.objects.filter(rater__user__isnull=False, rubric__in=self.rubrics, output__in=outputs)
        for one in said.filter(revision=1).order_by("created_at"):
            found[one.output_id].append(one)
        return dict(found)

    def _judged(self, outputs: Sequence[UUID]) -> dict[UUID, Assessment]:
        if self.judge is None:
            return {}
        said = Assessment.objects.filter(rater=self.judge, rubric__in=self.rubrics, output__in=outputs)
        return {one.output_id: one for one in said.filter(revision=1, passed__isnull=False).order_by("created_at")}


def _weighed(decided: Resolution | None, people: Sequence[Assessment], judged: Assessment | None) -> Said:
    lead = decided.labels if decided else {}
    human = {name: label for name, label in most_said(one.labels for one in people).items() if name not in lead}
    above = human | lead
    of_judge = {name: label for name, label in (judged.labels if judged else {}).items() if name not in above}
    counting = [*(people if human else ()), *([judged] if judged and of_judge else ())]
    at = max(one.created_at.date() for one in [*counting, *([decided] if decided else people)])
    by = LEAD if decided else PEOPLE if human else JUDGE
    ids = tuple(str(one.pk) for one in counting)
    return Said(of_judge | above, by, at, ids, (str(decided.pk),) if decided else ())
