"""As many rows of each label of a criterion: pure. Source: V1 report, the judge's training data.

What there is least of is taken from all rounds; of the rest so much is left out that the labels balance, and the older
a row is, the likelier. How fast is not reported: by the half-life, ours, a row that is so old is half as likely to stay
as a new one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from hashlib import sha256

from training.data_sets.rows import TRAIN, Row


def balanced(rows: Sequence[Row], half_life_days: float, seed: int, dropped: Counter[str]) -> list[Row]:
    """The rows in their order, without those of training that outnumber the rarest label of their criterion.

    Validation stays as it is: what is measured there should be what happens. A criterion with one label alone teaches
    only to say that label, and is left out.
    """
    by_task: defaultdict[str, defaultdict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row.split == TRAIN and row.label:
            by_task[row.task][row.label].append(row)
    stays: set[int] = set()
    for labels in by_task.values():
        if len(labels) == 1:
            dropped["one_label"] += sum(map(len, labels.values()))
            continue
        fewest = min(map(len, labels.values()))
        newest = max(row.at for found in labels.values() for row in found)
        for found in labels.values():
            dropped["balanced"] += len(found) - fewest
            lots = sorted(found, key=lambda row: _lot(row, (newest - row.at).days / half_life_days, seed), reverse=True)
            stays.update(map(id, lots[:fewest]))
    return [row for row in rows if row.split != TRAIN or not row.label or id(row) in stays]


def _lot(row: Row, half_lives: float, seed: int) -> float:
    """A lot by which a row with half the weight is drawn half as often (Efraimidis and Spirakis, 2006).

    u^(1/w) of a uniform u and the weight w = 2^(−half-lives).
    """
    number = int.from_bytes(sha256(f"{seed}:{row.key}".encode()).digest()[:8])
    return float(((number + 1) / (2**64 + 1)) ** (2 ** min(half_lives, 1_000)))
