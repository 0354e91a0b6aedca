"""Is acceptance at least x? An answer that may be looked at after every label, and acted on as soon as it is there.

A test that was made for a fixed number of labels, repeated until it says yes, says yes far too often. Here evidence is
the capital of a fair bet against the opposite: if acceptance were below x, no way of stopping would let it multiply
20-fold with a probability above 5 % (Ville's inequality).

Sources: Waudby-Smith and Ramdas (2024), Estimating means of bounded random variables by betting, JRSS B 86, 1–27; Ville
(1939), Étude critique de la notion de collectif.
"""

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from judge.statistics.intervals import Estimate, FloatArray
from judge.statistics.wording import percent, percent_range

ALPHA = 0.05
THRESHOLD = 0.8
# The stake is spread over these shares of the highest bet that cannot go bankrupt, so none has to be chosen beforehand.
STAKES = np.linspace(0.02, 0.98, 49)
# Bisection down to a millionth.
_HALVINGS = 20
_UNKNOWN_PROBABILITY = "it is not known how probable it was to draw some of them for review"


@dataclass(frozen=True, slots=True)
class Screen:
    """A generation as one person saw it first.

    passed                 share of its outputs that pass, 0 to 1
    inclusion_probability  with which it was drawn for review; None where unknown
    """

    cluster: Hashable
    passed: float
    inclusion_probability: float | None


@dataclass(frozen=True, slots=True)
class Look:
    """The evidence after n shoppers: what a stake of 1 became, bet on "at least x" and bet on "below x"."""

    n: int
    at_least: float
    below: float


@dataclass(frozen=True, slots=True)
class Gate:
    """The answer so far.

    decision    True: acceptance is at least `threshold`; False: it is below; None: the evidence does not say yet
    decided_at  after how many shoppers
    acceptance  with an interval that holds at every look (a confidence sequence, 95 %)
    looks       one for each shopper, in the order of labelling
    """

    threshold: float
    decision: bool | None
    decided_at: int | None
    acceptance: Estimate
    looks: tuple[Look, ...]
    sentence: str


def sequential_gate(screens: Iterable[Screen], threshold: float = THRESHOLD, alpha: float = ALPHA) -> Gate:
    """Whether acceptance is at least `threshold`, from screens in the order in which they were labelled.

    Of each shopper the first screen counts, so that each observation is new evidence; a shopper counts as much as any
    other. The hypothesis is about the mean over those that will be drawn, at any time: if the first hundred are worse
    than the rest, the evidence says so. Unequal inclusion probabilities scale the bets down, to the least one. Refused
    where one is unknown. Raises ValueError for a threshold outside 0 to 1.
    """
    if not 0 < threshold < 1:
        raise ValueError(f"a threshold lies between 0 and 1, not {threshold}")
    first: dict[Hashable, Screen] = {}
    for screen in screens:
        first.setdefault(screen.cluster, screen)
    rows = list(first.values())
    refusal = _refusal(rows)
    if refusal:
        unknown = Estimate.unknown(refusal, len(rows), len(rows))
        return Gate(threshold, None, None, unknown, (), f"There is no evidence yet: {refusal}.")
    passed = np.array([one.passed for one in rows])
    inclusion = np.array([one.inclusion_probability for one in rows], dtype=np.float64)
    weight = inclusion.min() / inclusion
    at_least, below = evidence(passed, weight, threshold), evidence(1 - passed, weight, 1 - threshold)
    decision, decided_at = _decision(at_least, below, alpha)
    acceptance = _confidence_sequence(passed, weight, alpha)
    looks = tuple(Look(i + 1, float(a), float(b)) for i, (a, b) in enumerate(zip(at_least, below, strict=True)))
    return Gate(
        threshold=threshold,
        decision=decision,
        decided_at=decided_at,
        acceptance=acceptance,
        looks=looks,
        sentence=_sentence(threshold, decision, decided_at, acceptance, looks[-1], alpha),
    )


