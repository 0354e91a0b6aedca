"""Which builder a stage has, each with its rows and the words for what became of its material."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from training.data_sets import accepted, judged, lists, pairs, purchases
from training.data_sets.curriculum import building as curriculum
from training.data_sets.rows import Row
from training.data_sets.wanted import Wanted


@dataclass(frozen=True, slots=True)
class Builder:
    """How the rows of a stage are made; `accepted.rows` says how `rows` is called, and what it raises.

    fates  the words for what became of the material, by the keys that `rows` counts
    """

    rows: Callable[[Wanted, Counter[str], Callable[[int], None]], Iterator[Row]]
    fates: Mapping[str, str]


BUILDERS = {
    "curriculum": Builder(curriculum.rows, curriculum.FATES),
    "self-training": Builder(accepted.rows, accepted.FATES),
    "pre-alignment": Builder(accepted.rows, accepted.FATES),
    "incremental": Builder(purchases.rows, purchases.FATES),
    "judge": Builder(judged.rows, judged.FATES),
    "preferences": Builder(pairs.rows, pairs.FATES),
    "rewards": Builder(lists.rows, lists.FATES),
}
