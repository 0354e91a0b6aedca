"""Which questions a check asks: a budget, spread over planted defects, probes and injections."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any

from judge.checks import perturbations
from judge.checks.perturbations import Material
from judge.checks.sources import Source
from judge.models import CheckCase, JudgeCheck
from judge.rubrics import RubricDef
from judge.verdicts import VerdictInput

Probe = CheckCase.Probe

# Ours. The rate of caught defects is what self-training rests on, so it gets half of the budget; orders to the judge
# are tried on what it failed, which a lenient one has little of.
PLANTED_SHARE = 0.5
INJECTED_SHARE = 0.15
MIN_BUDGET, MAX_BUDGET = 20, 5_000
# Others whose material a defect may be made from; looking through thousands for each question takes minutes.
MAX_DONORS = 200
WARM_TEMPERATURE = 0.3

PROBES: dict[Probe, Callable[[VerdictInput], VerdictInput]] = {
    Probe.BASE: lambda asked: asked,
    Probe.REPEAT: lambda asked: asked,
    Probe.WARM: lambda asked: asked,
    Probe.REVERSED: perturbations.reversed_order,
    Probe.REWORDED: lambda asked: asked,  # the criteria are not stored with a question: `question` rewords them
    Probe.LONGER: perturbations.longer,
}
INJECTIONS: dict[Probe, Callable[[VerdictInput], VerdictInput]] = {
    Probe.INJECTED_OUTPUT: perturbations.injected_output,
    Probe.INJECTED_EVIDENCE: perturbations.injected_evidence,
}


def n_planted(budget: int) -> int:
    """Questions with a planted defect."""
    return int(budget * PLANTED_SHARE)


def n_probed(budget: int) -> int:
    """Outputs that are asked about in every way."""
    return (budget - n_planted(budget) - 2 * n_injected(budget)) // len(PROBES)


def n_injected(budget: int) -> int:
    """Failed outputs that an order to the judge is put into, once in either place."""
    return int(budget * INJECTED_SHARE) // len(INJECTIONS)


def first_questions(check: JudgeCheck, rules: RubricDef, sources: Sequence[Source]) -> list[CheckCase]:
    """Everything that can be asked before the first answer: the probes and the planted defects."""
    probed = [case for source in sources[: n_probed(check.budget)] for case in _probes(check, source)]
    planted = islice(_planted(check, rules, sources), n_planted(check.budget))
    return [*probed, *planted]


def injections(check: JudgeCheck, rules: RubricDef, failed: Iterable[CheckCase]) -> list[CheckCase]:
    """Questions that the judge answered with a fail, once more with an order to pass, in either place."""
    return [
        _case(check, probe, of.output_id, perturb(question(of, rules)), compared_with=of, criterion=of.criterion)
        for of in islice(failed, n_injected(check.budget))
        for probe, perturb in INJECTIONS.items()
    ]


def question(case: CheckCase, rules: RubricDef) -> VerdictInput:
    """What the judge is asked in a case."""
    stored: dict[str, Any] = dict(case.question)
    criteria = tuple(rules.criterion(name) for name in stored.pop("criteria"))
    asked = VerdictInput(**stored, criteria=criteria)
    return perturbations.reworded(asked) if case.probe == Probe.REWORDED else asked


def _probes(check: JudgeCheck, source: Source) -> Iterator[CheckCase]:
    base = _case(check, Probe.BASE, source.output, source.input)
    yield base
    for probe, perturb in PROBES.items():
        if probe != Probe.BASE:
            temperature = WARM_TEMPERATURE if probe == Probe.WARM else 0.0
            asked = perturb(source.input)
            yield _case(check, probe, source.output, asked, compared_with=base, temperature=temperature)


def _planted(check: JudgeCheck, rules: RubricDef, sources: Sequence[Source]) -> Iterator[CheckCase]:
    """Each source with one defect before any has a second: many shoppers say more than many defects of a few."""
    rng = random.Random(check.seed)  # noqa: S311  # a check that can be made again, no secret
    defects = perturbations.defects_for(rules.kind, rules.criteria)
    donors = sources[:MAX_DONORS]
    for turn in range(len(defects)):
        for place, source in enumerate(sources):
            defect = defects[(place + turn) % len(defects)]
            material = Material(source.own, [one.input for one in donors if one.shopper != source.shopper])
            made = defect.make(source.input, material, rng)
            if made is not None:
                yield _case(check, Probe.PLANTED, source.output, made, defect=defect.name, criterion=defect.criterion)


def _case(
    check: JudgeCheck, probe: Probe, output: Any, asked: VerdictInput, *, defect: str = "", **fields: Any
) -> CheckCase:
    of = fields.get("compared_with")
    stored = asdict(asked) | {"criteria": [criterion.name for criterion in asked.criteria]}
    key = f"{probe}/{defect or (of.defect if of else '')}/{output}"
    return CheckCase(
        judge_check=check, key=key, probe=probe, defect=defect, output_id=output, question=stored, **fields
    )
