"""How well people label: against known labels, beside each other and the judge, and after the judge was shown.

A label is one criterion of one output. Intervals count shoppers, as everywhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from judge.statistics.intervals import Estimate, proportion

Labels = Mapping[str, str]

NO_GOLD = "no gold unit was labelled"
NO_PEOPLE = "nobody else labelled the same outputs"
NO_JUDGE = "the judge has labelled none of these outputs"
NO_REVEAL = "no judge's labels were shown after a blind review"
NO_REVISION = "nothing was revised"


class Standing(StrEnum):
    """An accuracy against what is asked for. Only an interval that is all on one side is clear."""

    BELOW = "below"
    REACHED = "reached"
    UNCLEAR = "not yet clear"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Said:
    """What one person said of one output.

    labels        {criterion: label} as first given
    final         the same after the last revision; `labels` itself where nothing was revised
    judge, known  the judge's labels and the right ones; None where there are none
    is_blind      first given before the judge's labels were seen
    is_sampled    drawn by a plan, so that it tells of ordinary work; else a gold unit
    """

    rater: Hashable
    output: Hashable
    cluster: Hashable
    labels: Labels
    final: Labels
    judge: Labels | None = None
    known: Labels | None = None
    is_blind: bool = True
    is_sampled: bool = True


@dataclass(frozen=True, slots=True)
class Anchoring:
    """What became of blind labels once the judge's stood beside them.

    revised            share of the labels that were changed
    followed           share of those that differed from the judge's and were changed to them
    left               share of those that were the judge's and were changed to others
    towards            of the changed labels, the share that moved to the judge's
    n_towards, n_away  how many moved to the judge's, and from them
    n_elsewhere        how many moved between labels that were not the judge's
    """

    revised: Estimate
    followed: Estimate
    left: Estimate
    towards: Estimate
    n_towards: int
    n_away: int
    n_elsewhere: int

    @property
    def n_revised(self) -> int:
        return self.n_towards + self.n_away + self.n_elsewhere


def accuracy(said: Iterable[Said]) -> Estimate:
    """Share of labels that are the known ones, over all that is known."""
    return _same(((one, one.labels, one.known) for one in said), NO_GOLD)


def standing(found: Estimate, bar: float) -> Standing:
    """Where an accuracy stands to the `bar`, both 0 to 1: below where the whole interval is, reached likewise."""
    if found.value is None:
        return Standing.UNKNOWN
    if found.high is not None and found.high < bar:
        return Standing.BELOW
    if found.low is not None and found.low >= bar:
        return Standing.REACHED
    return Standing.UNCLEAR


def with_judge(said: Iterable[Said]) -> Estimate:
    """Share of blind labels of sampled outputs that are the judge's too."""
    return _same(((one, one.labels, one.judge) for one in _comparable(said)), NO_JUDGE)


def with_people(said: Iterable[Said]) -> tuple[Estimate, dict[Hashable, Estimate]]:
    """The share of others who gave the same label, over labels that others gave as well: of all, and by person.

    Blind labels of sampled outputs only. People who labelled nothing together with others are absent. Of all, each pair
    counts from both sides, which moves no share.
    """
    by_output: defaultdict[Hashable, list[Said]] = defaultdict(list)
    for one in _comparable(said):
        by_output[one.output].append(one)
    shares: defaultdict[Hashable, list[tuple[Hashable, float]]] = defaultdict(list)
    for together in by_output.values():
        for one in together:
            for criterion, label in one.labels.items():
                others = [other.labels.get(criterion) for other in together if other is not one]
                given = [other for other in others if other is not None]
                if given:
                    shares[one.rater].append((one.cluster, given.count(label) / len(given)))
    everybody = [row for rows in shares.values() for row in rows]
    return _share(everybody, NO_PEOPLE), {rater: _share(rows, NO_PEOPLE) for rater, rows in shares.items()}


def anchoring(said: Iterable[Said]) -> Anchoring:
    """How people's blind labels changed after the judge's were shown, and which way."""
    # (shopper, first, last, judge's) of each label
    moves = [
        (one.cluster, label, one.final.get(criterion, label), one.judge[criterion])
        for one in said
        if one.is_blind and one.judge is not None
        for criterion, label in one.labels.items()
        if criterion in one.judge
    ]
    changed = [move for move in moves if move[1] != move[2]]
    differed = [move for move in moves if move[1] != move[3]]
    same = [move for move in moves if move[1] == move[3]]
    n_towards = sum(last == judge for _, _, last, judge in changed)
    n_away = sum(first == judge for _, first, _, judge in changed)
    return Anchoring(
        revised=_share([(cluster, first != last) for cluster, first, last, _ in moves], NO_REVEAL),
        followed=_share([(cluster, last == judge) for cluster, _, last, judge in differed], NO_REVEAL),
        left=_share([(cluster, last != judge) for cluster, _, last, judge in same], NO_REVEAL),
        towards=_share([(cluster, last == judge) for cluster, _, last, judge in changed], NO_REVISION),
        n_towards=n_towards,
        n_away=n_away,
        n_elsewhere=len(changed) - n_towards - n_away,
    )


def _comparable(said: Iterable[Said]) -> Iterable[Said]:
    return (one for one in said if one.is_blind and one.is_sampled)


def _same(pairs: Iterable[tuple[Said, Labels, Labels | None]], nothing: str) -> Estimate:
    rows = [
        (one.cluster, label == other[criterion])
        for one, labels, other in pairs
        if other is not None
        for criterion, label in labels.items()
        if criterion in other
    ]
    return _share(rows, nothing)


def _share(rows: Sequence[tuple[Hashable, float]], nothing: str) -> Estimate:
    if not rows:
        return Estimate.unknown(nothing)
    return proportion([hit for _, hit in rows], [cluster for cluster, _ in rows])