def evidence(values: FloatArray, weight: FloatArray, mean: float) -> FloatArray:
    """(n,) what a stake of 1, bet against "the mean is at most `mean`", has become after each value.

    values  (n,) within 0 to 1, in order
    weight  (n,) within 0 to 1: how much of the bet stands on a value

    The average over STAKES s of the products of 1 + s / mean * weight * (value - mean): fair where the mean is `mean`,
    losing where it is less.
    """
    if not len(values):
        return np.empty(0)
    growth = np.log1p(np.outer(STAKES / mean, weight * (values - mean)))
    return _mixture(np.cumsum(growth, axis=1))


def _mixture(log_capital: FloatArray) -> FloatArray:
    """(stakes, n) logarithms -> (n,) the mean capital, held at a size that can be printed."""
    highest = log_capital.max(axis=0)
    mean = np.log(np.exp(log_capital - highest).mean(axis=0)) + highest
    return np.asarray(np.exp(np.minimum(mean, 700.0)), dtype=np.float64)


def _decision(at_least: FloatArray, below: FloatArray, alpha: float) -> tuple[bool | None, int | None]:
    """What the evidence said first, and after how many; once said it stands."""
    crossings = [
        (int(np.argmax(path >= 1 / alpha)), said)
        for path, said in ((at_least, True), (below, False))
        if (path >= 1 / alpha).any()
    ]
    if not crossings:
        return None, None
    place, said = min(crossings)
    return said, place + 1


def _confidence_sequence(passed: FloatArray, weight: FloatArray, alpha: float) -> Estimate:
    """The weighted mean, with all means that the evidence at hand does not speak against."""
    pairs, counts = np.unique(np.column_stack([passed, weight]), axis=0, return_counts=True)

    def capital(values: FloatArray, mean: float) -> float:
        growth = np.log1p(np.outer(STAKES / mean, pairs[:, 1] * (values - mean))) @ counts.astype(np.float64)
        return float(_mixture(growth[:, None])[0])

    low = _largest(lambda mean: capital(pairs[:, 0], mean) >= 2 / alpha)
    high = 1 - _largest(lambda mean: capital(1 - pairs[:, 0], mean) >= 2 / alpha)
    value = float(np.average(passed, weights=weight))
    return Estimate(value, min(low, value), max(high, value), len(passed), len(passed))


def _largest(is_refuted: Callable[[float], bool]) -> float:
    """The largest mean of 0 to 1 that is refuted, where all below it are; 0 where none is."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if is_refuted(middle) else (low, middle)
    return low


def _refusal(rows: Sequence[Screen]) -> str:
    if not rows:
        return "nobody has reviewed anything blind"
    if any(one.inclusion_probability is None or one.inclusion_probability <= 0 for one in rows):
        return _UNKNOWN_PROBABILITY
    return ""


def _sentence(
    threshold: float, decision: bool | None, decided_at: int | None, acceptance: Estimate, last: Look, alpha: float
) -> str:
    shoppers = f"After {last.n:,} shopper{'' if last.n == 1 else 's'} the evidence"
    range_ = f"Acceptance lies within {percent_range(acceptance)}, and that holds at every look."
    if decision is None:
        stronger, what = (last.at_least, "at least") if last.at_least >= last.below else (last.below, "below")
        return (
            f"{shoppers} does not say yet whether acceptance is at least {percent(threshold)}. The bet on “{what}” "
            f"stands at {_capital(stronger)} times its stake, and {round(1 / alpha)} times is asked for. {range_}"
        )
    answer = f"acceptance is {'at least' if decision else 'below'} {percent(threshold)}"
    return (
        f"{shoppers} says {'yes' if decision else 'no'}: {answer}. It was enough after {decided_at:,}; looking often "
        f"does not weaken it, the risk that it is wrong stays below {percent(alpha)}. {range_}"
    )


def _capital(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{math.floor(value):,}"
