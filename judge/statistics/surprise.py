"""Which disagreements teach most: how surprising people's labels are to somebody who believes the judge."""

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from judge.statistics.report import ReviewedLabel

# A judge that says 100 % must not make one person's slip infinitely surprising.
MAX_CONFIDENCE = 0.999


@dataclass(frozen=True, slots=True)
class Surprise:
    """An output on which all people who labelled it say the opposite of the judge.

    confidence  of the judge in what it said, 0 to 1; None where its engine gives no probabilities
    bits        how surprising that is; 0 where the confidence is not known
    """

    output: Hashable
    judge_passed: bool
    confidence: float | None
    n_people: int
    bits: float


def surprises(rows: Iterable[ReviewedLabel], limit: int) -> tuple[Surprise, ...]:
    """The outputs on which people are unanimous against the judge, the most surprising first, `limit` at most.

    rows  one for each person and output, of passing altogether

    If the judge is right with probability c, as it says, one person contradicts it with probability 1 - c, and n of
    them independently with (1 - c)^n: that is -n log2(1 - c) bits (Shannon's information content). So a second person
    weighs as much as squaring the judge's doubt. Without probabilities more people come first.
    """
    by_output: defaultdict[Hashable, list[ReviewedLabel]] = defaultdict(list)
    for row in rows:
        by_output[row.output].append(row)
    found = [
        _surprise(said) for said in by_output.values() if all(row.human_passed != row.judge_passed for row in said)
    ]
    # The id at the end makes the order the same every time.
    found.sort(key=lambda one: (-one.bits, -one.n_people, str(one.output)))
    return tuple(found[:limit])


def _surprise(said: list[ReviewedLabel]) -> Surprise:
    first = said[0]
    if first.judge_probability is None:
        return Surprise(first.output, first.judge_passed, None, len(said), 0.0)
    confidence = first.judge_probability if first.judge_passed else 1 - first.judge_probability
    bits = -len(said) * math.log2(1 - min(confidence, MAX_CONFIDENCE))
    return Surprise(first.output, first.judge_passed, confidence, len(said), bits)
