"""Do 95 % intervals cover the truth 95 % of the time? Simulated, with several outputs per shopper that are alike."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest

from judge import sampling
from judge.statistics.intervals import wilson
from judge.statistics.rates import corrected_rate, human_rate, judge_rate, population

N_SHOPPERS, N_REVIEWED, N_REPETITIONS = 500, 60, 500
# Where shoppers buy most, for every ten of them.
CATEGORIES = np.array(["soup"] * 5 + ["milk"] * 3 + ["tea", "figs"])


@dataclass
class World:
    """Outputs of generations of shoppers: what people would say, and what a lenient judge says."""

    shopper: np.ndarray  # (outputs,)
    generation: np.ndarray  # (outputs,)
    human: np.ndarray  # (outputs,) 0 or 1
    judge: np.ndarray  # (outputs,) 0 or 1


def world(rng, n_shoppers):
    """Shoppers with one or two generations of three to six outputs; some shoppers are easy for the model, some are not.

    The judge passes 95 % of what people pass and, being lenient, 55 % of what they fail; it is more lenient with some
    shoppers than with others.
    """
    shopper_of_generation = np.repeat(np.arange(n_shoppers), rng.integers(1, 3, n_shoppers))
    n_generations = len(shopper_of_generation)
    generation = np.repeat(np.arange(n_generations), rng.integers(3, 7, n_generations))
    shopper = shopper_of_generation[generation]
    human = rng.random(len(shopper)) < logistic(0.7 + 1.2 * rng.normal(size=n_shoppers)[shopper])
    leniency = 0.5 * rng.normal(size=n_shoppers)[shopper]
    judge = rng.random(len(shopper)) < logistic(np.where(human, np.log(0.95 / 0.05), np.log(0.55 / 0.45)) + leniency)
    return World(shopper, generation, human.astype(float), judge.astype(float))


def logistic(x):
    return 1 / (1 + np.exp(-x))


def uniform(rng, made):
    """The same number of generations each time, every one equally probable."""
    n = made.generation.max() + 1
    drawn = np.zeros(n, dtype=bool)
    drawn[rng.choice(n, N_REVIEWED, replace=False)] = True
    return drawn, np.full(n, N_REVIEWED / n)


def doubtful_first(rng, made):
    """Generations in which the judge failed much are up to five times as probable as those where it passed all."""
    n = made.generation.max() + 1
    failed = np.bincount(made.generation, 1 - made.judge) / np.bincount(made.generation)
    chance = np.minimum(1, N_REVIEWED * (0.2 + failed) / (0.2 + failed).sum())
    return rng.random(n) < chance, chance


def stratified(rng, made):
    """The same number of generations from each category of shoppers, however large it is."""
    _, first = np.unique(made.generation, return_index=True)
    categories = CATEGORIES[made.shopper[first] % len(CATEGORIES)].tolist()
    # As if few were asked for: tea and figs share a stratum.
    own = sampling.own_categories(Counter(categories), 6)
    strata = np.array([sampling.category_stratum(one, own) for one in categories])
    populations = Counter(strata.tolist())
    drawn, chance = np.zeros(len(strata), dtype=bool), np.zeros(len(strata))
    for name, size in sampling.allocate(N_REVIEWED, populations, equal=True).items():
        drawn[rng.choice(np.flatnonzero(strata == name), size, replace=False)] = True
        chance[strata == name] = size / populations[name]
    return drawn, chance


@pytest.mark.parametrize("plan", [uniform, stratified, doubtful_first])
def test_the_corrected_rate_covers_the_truth_and_the_naive_ones_do_not(plan):
    rng = np.random.default_rng(20)
    truth = world(rng, 100_000).human.mean()
    covered = {
        "corrected": 0,
        "human": 0,
        "judge alone": 0,
        "corrected, outputs taken as independent": 0,
        "unweighted": 0,
        "Wilson over outputs": 0,
    }

    for _ in range(N_REPETITIONS):
        made = world(rng, N_SHOPPERS)
        drawn, chance = plan(rng, made)
        rows = drawn[made.generation]
        human, judge, shoppers = made.human[rows], made.judge[rows], made.shopper[rows].tolist()
        inclusion = chance[made.generation[rows]].tolist()
        judged = population(made.shopper.tolist(), made.judge)
        each_its_own = population([*range(rows.sum()), *range(-(~rows).sum(), 0)], np.r_[judge, made.judge[~rows]])
        estimates = {
            "corrected": corrected_rate(human, judge, inclusion, shoppers, judged),
            "human": human_rate(human, inclusion, shoppers),
            "judge alone": judge_rate(judged),
            "corrected, outputs taken as independent": corrected_rate(
                human, judge, inclusion, list(range(len(human))), each_its_own
            ),
            "unweighted": human_rate(human, [1.0] * len(human), shoppers),
        }
        for name, estimate in estimates.items():
            covered[name] += estimate.low <= truth <= estimate.high
        low, high = wilson(float(human.sum()), len(human))
        covered["Wilson over outputs"] += low <= truth <= high

    coverage = {name: times / N_REPETITIONS for name, times in covered.items()}
    assert 0.93 <= coverage["corrected"] <= 0.97
    assert 0.93 <= coverage["human"] <= 0.97
    assert coverage["judge alone"] < 0.05
    assert coverage["corrected, outputs taken as independent"] < 0.9
    assert coverage["Wilson over outputs"] < 0.9
    if plan is doubtful_first:
        assert coverage["unweighted"] < 0.6
