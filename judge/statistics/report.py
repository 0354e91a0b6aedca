"""The judge against people, for one kind of output: every figure the dashboard shows, with a sentence for each."""

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from judge.statistics.agreement import (
    Confusion,
    cohen_kappa,
    confusion,
    gwet_ac,
    prevalence_warning,
    raw_agreement,
    true_negative_rate,
    true_positive_rate,
)
from judge.statistics.intervals import Estimate
from judge.statistics.rates import (
    Population,
    corrected_rate,
    human_rate,
    inverse_weights,
    judge_rate,
    more_labels_needed,
)
from judge.statistics.wording import (
    TARGET_HALF_WIDTH,
    UNWEIGHTED,
    coefficient_sentence,
    corrected_rate_sentence,
    judge_rate_sentence,
    share_sentence,
)

OVERALL = "overall"
PASS, FAIL = "pass", "fail"


@dataclass(frozen=True, slots=True)
class ReviewedLabel:
    """One person's label for one output on one criterion, beside the judge's.

    cluster                the shopper
    human_passed,          whether that label satisfies the criterion
    judge_passed
    inclusion_probability  with which the output was drawn for review; None where unknown
    rater                  the person; matters where several review one output
    judge_probability      the judge's own, of a label that satisfies the criterion; None where its engine gives none
    """

    output: Hashable
    cluster: Hashable
    criterion: str
    human_label: str
    judge_label: str
    human_passed: bool
    judge_passed: bool
    inclusion_probability: float | None
    rater: Hashable = ""
    judge_probability: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Judge and people on one criterion, or overall, where the labels are “pass” and “fail”.

    n            pairs compared: one for each person and output
    n_outputs    outputs that they are about
    confusion    people by row, judge by column, in the order of the scale
    more_labels  about how many labels more bring the corrected rate to ±3 points; None without such a rate
    sentences    {figure's field name: what it says in words}
    """

    name: str
    n: int
    n_outputs: int
    agreement: Estimate
    kappa: Estimate
    ac1: Estimate
    tpr: Estimate
    tnr: Estimate
    confusion: Confusion
    prevalence_warning: str
    scope_warning: str
    judge_rate: Estimate
    human_rate: Estimate
    corrected_rate: Estimate
    more_labels: int | None
    sentences: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AgreementReport:
    """All criteria together and each on its own, in the order of the scales."""

    overall: Comparison
    criteria: tuple[Comparison, ...]


def agreement_report(
    rows: Iterable[ReviewedLabel], judged: Mapping[str, Population], scales: Mapping[str, Sequence[str]]
) -> AgreementReport:
    """Compare the judge with people on everything they both labelled.

    rows    first labels only: what people said after they had seen the judge's must not be among them
    judged  {criterion name, or OVERALL: the judge's verdicts on everything it judged}; without an entry the rates of
            that criterion have no figure
    scales  {criterion name: its label values in order}, one entry for each criterion of the rubric

    Overall, an output passes where it passes every criterion, and one that a person left half rated is left out.
    Where the inclusion probability of every output is known, all figures are weighted by 1 / it, so that they hold for
    the population and not just for what was picked.
    """
    by_criterion: dict[str, list[ReviewedLabel]] = {name: [] for name in scales}
    for row in rows:
        by_criterion[row.criterion].append(row)
    return AgreementReport(
        overall=_compare(OVERALL, conjunctions(by_criterion), judged.get(OVERALL, {}), (PASS, FAIL)),
        criteria=tuple(
            _compare(name, found, judged.get(name, {}), scales[name]) for name, found in by_criterion.items()
        ),
    )


def conjunctions(by_criterion: Mapping[str, Sequence[ReviewedLabel]]) -> list[ReviewedLabel]:
    """One row for each person and output that they rated on every criterion: does it pass all of them?

    The judge's probability of that is the product over the criteria, as if they were independent given the output:
    whether it can be read as a probability all the same is what calibration finds out.
    """
    reviews: defaultdict[tuple[Hashable, Hashable], dict[str, ReviewedLabel]] = defaultdict(dict)
    for name, rows in by_criterion.items():
        for row in rows:
            reviews[row.output, row.rater][name] = row
    return [_conjunction(list(review.values())) for review in reviews.values() if len(review) == len(by_criterion)]


def _conjunction(rows: Sequence[ReviewedLabel]) -> ReviewedLabel:
    human, judge = all(row.human_passed for row in rows), all(row.judge_passed for row in rows)
    known = [row.judge_probability for row in rows if row.judge_probability is not None]
    first = rows[0]
    return ReviewedLabel(
        output=first.output,
        cluster=first.cluster,
        criterion=OVERALL,
        human_label=PASS if human else FAIL,
        judge_label=PASS if judge else FAIL,
        human_passed=human,
        judge_passed=judge,
        inclusion_probability=first.inclusion_probability,
        rater=first.rater,
        judge_probability=math.prod(known) if len(known) == len(rows) else None,
    )


def _compare(name: str, rows: Sequence[ReviewedLabel], judged: Population, scale: Sequence[str]) -> Comparison:
    people, machine = [row.human_label for row in rows], [row.judge_label for row in rows]
    clusters = [row.cluster for row in rows]
    weights = inverse_weights([row.inclusion_probability for row in rows])
    human_passed, judge_passed = [row.human_passed for row in rows], [row.judge_passed for row in rows]
    table = confusion(people, machine, scale)
    human, corrected = pass_rates(rows, judged)
    agreement = raw_agreement(people, machine, clusters, weights=weights)
    kappa = cohen_kappa(people, machine, clusters, labels=scale, weights=weights)
    ac1 = gwet_ac(list(zip(people, machine, strict=True)), clusters, labels=scale, weights=weights)
    tpr = true_positive_rate(human_passed, judge_passed, clusters, weights=weights)
    tnr = true_negative_rate(human_passed, judge_passed, clusters, weights=weights)
    machine_rate = judge_rate(judged)
    more = more_labels_needed(TARGET_HALF_WIDTH, corrected)
    return Comparison(
        name=name,
        n=len(rows),
        n_outputs=len({row.output for row in rows}),
        agreement=agreement,
        kappa=kappa,
        ac1=ac1,
        tpr=tpr,
        tnr=tnr,
        confusion=table,
        prevalence_warning=prevalence_warning(table),
        scope_warning=UNWEIGHTED if rows and weights is None else "",
        judge_rate=machine_rate,
        human_rate=human,
        corrected_rate=corrected,
        more_labels=more,
        sentences={
            "agreement": share_sentence(
                "agreement", "Judge and people gave the same label to", agreement, " of what both labelled"
            ),
            "kappa": coefficient_sentence("Cohen's kappa", kappa, "agreement beyond chance, where 1 is always alike"),
            "ac1": coefficient_sentence("Gwet's AC1", ac1, "the same, but steady where one label is rare"),
            "tpr": share_sentence("true positive rate", "Of what people passed, the judge passed", tpr),
            "tnr": share_sentence("true negative rate", "Of what people failed, the judge caught", tnr),
            "judge_rate": judge_rate_sentence(machine_rate, corrected),
            "human_rate": share_sentence("human pass rate", "Without the judge, the reviews alone say", human),
            "corrected_rate": corrected_rate_sentence(corrected, machine_rate.n, more),
        },
    )


class PassRates(NamedTuple):
    """What people say of the reviewed outputs, and the rate to quote for everything judged."""

    human: Estimate
    corrected: Estimate


def pass_rates(rows: Sequence[ReviewedLabel], judged: Population) -> PassRates:
    """The human and the corrected pass rate; several people's labels of one output count as their mean."""
    by_output: defaultdict[Hashable, list[ReviewedLabel]] = defaultdict(list)
    for row in rows:
        by_output[row.output].append(row)
    firsts = [found[0] for found in by_output.values()]
    human = [sum(row.human_passed for row in found) / len(found) for found in by_output.values()]
    inclusion, clusters = [row.inclusion_probability for row in firsts], [row.cluster for row in firsts]
    by_people = human_rate(human, inclusion, clusters)
    if not judged:
        return PassRates(by_people, Estimate.unknown("it is not known what else the judge judged", by_people.n))
    judge = [row.judge_passed for row in firsts]
    return PassRates(by_people, corrected_rate(human, judge, inclusion, clusters, judged))
