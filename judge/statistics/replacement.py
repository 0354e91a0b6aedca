"""Can the judge stand in for a person? The alternative-annotator test, with its answer in words.

Each person in turn is set aside: who is closer to the others' labels, that person or the judge? The judge wins against
a person where it is shown to be at most `epsilon` less often the closer one; it can stand in for people where it wins
against at least half of them.

Source: Calderon, Reichart and Dror (2025), The Alternative Annotator Test for LLM-as-a-Judge, ACL, 16051–16081. Our one
departure: the paper takes rows as independent; here outputs of a shopper are not, so the test counts shoppers. With one
output for each shopper, and equal weights, it is the paper's own test.
"""

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from judge.statistics.ceiling import SharedOutput
from judge.statistics.intervals import (
    MIN_CLUSTERS,
    Estimate,
    FloatArray,
    cluster_codes,
    effective_clusters,
    mean_and_variance,
    proportion,
    t_cdf,
)
from judge.statistics.rates import inverse_weights
from judge.statistics.wording import UNWEIGHTED, percent

# The paper's rule of thumb: .2 where people are experts, .15 for trained reviewers, .1 for crowd workers.
EPSILON = 0.15
# False discoveries allowed among the people that the judge is said to win against.
FDR = 0.05
# Both from the paper.
MIN_PEOPLE = 3
MIN_SHARED = 30
MIN_WINNING_RATE = 0.5


@dataclass(frozen=True, slots=True)
class Contest:
    """The judge against one person, on the outputs that this person shares with others.

    judge_ahead, person_ahead  share of these outputs on which that one is as close to the others or closer (the
                               paper's rho); ties count for both
    p_value                    of the hypothesis that the judge is worse by epsilon or more
    wins                       whether it is rejected, all people taken together
    """

    person: Hashable
    n_outputs: int
    judge_ahead: Estimate
    person_ahead: Estimate
    p_value: float
    wins: bool


@dataclass(frozen=True, slots=True)
class Replacement:
    """The answer. `winning_rate` and `can_stand_in` are None where it cannot be given; `sentence` then says why."""

    contests: tuple[Contest, ...]
    winning_rate: float | None
    can_stand_in: bool | None
    scope_warning: str
    sentence: str


def alternative_annotator_test(
    shared: Sequence[SharedOutput], epsilon: float = EPSILON, fdr: float = FDR
) -> Replacement:
    """The test, on outputs that the judge and at least two people labelled; people with fewer than 30 are left out.

    Needs three people, who need not have seen the same outputs. Weighted by 1 / inclusion probability where known.
    """
    rows = [one for one in shared if one.judge is not None and len(one.people) >= 2]
    counts = Counter(person for one in rows for person in one.people)
    people = [person for person, n in counts.most_common() if n >= MIN_SHARED]
    if len(people) < MIN_PEOPLE:
        return Replacement((), None, None, "", _missing(counts, len(people)))
    results = [_contest(person, [one for one in rows if person in one.people], epsilon) for person in people]
    won = benjamini_yekutieli([p for *_, p in results], fdr)
    contests = tuple(
        Contest(person, judge.n, judge, theirs, p, wins)
        for person, (judge, theirs, p), wins in zip(people, results, won, strict=True)
    )
    rate = sum(won) / len(won)
    weighted = inverse_weights([one.inclusion_probability for one in rows]) is not None
    return Replacement(
        contests=contests,
        winning_rate=rate,
        can_stand_in=rate >= MIN_WINNING_RATE,
        scope_warning="" if weighted else UNWEIGHTED,
        sentence=_answer(sum(won), len(won), epsilon, _mean_advantage(contests)),
    )


def benjamini_yekutieli(p_values: Sequence[float], fdr: float = FDR) -> list[bool]:
    """Which hypotheses are rejected so that at most `fdr` of the rejected ones are true, whatever their dependence.

    Source: Benjamini and Yekutieli (2001), Annals of Statistics 29, 1165–1188.

    >>> benjamini_yekutieli([0.001, 0.5, 0.02])
    [True, False, False]
    """
    m = len(p_values)
    order = sorted(range(m), key=p_values.__getitem__)
    allowed = fdr / (m * sum(1 / i for i in range(1, m + 1))) if m else 0.0
    last = max((rank for rank, i in enumerate(order, start=1) if p_values[i] <= rank * allowed), default=0)
    rejected = set(order[:last])
    return [i in rejected for i in range(m)]


def _contest(person: Hashable, rows: Sequence[SharedOutput], epsilon: float) -> tuple[Estimate, Estimate, float]:
    """Judge ahead, person ahead, and the p-value of "the judge is worse by epsilon or more"."""
    judge_ahead, person_ahead = [], []
    for one in rows:
        others = [label for other, label in one.people.items() if other != person]
        judge, theirs = others.count(str(one.judge)), others.count(one.people[person])
        judge_ahead.append(judge >= theirs)
        person_ahead.append(theirs >= judge)
    clusters, weights = [one.cluster for one in rows], inverse_weights([one.inclusion_probability for one in rows])
    lag = np.asarray(person_ahead, dtype=np.float64) - np.asarray(judge_ahead, dtype=np.float64)
    return (
        proportion(judge_ahead, clusters, weights),
        proportion(person_ahead, clusters, weights),
        _p_value(lag, np.ones_like(lag) if weights is None else np.asarray(weights), clusters, epsilon),
    )


def _p_value(lag: FloatArray, weights: FloatArray, clusters: Sequence[Hashable], epsilon: float) -> float:
    """One-sided, cluster-robust t-test of mean(lag) >= epsilon."""
    codes, n_clusters = cluster_codes(clusters, len(lag))
    mean, variance = mean_and_variance(lag, weights, codes, n_clusters)
    if variance == 0:
        # The same everywhere: there is no spread to test against, so it takes shoppers enough to believe it.
        return 1.0 if n_clusters < MIN_CLUSTERS or mean >= epsilon else 0.0
    # Rounding must not cost a whole degree of freedom.
    degrees = max(1, int(effective_clusters(weights, codes) - 1 + 1e-9))
    return t_cdf((mean - epsilon) / math.sqrt(variance), degrees)


def _mean_advantage(contests: Sequence[Contest]) -> float:
    return sum(one.judge_ahead.value or 0.0 for one in contests) / len(contests)


def _answer(won: int, n: int, epsilon: float, advantage: float) -> str:
    can = won / n >= MIN_WINNING_RATE
    verdict = "Yes, the judge can stand in for a person" if can else "No, the judge cannot stand in for a person yet"
    return (
        f"{verdict}: against {won} of {n} people it is shown to be at most {round(100 * epsilon)} points less often "
        f"the closer one to the others, and it takes half of them. On average it is as close as a person or closer on "
        f"{percent(advantage)} of the outputs."
    )


def _missing(counts: Counter[Hashable], n_people: int) -> str:
    if not counts:
        have = "so far no output that the judge has labelled was labelled by two people"
    else:
        have = f"so far {n_people} of {len(counts)} do"
    return (
        f"Whether the judge can stand in for a person takes {MIN_PEOPLE} people who each share {MIN_SHARED} judged "
        f"outputs with somebody else; {have}. An overlap of 2 or more in a campaign brings them."
    )
