"""How a panel of judges votes: pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from judge.rubrics import CriterionDef, RubricDef

# {criterion name: (of a vote to pass, of a vote to fail)}
Weights = Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Ballot:
    """What one member says of an output, and how much it counts on each criterion: 1 where nothing is said."""

    labels: Mapping[str, str]
    weights: Weights = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Vote:
    """The panel's labels, and {criterion: {label: its share of the votes}}: the members' spread."""

    labels: dict[str, str]
    shares: dict[str, dict[str, float]]


def vote(ballots: Sequence[Ballot], rules: RubricDef) -> Vote:
    """The label of each criterion: first whether it passes, then the label on that side with the most votes.

    So Excellent, Good and Bad from three members are a pass, although no label has more votes than another. A tie
    between passing and failing fails, and one between labels gives the worse: a panel that is split has not approved.
    Raises ValueError without ballots.

    >>> from judge.rubrics import RUBRICS
    >>> said = [{"willingness": "Spontaneity", "reasonableness": one} for one in ("Strong", "Weak", "Strong")]
    >>> found = vote([Ballot(one) for one in said], RUBRICS["interest"])
    >>> found.labels["reasonableness"], round(found.shares["reasonableness"]["Weak"], 2)
    ('Strong', 0.33)
    """
    if not ballots:
        raise ValueError("a vote takes at least one ballot")
    counts = {criterion.name: _counted(ballots, criterion) for criterion in rules.criteria}
    return Vote(
        labels={criterion.name: _winner(counts[criterion.name], criterion) for criterion in rules.criteria},
        shares={
            name: {value: votes / sum(found.values()) for value, votes in found.items()}
            for name, found in counts.items()
        },
    )


def weight_of(tpr: float, n_passing: int, tnr: float, n_failing: int) -> tuple[float, float]:
    """How much a member's votes to pass and to fail count, from its rates against people's labels.

    tpr, tnr              the rates, 0 to 1
    n_passing, n_failing  outputs that people passed and failed, from which they were measured

    The log-likelihood ratios ln(TPR / (1 − TNR)) and ln(TNR / (1 − TPR)), at least 0: with them the heavier side is
    the likelier one where members err independently and passing is as likely as failing beforehand. Rates are
    smoothed by half an output on either side, so that none counts without limit.
    Source: Nitzan and Paroush, Optimal decision rules in uncertain dichotomous choice situations (1982), with a rate
    for each class as in Dawid and Skene (1979).
    """
    hit, rejected = _smoothed(tpr, n_passing), _smoothed(tnr, n_failing)
    return max(0.0, math.log(hit / (1 - rejected))), max(0.0, math.log(rejected / (1 - hit)))


def _smoothed(rate: float, n: int) -> float:
    return (rate * n + 0.5) / (n + 1)


def _counted(ballots: Sequence[Ballot], criterion: CriterionDef) -> dict[str, float]:
    """{label: votes}, every label of the scale; each ballot counts once where none of them has a weight."""
    votes: defaultdict[str, float] = defaultdict(float)
    for ballot in ballots:
        label = criterion.label(ballot.labels[criterion.name])
        to_pass, to_fail = ballot.weights.get(criterion.name, (1.0, 1.0))
        votes[label.value] += to_pass if label.passes else to_fail
    if not sum(votes.values()):
        return _counted([Ballot(ballot.labels) for ballot in ballots], criterion)
    return {value: votes[value] for value in criterion.values}


def _winner(votes: Mapping[str, float], criterion: CriterionDef) -> str:
    passing = math.fsum(votes[value] for value in criterion.passing)
    failing = math.fsum(votes.values()) - passing
    passes = passing > failing and not math.isclose(passing, failing)
    side = [label.value for label in criterion.labels if label.passes == passes]
    return max(reversed(side), key=lambda value: votes[value])  # of equals the first, here the worst
