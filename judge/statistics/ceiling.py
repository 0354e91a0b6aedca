"""The human ceiling: how far people agree among themselves, which is the most that can be asked of a judge.

Both figures are taken on the same outputs, those that two or more people labelled blind, so that they can be compared:
outputs that are hard for people are then hard for the judge as well.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from judge.statistics.agreement import Label, gwet_ac, krippendorff_alpha
from judge.statistics.intervals import Estimate, clustered_mean, proportion
from judge.statistics.rates import inverse_weights
from judge.statistics.wording import UNWEIGHTED, percent, percent_range

NOBODY_TWICE = "no output has been labelled by two people"
NO_JUDGE = "the judge has labelled none of what two people labelled"
# Double-labelling 10 to 20 % of the work is the usual advice; what an interval takes at the least is in `intervals`.
OVERLAP_ADVICE = (
    "Open a campaign with an overlap of 2 that draws 10 to 20% of the generations: people then label the same outputs "
    "without knowing of each other."
)


@dataclass(frozen=True, slots=True)
class SharedOutput:
    """What two or more people, and the judge, said of one output on one criterion.

    cluster                the shopper
    people                 {person: label}
    judge                  None where the judge has not labelled it
    inclusion_probability  with which the output came to two people; None where unknown
    """

    cluster: Hashable
    people: Mapping[Hashable, str]
    judge: str | None
    inclusion_probability: float | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far a kind of pair agrees: share of same labels, Gwet's AC1 and Krippendorff's alpha."""

    raw: Estimate
    ac1: Estimate
    alpha: Estimate


@dataclass(frozen=True, slots=True)
class Ceiling:
    """People among themselves beside the judge with people, on one criterion or overall.

    n_people    who labelled an output that somebody else labelled too
    difference  the judge's share of same labels less the people's, output by output: -1 to 1
    sentence    what it says in words, or what is missing and how to get it
    """

    name: str
    n_outputs: int
    n_people: int
    people: Agreement
    judge: Agreement
    difference: Estimate
    scope_warning: str
    sentence: str


def human_ceiling(name: str, shared: Sequence[SharedOutput], scale: Sequence[str]) -> Ceiling:
    """Agreement of people with each other and of the judge with them, on the outputs that several people labelled.

    An output counts once, however many people labelled it: its pairs share its weight. Intervals resample or count
    shoppers. Weighted by 1 / inclusion probability where it is known of every output.
    """
    judged = [one for one in shared if one.judge is not None]
    people = _among_people(shared, scale)
    machine = _with_judge(judged, scale)
    difference = _difference(judged)
    return Ceiling(
        name=name,
        n_outputs=len(shared),
        n_people=len({person for one in shared for person in one.people}),
        people=people,
        judge=machine,
        difference=difference,
        scope_warning=UNWEIGHTED if shared and _weights(shared) is None else "",
        sentence=_sentence(people.raw, machine.raw, difference),
    )


def pairwise(labels: Sequence[Label]) -> float:
    """The share of pairs of people who gave the same label, 0 to 1, for two or more labels."""
    pairs = list(combinations(labels, 2))
    return sum(a == b for a, b in pairs) / len(pairs)


def with_judge(one: SharedOutput) -> float:
    """The share of an output's people who gave the judge's label, 0 to 1."""
    return sum(label == one.judge for label in one.people.values()) / len(one.people)


def _among_people(shared: Sequence[SharedOutput], scale: Sequence[str]) -> Agreement:
    if not shared:
        nothing = Estimate.unknown(NOBODY_TWICE)
        return Agreement(nothing, nothing, nothing)
    clusters, weights = [one.cluster for one in shared], _weights(shared)
    # Who is who does not matter to either coefficient, so an output's labels just stand side by side.
    width = max(len(one.people) for one in shared)
    ratings = [[*one.people.values(), *[None] * (width - len(one.people))] for one in shared]
    return Agreement(
        raw=proportion([pairwise(list(one.people.values())) for one in shared], clusters, weights),
        ac1=gwet_ac(ratings, clusters, labels=scale, weights=weights),
        alpha=krippendorff_alpha(ratings, clusters, labels=scale, weights=weights),
    )


def _with_judge(judged: Sequence[SharedOutput], scale: Sequence[str]) -> Agreement:
    if not judged:
        nothing = Estimate.unknown(NO_JUDGE)
        return Agreement(nothing, nothing, nothing)
    pairs = [(label, one.judge) for one in judged for label in one.people.values()]
    clusters = [one.cluster for one in judged for _ in one.people]
    known = _weights(judged) or [1.0] * len(judged)
    weights = [weight / len(one.people) for one, weight in zip(judged, known, strict=True) for _ in one.people]
    return Agreement(
        raw=proportion([with_judge(one) for one in judged], [one.cluster for one in judged], _weights(judged)),
        ac1=gwet_ac(pairs, clusters, labels=scale, weights=weights),
        alpha=krippendorff_alpha(pairs, clusters, labels=scale, weights=weights),
    )


def _difference(judged: Sequence[SharedOutput]) -> Estimate:
    if not judged:
        return Estimate.unknown(NO_JUDGE)
    gaps = [with_judge(one) - pairwise(list(one.people.values())) for one in judged]
    return clustered_mean(gaps, [one.cluster for one in judged], _weights(judged))


def _weights(shared: Sequence[SharedOutput]) -> list[float] | None:
    return inverse_weights([one.inclusion_probability for one in shared])


def _sentence(people: Estimate, judge: Estimate, difference: Estimate) -> str:
    if people.value is None:
        return f"How far people agree is unknown: {people.note}. {OVERLAP_ADVICE}"
    said = f"Two people gave the same label to {percent(people.value)} of the {people.n:,} outputs they share"
    said = f"{said} ({percent_range(people)})" if people.low is not None else f"{said} ({people.note})"
    if judge.value is None:
        return f"{said}; {judge.note}."
    theirs = f"; judge and person to {percent(judge.value)}"
    return f"{said}{theirs}{f' ({percent_range(judge)})' if judge.low is not None else ''}. {_verdict(difference)}"


def _verdict(difference: Estimate) -> str:
    if difference.low is None or difference.high is None:
        return f"Whether that differs cannot be told: {difference.note}."
    if difference.low > 0:
        return "The judge is closer to people than they are to each other."
    if difference.high < 0:
        low, high = round(-100 * difference.high), round(-100 * difference.low)
        return f"The judge falls short of people by {low} to {high} points: there is that much left to gain."
    widest = round(100 * max(-difference.low, difference.high))
    return f"No difference shows, though one of up to {widest} points would go unnoticed with so few."
