"""How a list is asked for and counted: the same for every model, whatever environment it runs in."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.retrieval import data
from judge.statistics.intervals import Estimate, bootstrap_of_sums
from recommend.retrieval.ranking import hit_and_gain

SEED = 20261130
METRICS = ("HR@10", "NDCG@10", "HR@30")
N_RESAMPLES = 10_000


@dataclass(frozen=True)
class View:
    """What a list is asked for: whether known items are left out of it, and which targets count."""

    name: str
    offers_known: bool
    counts: tuple[bool, ...]  # of targets: known, new


NEW = View("new items", offers_known=False, counts=(False, True))
REPEAT = View("items taken before", offers_known=True, counts=(True, False))


def evaluate(scores: np.ndarray, holdout: data.Holdout, view: View) -> np.ndarray:
    """HR@10, NDCG@10 and HR@30 of every shopper who has a target that counts: (n, 3)."""
    rows = []
    for row, history, targets in zip(scores, holdout.known.of_each(), holdout.targets, strict=True):
        is_known = np.isin(targets, history)
        counted = targets[is_known & view.counts[0] | ~is_known & view.counts[1]]
        if len(counted):
            offered = row.astype(np.float64)
            if not view.offers_known:
                offered[history] = -np.inf
            hit, gain = hit_and_gain(offered, counted, 10)
            rows.append((hit, gain, hit_and_gain(offered, counted, 30)[0]))
    return np.array(rows)


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean over shoppers and its 95 % interval, by the bootstrap over shoppers with the same resamples for all."""
    sums = np.column_stack([values, np.ones(len(values))])
    found: Estimate = bootstrap_of_sums(sums, None, lambda s: s[:, 0] / s[:, 1], n_resamples=N_RESAMPLES, seed=SEED)
    assert found.value is not None
    low, high = (found.value, found.value) if found.low is None or found.high is None else (found.low, found.high)
    return found.value, low, high


def machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, load average {os.getloadavg()[0]:.1f} at the start"


def shown(figure: Sequence[float], sign: str) -> str:
    value, low, high = (f"{one:{sign}.4f}" for one in figure)
    return f"{value} [{low}, {high}]"
